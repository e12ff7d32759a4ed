// Package geo knows in which country and city an address is, from a file in MaxMind's format on this
// machine (GeoLite2 or GeoIP2, City or Country; DB-IP's are of the same form). It asks nobody outside,
// and what it does not know is empty: no answer fails because of it.
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

// lookEvery is how often somebody checks whether the file was replaced, at the most.
const lookEvery = time.Minute

// Locator returns from one file, and from the next one once that took its place. It may be used from
// many goroutines.
type Locator struct {
	log *slog.Logger
	now func() time.Time

	looking sync.Mutex  // held by the one that looks at the file; nobody waits for it
	path    string      // empty if there is nothing to look at
	looked  time.Time   // when that was
	version os.FileInfo // the file that is in use
	trouble string      // what was said about a file that cannot be, so that it is said once

	using  sync.RWMutex // so that no file is unmapped under a lookup
	reader *maxminddb.Reader
}

// Open makes a Locator of the file at the path. Of an empty path it makes one that knows nothing.
func Open(path string, log *slog.Logger, now func() time.Time) (*Locator, error) {
	l := &Locator{log: log, now: now, path: path}
	if path == "" {
		return l, nil
	}

	l.looked = now()

	return l, l.read()
}

// Locate returns the names of the country and the city in the language, or else in English. Each is
// empty if it is not known.
func (l *Locator) Locate(address netip.Addr, in language.Language) (country, city string) {
	// One from a private network is in no place, whatever a file says.
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

// Close gives the file back. From then on nothing is known.
func (l *Locator) Close() {
	l.looking.Lock()
	defer l.looking.Unlock()

	l.path = ""
	l.use(nil)
}

// look reads the file again where another one took its place. Until that can be read, the one before
// stays in use.
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

// read makes the file at the path the one in use, unless it is that already.
func (l *Locator) read() error {
	// Asked before the file is opened: one that takes its place in between is noticed the next time.
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

// use puts a file in the place of the one in use, when no lookup is in that one.
func (l *Locator) use(reader *maxminddb.Reader) {
	l.using.Lock()
	defer l.using.Unlock()

	if l.reader != nil {
		_ = l.reader.Close() // what cannot be unmapped stays mapped
	}

	l.reader = reader
}

// same is whether nobody replaced a file or wrote into it. A number of an inode is not used again
// before the file that has it is unmapped.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
