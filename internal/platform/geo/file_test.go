package geo_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
)

func moved(t *testing.T) []byte {
	t.Helper()

	return geotest.File(t, geotest.Place{Network: "203.0.113.0/24", Country: geotest.Name{English: "Elsewhere"}})
}

func TestReload(t *testing.T) {
	t.Parallel()

	t.Run("ReplacedFileIsUsedAfterAMinute", func(t *testing.T) {
		t.Parallel()

		e := setup(t, geotest.File(t, geotest.Some()...))
		geotest.Replace(t, e.path, moved(t))

		e.past = time.Minute - time.Nanosecond
		e.expect(t, sydney, "Australia/Sydney")

		e.past = time.Minute
		e.expect(t, sydney, "Elsewhere/")
		e.expect(t, berlin, "/")

		if mapped := mappings(t, e.path); mapped > 1 {
			t.Errorf("%d files are mapped", mapped)
		}
	})

	t.Run("FileWrittenOverIsUsed", func(t *testing.T) {
		t.Parallel()

		e := setup(t, geotest.File(t, geotest.Some()...))
		if err := os.WriteFile(e.path, moved(t), 0o600); err != nil {
			t.Fatal(err)
		}

		e.past = time.Minute
		e.expect(t, sydney, "Elsewhere/")
	})

	// The file in use stays when another is not readable; that is logged once, not every minute.
	for name, damage := range map[string]func(t *testing.T, path string){
		"garbage":      func(t *testing.T, path string) { geotest.Replace(t, path, []byte("<html>Too many downloads</html>")) },
		"empty":        func(t *testing.T, path string) { geotest.Replace(t, path, nil) },
		"half":         func(t *testing.T, path string) { file := moved(t); geotest.Replace(t, path, file[:len(file)/2]) },
		"of providers": func(t *testing.T, path string) { geotest.Replace(t, path, providers(t)) },
		"missing": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run("OldFileStaysInUse/"+name, func(t *testing.T) {
			t.Parallel()

			e := setup(t, geotest.File(t, geotest.Some()...))
			damage(t, e.path)

			for range 3 {
				e.past += time.Minute
				e.expect(t, sydney, "Australia/Sydney")
			}

			if warned := strings.Count(e.log.String(), "level=WARN"); warned != 1 {
				t.Errorf("warned %d times: %s", warned, e.log)
			}

			geotest.Replace(t, e.path, moved(t))

			e.past += time.Minute
			e.expect(t, sydney, "Elsewhere/")
		})
	}
}

// Another file cannot be opened at the start.
func TestUnreadableFileIsRefused(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	whole := geotest.File(t, geotest.Some()...)

	for name, file := range map[string][]byte{
		"empty": {}, "garbage": []byte("garbage"), "half": whole[:len(whole)/2], "providers": providers(t), "places": geotest.File(t),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for _, name := range []string{"empty", "garbage", "half", "providers", "places", "missing", "."} {
		places, err := geo.Open(filepath.Join(folder, name), slog.New(slog.DiscardHandler), time.Now)
		if err == nil {
			places.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// providers is a file of the same format without places.
func providers(t *testing.T) []byte {
	t.Helper()

	return geotest.FileOf(t, "GeoLite2-ASN", map[string]mmdbtype.Map{
		"203.0.113.0/24": {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")},
	})
}

func TestDamagedRecordIsEmpty(t *testing.T) {
	t.Parallel()

	whole := geotest.File(t, geotest.Some()...)

	t.Run("pointer", func(t *testing.T) {
		t.Parallel()

		// Instead of the name's type and length: a pointer of four bytes, far behind the end.
		broken := bytes.Replace(whole, []byte("\x46Berlin"), []byte("\x38Berlin"), 1)
		if bytes.Equal(broken, whole) {
			t.Fatal("nothing was broken")
		}

		e := setup(t, broken)
		e.expect(t, berlin, "/")
		e.expect(t, sydney, "Australia/Sydney")
	})

	t.Run("type", func(t *testing.T) {
		t.Parallel()

		e := setup(t, geotest.FileOf(t, "GeoLite2-City", map[string]mmdbtype.Map{
			"203.0.113.0/24":  {"country": mmdbtype.String("AU")},
			"198.51.100.0/25": {"country": mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String("China")}}},
			"2001:db8:5::/48": {"country": mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.Uint32(49)}}},
		}))
		e.expect(t, sydney, "/")
		e.expect(t, china, "China/")
		e.expect(t, berlin, "/")
	})

	// For any wrong byte (a third of them is enough, and fast) the file is refused, or some names are wrong or missing,
	// and nothing worse.
	t.Run("WrongByte", func(t *testing.T) {
		t.Parallel()

		path := filepath.Join(t.TempDir(), "places.mmdb")

		for i := 0; i < len(whole); i += 3 {
			broken := bytes.Clone(whole)
			broken[i] ^= 0xff

			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}

			places, err := geo.Open(path, slog.New(slog.DiscardHandler), time.Now)
			if err != nil {
				continue
			}

			e := &env{Locator: places}
			for _, address := range []string{sydney, china, berlin} {
				e.at(address, language.Chinese)
			}

			places.Close()
		}
	})
}

// Another program writes a shorter file over the mapped one: the mapped part is gone, and reading it must not end the
// process.
func TestFileCutShortInPlaceIsEmpty(t *testing.T) {
	t.Parallel()

	whole := geotest.File(t, geotest.Some()...)
	e := setup(t, whole)

	if err := os.Truncate(e.path, 0); err != nil {
		t.Fatal(err)
	}

	e.expect(t, sydney, "/")

	e.past += time.Minute
	e.expect(t, sydney, "/") // it cannot be read yet

	if err := os.WriteFile(e.path, whole, 0o600); err != nil {
		t.Fatal(err)
	}

	e.past += time.Minute
	e.expect(t, sydney, "Australia/Sydney")
}
