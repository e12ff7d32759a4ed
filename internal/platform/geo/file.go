package geo

import (
	"errors"
	"fmt"
	"runtime/debug"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

const (
	// sample is in how many networks of a file a place is looked for. Every file of places has one
	// among the first few.
	sample = 10_000
	// longestName is what no place's name exceeds; what is longer is damage.
	longestName = 128
)

var errNoPlaces = errors.New("it is not one of countries or cities")

// place is what we read of a record.
type place struct {
	Country struct {
		Names names `maxminddb:"names"`
	} `maxminddb:"country"`
	City struct {
		Names names `maxminddb:"names"`
	} `maxminddb:"city"`
}

type names struct {
	Chinese string `maxminddb:"zh-CN"`
	English string `maxminddb:"en"`
}

func (n names) in(l language.Language) string {
	if l == language.Chinese && n.Chinese != "" {
		return sound(n.Chinese)
	}

	return sound(n.English)
}

// sound is the name, or nothing where it cannot be one.
func sound(name string) string {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestName {
		return ""
	}

	return name
}

// openFile refuses what is not a file of places: one of providers or of anonymous proxies has the
// same format, and would leave everybody nowhere without a word.
func openFile(path string) (*maxminddb.Reader, error) {
	var reader *maxminddb.Reader

	err := guarded(func() (err error) {
		// A place is asked for now and then; there is nothing to cache.
		reader, err = maxminddb.Open(path, maxminddb.DisableStringCache())

		return err
	})
	if err != nil {
		return nil, err
	}

	if err := guarded(func() error { return knowsPlaces(reader) }); err != nil {
		_ = reader.Close() // what cannot be unmapped stays mapped

		return nil, err
	}

	return reader, nil
}

func knowsPlaces(reader *maxminddb.Reader) error {
	left := sample

	for network := range reader.Networks() {
		var found place
		if network.Decode(&found) == nil && found != (place{}) {
			return nil
		}

		if left--; left == 0 {
			break
		}
	}

	return errNoPlaces
}

// guarded makes an error of a fault. The file is mapped into memory, because a large one would
// otherwise be the larger part of what this process takes; where somebody cuts it short in place,
// reading what is gone is a SIGBUS, which ends a process that does not ask for a panic instead.
func guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))

	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("damaged: %v", fault)
		}
	}()

	return read()
}
