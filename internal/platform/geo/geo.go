// Package geo returns the country and city of an address, from a local file in MaxMind's format (GeoLite2 or GeoIP2,
// City or Country; DB-IP's have the same form). It makes no request, and returns empty names for unknown addresses: no
// response fails because of it.
package geo

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// lookEvery is the minimum time between two checks whether the file was replaced.
const lookEvery = time.Minute

// Locator looks addresses up in one file, and in its replacement once there is one. It may be used from many
// goroutines.
type Locator struct {
	log *slog.Logger
	now func() time.Time

	looking sync.Mutex  // held by the goroutine that checks the file; no other waits for it
	path    string      // empty if there is no file
	looked  time.Time   // the time of the last check
	version os.FileInfo // the file that is in use
	trouble string      // what was logged about an unreadable file, so that it is logged once

	using  sync.RWMutex // so that no file is unmapped under a lookup
	reader *maxminddb.Reader
}

// Open returns a Locator for the file at the path. With an empty path, it knows no places.
func Open(path string, log *slog.Logger, now func() time.Time) (*Locator, error) {
	l := &Locator{log: log, now: now, path: path}
	if path == "" {
		return l, nil
	}

	l.looked = now()

	return l, l.read()
}

// Locate returns the names of the country and the city in the language, or else in English. Each is empty if it is not
// known.
func (l *Locator) Locate(address netip.Addr, in language.Language) (country, city string) {
	// An address in a private network has no place, whatever a file contains.
	address = address.Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return "", ""
	}

	l.look()

	l.using.RLock()
	defer l.using.RUnlock()

	if l.reader == nil {
		return "", ""
	}

	var found place
	if err := guarded(func() error { return l.reader.Lookup(address).Decode(&found) }); err != nil {
		return "", ""
	}

	return found.Country.Names.in(in), found.City.Names.in(in)
}

// Close releases the file. From then on no place is known.
func (l *Locator) Close() {
	l.looking.Lock()
	defer l.looking.Unlock()

	l.path = ""
	l.use(nil)
}

// look reads the file again if it was replaced. If the new file cannot be read, the previous one stays in use.
func (l *Locator) look() {
	if !l.looking.TryLock() {
		return
	}
	defer l.looking.Unlock()

	now := l.now()
	if l.path == "" || now.Sub(l.looked).Abs() < lookEvery {
		return
	}

	l.looked = now

	err := l.read()

	switch {
	case err == nil:
		l.trouble = ""
	case err.Error() != l.trouble:
		l.trouble = err.Error()
		l.log.Warn("the file of places cannot be read; the one before stays in use", "error", l.trouble)
	}
}

// read makes the file at the path the one in use, unless it already is.
func (l *Locator) read() error {
	// Read before the file is opened: a replacement in between is noticed at the next check.
	version, err := os.Stat(l.path)
	if err != nil {
		return fmt.Errorf("find the file of places: %w", err)
	}

	if l.version != nil && same(version, l.version) {
		return nil
	}

	if !version.Mode().IsRegular() {
		return errors.New("read the file of places: not a file")
	}

	reader, err := openFile(l.path)
	if err != nil {
		return fmt.Errorf("read the file of places: %w", err)
	}

	l.version = version
	l.use(reader)

	return nil
}

// use replaces the file in use, while no lookup is reading it.
func (l *Locator) use(reader *maxminddb.Reader) {
	l.using.Lock()
	defer l.using.Unlock()

	if l.reader != nil {
		_ = l.reader.Close() // a file that cannot be unmapped stays mapped
	}

	l.reader = reader
}

// same reports whether the file was neither replaced nor written. An inode's number is not used again before its file
// is unmapped.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
