package origin

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

// R-C10: what one user controls is one network.
func TestNetwork(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]string{
		"203.0.113.9":              "203.0.113.9",
		"::ffff:203.0.113.9":       "203.0.113.9",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff::": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":          "2001:db8:1:3::/64",
		"fe80::1%eth0":             "fe80::/64",
		"::1":                      "::/64",
	} {
		if got := (Origin{Address: netip.MustParseAddr(address)}).Network(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}

	if got := (Origin{}).Network(); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}

func TestAddressOrNil(t *testing.T) {
	t.Parallel()

	if got := Command("test").AddressOrNil(); got != nil {
		t.Errorf("a command has the address %s", got)
	}

	// Postgres does not store a zone.
	if got := (Origin{Address: netip.MustParseAddr("fe80::1%eth0")}).AddressOrNil(); got == nil || got.String() != "fe80::1" {
		t.Errorf("got %v", got)
	}
}

func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"Mozilla/5.0", "a\r\nb", "\x1b[2J", "\xff\xfe", strings.Repeat("长", 100), "\u0085\x00"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if len(got) > 256 || !utf8.ValidString(got) || Printable(got) != got {
			t.Errorf("%q became %q", s, got)
		}

		for _, r := range got {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("%q has %U", got, r)
			}
		}
	})
}
