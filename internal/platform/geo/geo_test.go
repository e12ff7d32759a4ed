package geo_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
)

const (
	sydney = "203.0.113.7"
	china  = "198.51.100.7" // no city
	berlin = "2001:db8:5::7"
)

// env is a Locator, its file, and what it logged.
type env struct {
	*geo.Locator

	path string
	log  *bytes.Buffer
	past time.Duration // since the start
}

func setup(t *testing.T, file []byte) *env {
	t.Helper()

	e := &env{path: filepath.Join(t.TempDir(), "places.mmdb"), log: &bytes.Buffer{}}
	if err := os.WriteFile(e.path, file, 0o600); err != nil {
		t.Fatal(err)
	}

	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

	var err error

	e.Locator, err = geo.Open(e.path, slog.New(slog.NewTextHandler(e.log, nil)), func() time.Time { return start.Add(e.past) })
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.Close)

	return e
}

// at returns the country and the city in one text, such as Germany/Berlin.
func (e *env) at(address string, in language.Language) string {
	country, city := e.Locate(netip.MustParseAddr(address), in)

	return country + "/" + city
}

func (e *env) expect(t *testing.T, address, want string) {
	t.Helper()

	if got := e.at(address, language.English); got != want {
		t.Errorf("%s: %q, want %q", address, got, want)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()

	// The private network is in the file, so that only the rule excludes it.
	e := setup(t, geotest.File(t, append(geotest.Some(),
		geotest.Place{Network: "10.0.0.0/8", Country: geotest.Name{English: "Office"}},
		geotest.Place{Network: "127.0.0.0/8", Country: geotest.Name{English: "Here"}},
		geotest.Place{Network: "192.0.2.0/24", Country: geotest.Name{English: strings.Repeat("x", 129)}, City: geotest.Name{English: "a\xffb"}},
	)...))

	for _, c := range []struct{ name, address, chinese, english string }{
		{"IPv4", sydney, "澳大利亚/悉尼", "Australia/Sydney"},
		{"mapped", "::ffff:" + sydney, "澳大利亚/悉尼", "Australia/Sydney"},
		{"CountryOnly", china, "中国/", "China/"},
		{"ChineseNameIsMissing", berlin, "德国/Berlin", "Germany/Berlin"},
		{"zone", "2001:db8:5::7%eth0", "德国/Berlin", "Germany/Berlin"},
		{"UnknownIPv4", "198.51.100.128", "/", "/"},
		{"UnknownIPv6", "2001:db8:6::1", "/", "/"},
		{"private", "10.1.2.3", "/", "/"},
		{"PrivateMapped", "::ffff:10.1.2.3", "/", "/"},
		{"UniqueLocal", "fd00::1", "/", "/"},
		{"loopback", "127.0.0.1", "/", "/"},
		{"LinkLocal", "fe80::1%eth0", "/", "/"},
		{"NamesThatCannotBe", "192.0.2.1", "/", "/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			if got := e.at(c.address, language.Chinese); got != c.chinese {
				t.Errorf("in Chinese %q, want %q", got, c.chinese)
			}

			if got := e.at(c.address, language.English); got != c.english {
				t.Errorf("in English %q, want %q", got, c.english)
			}
		})
	}

	t.Run("NoAddress", func(t *testing.T) {
		t.Parallel()

		if country, city := e.Locate(netip.Addr{}, language.English); country != "" || city != "" {
			t.Errorf("%q, %q", country, city)
		}
	})
}

func TestNothingIsKnownWithoutAFile(t *testing.T) {
	t.Parallel()

	places, err := geo.Open("", slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer places.Close()

	if country, city := places.Locate(netip.MustParseAddr(sydney), language.English); country != "" || city != "" {
		t.Errorf("%q, %q", country, city)
	}
}

func TestClosedKnowsNothing(t *testing.T) {
	t.Parallel()

	e := setup(t, geotest.File(t, geotest.Some()...))
	e.Close()
	e.Close()

	e.past = time.Hour
	e.expect(t, sydney, "/")
}

// Many lookups run while the file is replaced again and again: each result is from one of the files. With the race
// detector, and mappings that are removed at once, this shows that no lookup reads a closed file.
func TestReplacedUnderLoad(t *testing.T) {
	t.Parallel()

	old, next := geotest.File(t, geotest.Some()...), geotest.File(t, geotest.Place{Network: "203.0.113.0/24", Country: geotest.Name{English: "Elsewhere"}})
	path := filepath.Join(t.TempDir(), "places.mmdb")
	geotest.Replace(t, path, old)

	// Each reading of this clock is a minute later than the previous one.
	var (
		mu    sync.Mutex
		clock = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	)

	places, err := geo.Open(path, slog.New(slog.DiscardHandler), func() time.Time {
		mu.Lock()
		defer mu.Unlock()

		clock = clock.Add(time.Minute)

		return clock
	})
	if err != nil {
		t.Fatal(err)
	}
	defer places.Close()

	var (
		askers sync.WaitGroup
		seen   sync.Map
		done   = make(chan struct{})
	)

	for range 4 {
		askers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					country, _ := places.Locate(netip.MustParseAddr(sydney), language.English)
					seen.Store(country, true)
				}
			}
		})
	}

	for i := range 200 {
		geotest.Replace(t, path, [][]byte{next, old}[i%2])

		if country, _ := places.Locate(netip.MustParseAddr(sydney), language.English); country == "" {
			t.Error("nowhere while the file was replaced")
		}
	}

	close(done)
	askers.Wait()

	seen.Range(func(country, _ any) bool {
		if country != "Australia" && country != "Elsewhere" {
			t.Errorf("found %q", country)
		}

		return true
	})

	if mapped := mappings(t, path); mapped > 1 {
		t.Errorf("%d files are mapped", mapped)
	}
}

// mappings returns how many files that are or were at the path this process has mapped, if the system reports it.
func mappings(t *testing.T, path string) int {
	t.Helper()

	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0
	}

	return bytes.Count(maps, []byte(filepath.Dir(path)))
}
