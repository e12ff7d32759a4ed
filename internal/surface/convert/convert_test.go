package convert_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
)

func TestTimeHasThreeDecimalsInUTC(t *testing.T) {
	t.Parallel()

	east := time.FixedZone("", 8*60*60)

	for want, at := range map[string]time.Time{
		"2026-01-01T19:04:05.000Z": time.Date(2026, 1, 2, 3, 4, 5, 0, east),
		"2026-01-02T03:04:05.120Z": time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.UTC),
		"2026-01-02T03:04:05.999Z": time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, time.UTC),
	} {
		if got := convert.Time(at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()

	for want, address := range map[string]netip.Addr{
		"": {}, "203.0.113.7": netip.MustParseAddr("203.0.113.7"), "2001:db8:5::1": netip.MustParseAddr("2001:db8:5::1"),
	} {
		if got := convert.Address(address); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func places(t *testing.T) *geo.Locator {
	t.Helper()

	path := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, geotest.File(t, geotest.Some()...), 0o600); err != nil {
		t.Fatal(err)
	}

	located, err := geo.Open(path, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { located.Close() })

	return located
}

// What is not known is absent, not empty.
func TestLocation(t *testing.T) {
	t.Parallel()

	located := places(t)

	for _, one := range []struct {
		address       string
		in            language.Language
		country, city string
	}{
		{"203.0.113.7", language.English, "Australia", "Sydney"},
		{"203.0.113.7", language.Chinese, "澳大利亚", "悉尼"},
		{"198.51.100.7", language.English, "China", ""},
		{"10.0.0.1", language.English, "", ""},
	} {
		got := convert.Location(located, netip.MustParseAddr(one.address), one.in)

		if (got.Country == nil) != (one.country == "") || (got.City == nil) != (one.city == "") ||
			convert.Text(got.Country) != one.country || convert.Text(got.City) != one.city {
			t.Errorf("%s: %q, %q, want %q, %q", one.address, convert.Text(got.Country), convert.Text(got.City), one.country, one.city)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()

	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	list := []session.Session{
		{
			ID: "one", Surface: "public", Device: "Studio", Address: netip.MustParseAddr("203.0.113.7"),
			CreatedAt: created, SeenAt: created.Add(time.Hour), ExpiresAt: created.Add(2 * time.Hour),
		},
		{ID: "other", Surface: "toolkit"},
	}

	got := convert.Sessions(list, "other", places(t), language.English)
	if !got.Success || len(got.Sessions) != 2 {
		t.Fatalf("%+v", got)
	}

	first, second := got.Sessions[0], got.Sessions[1]
	country, city := convert.Text(first.Location.Country), convert.Text(first.Location.City)
	first.Location = api.Location{}

	want := api.Session{
		ID: "one", Surface: "public", Device: "Studio", Address: "203.0.113.7",
		CreatedAt: "2026-01-02T03:04:05.000Z", SeenAt: "2026-01-02T04:04:05.000Z", ExpiresAt: "2026-01-02T05:04:05.000Z",
	}
	if first != want || country != "Australia" || city != "Sydney" {
		t.Errorf("%+v in %s, %s, want %+v", first, country, city, want)
	}

	if second.ID != "other" || second.Surface != "toolkit" || second.Address != "" || !second.Current {
		t.Errorf("%+v", second)
	}

	// A list without an entry is [], not null.
	if none := convert.Sessions(nil, "", places(t), language.English); none.Sessions == nil {
		t.Error("no sessions are nil")
	}
}

func TestEmailIsInItsNormalForm(t *testing.T) {
	t.Parallel()

	if got, err := convert.Email("Some.One@KONEC.test"); err != nil || got != "some.one@konec.test" {
		t.Errorf("%q, %v", got, err)
	}

	if got, err := convert.Email("no address"); err == nil {
		t.Errorf("%q", got)
	}
}

func TestTextOfAnAbsentMemberIsEmpty(t *testing.T) {
	t.Parallel()

	text := "text"
	if convert.Text(nil) != "" || convert.Text(&text) != "text" {
		t.Errorf("%q and %q", convert.Text(nil), convert.Text(&text))
	}
}
