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
	// sample is how many networks of a file are searched for a place. Every file of places has one among the first few.
	sample = 10_000
	// longestName is longer than every place's name; a longer one is damage.
	longestName = 128
)

var errNoPlaces = errors.New("it is not one of countries or cities")

// place is the part of a record that we read.
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

// sound returns the name, or nothing if it cannot be a name.
func sound(name string) string {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestName {
		return ""
	}

	return name
}

// openFile refuses a file that does not contain places: one of providers or of anonymous proxies has the same format,
// and would silently locate no one.
func openFile(path string) (*maxminddb.Reader, error) {
	var reader *maxminddb.Reader

	err := guarded(func() (err error) {
		// Places are looked up rarely; a cache would not pay.
		reader, err = maxminddb.Open(path, maxminddb.DisableStringCache())

		return err
	})
	if err != nil {
		return nil, err
	}

	if err := guarded(func() error { return knowsPlaces(reader) }); err != nil {
		_ = reader.Close() // a file that cannot be unmapped stays mapped

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

// guarded converts a memory fault to an error. The file is mapped, because a large one would otherwise be most of this
// process's memory. If another program truncates it in place, reading the missing part is a SIGBUS, which ends a
// process that does not request a panic instead.
func guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))

	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("damaged: %v", fault)
		}
	}()

	return read()
}
