package account

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// T-21, R-I6, V-25: one address has one form, and no address passes for another.
func TestParseEmail(t *testing.T) {
	t.Parallel()

	local64, label63 := strings.Repeat("l", 64), strings.Repeat("d", 63)
	longest := local64 + "@" + label63 + "." + label63 + "." + strings.Repeat("d", 57) + ".au" // 254 bytes

	for in, want := range map[string]string{
		"user@konec.com.au":                "user@konec.com.au",
		"  User@KONEC.com.AU\t":            "user@konec.com.au",
		"a.b+tag@x.io":                     "a.b+tag@x.io",
		"!#$%&'*+/=?^_`{|}~-@x.io":         "!#$%&'*+/=?^_`{|}~-@x.io",
		"a@bücher.example":                 "a@xn--bcher-kva.example",
		"a@BÜCHER.example":                 "a@xn--bcher-kva.example",
		"a@bu\u0308cher.example":           "a@xn--bcher-kva.example", // the same, decomposed
		"a@xn--bcher-kva.example":          "a@xn--bcher-kva.example",
		"a@例子。中国":                          "a@xn--fsqu00a.xn--fiqs8s",
		"a@ｘ.io":                           "a@x.io", // full width, by IDNA's own mapping
		"a@x-y.io":                         "a@x-y.io",
		"1@1.io":                           "1@1.io",
		"a@ab--cd.example":                 "a@ab--cd.example", // IN-K24: registered before IDNA took these places
		"a@AB--CD.ef--gh.example":          "a@ab--cd.ef--gh.example",
		longest:                            longest,
		"\u3000user@x.io\u00a0":            "user@x.io",
		"A@\u212aonec.com.au":              "a@konec.com.au", // KELVIN SIGN is k in a domain, and invalid in a local part
		strings.ToUpper(local64) + "@x.io": local64 + "@x.io",
	} {
		if got, err := ParseEmail(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}

	for _, in := range []string{
		"", "@", "a", "a@", "@x.io", "a@b", "a@@x.io", "a@x.io@y.io", "a@x..io", "a@.x.io", "a@x.io.", "a@-x.io", "a@x-.io", "a@x_y.io",
		".a@x.io", "a.@x.io", "a..b@x.io", "a b@x.io", "a@x .io", "\"a\"@x.io", "\"a@b\"@x.io", "a(b)@x.io", "<a@x.io>", "A <a@x.io>",
		"a@x.io,b@x.io", "a@x.io;b@x.io", "a@x.io b@x.io", "a@x.io\r\nBcc: b@x.io", "a\r\n@x.io", "a@x\x00.io", "a\x00@x.io", "a\u2028@x.io",
		"mıke@x.io", "ſ@x.io", "\u212a@x.io", "ß@x.io", "用户@x.io", "a@[127.0.0.1]", "a@127.0.0.1", "a@1.2",
		"a@x.123", "a%0d%0a@x.io\n.", "a@xn--a.io", "a@xn--\u00fc.io", "a@\u202ex.io", "a@x\u200b.io.\u200b", "a\u200b@x.io", "a\u0301@x.io",
		local64 + "l@x.io", "a@" + label63 + "d.io", "l" + longest, strings.Repeat("a", 1025), "a@x.io\xff", "\xff@x.io",
		"a> BODY=8BITMIME@x.io", "a\\@x.io",
	} {
		if got, err := ParseEmail(in); err == nil {
			t.Errorf("%q: accepted as %q", in, got)
		}
	}
}

// R-I6: a domain that only looks like another is a different one.
func TestHomoglyphsStayApart(t *testing.T) {
	t.Parallel()

	latin, err := ParseEmail("a@apple.com")
	if err != nil {
		t.Fatal(err)
	}

	if cyrillic, err := ParseEmail("a@\u0430pple.com"); err == nil && cyrillic == latin {
		t.Error("the Cyrillic domain became the Latin one")
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"user@konec.com.au", "A@Bücher.example", "a\r\n@x.io", "mıke@x.io", "a@例子。中国", "a@x\u200d.io", "\"a b\"@x.io"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		start := time.Now()
		email, err := ParseEmail(s)

		if took := time.Since(start); took > time.Second { // V-25 requires 50 ms on an idle machine
			t.Errorf("took %s", took)
		}

		if err != nil {
			return
		}

		if again, err := ParseEmail(email); err != nil || again != email {
			t.Errorf("%q became %q, and that %q, %v", s, email, again, err)
		}

		if strings.Count(email, "@") != 1 || len(email) > 254 || strings.ToLower(email) != email {
			t.Errorf("%q is not a normal form", email)
		}

		for i := range len(email) {
			if email[i] <= ' ' || email[i] > '~' || strings.IndexByte(`"(),:;<>[\]`, email[i]) >= 0 {
				t.Errorf("%q has a byte that an address must not have", email)
			}
		}
	})
}

func TestParseName(t *testing.T) {
	t.Parallel()

	family := "👨\u200d👩\u200d👧"

	for in, want := range map[string]string{
		"New User": "New User", " 张伟　": "张伟", "e\u0301": "é", family: family, "a\u00a0b": "a\u00a0b", strings.Repeat("长", 64): strings.Repeat("长", 64),
		"<b>": "<b>", "O'Neil": "O'Neil",
		// IN-K22: Persian, Marathi with an eyelash r, and the flags of parts of a country.
		"علی\u200cرضا": "علی\u200cرضا", "می\u200cخواهم نام": "می\u200cخواهم نام", "क्\u200cष": "क्\u200cष", "र्\u200dया": "र्\u200dया",
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f":     "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
		"Nia 🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f": "Nia 🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
	} {
		if got, err := ParseName(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}

	for _, in := range []string{
		"", " ", "\u3000", "a\nb", "a\rb", "a\tb", "a\x00b", "a\x1b[2Jb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\u200bb",
		"a\u200c", "\u200ca", "a\u200c b", "a \u200cb", "a\u200c\u200cb", "\u200d", "a\u200d", "\u200da", "a\U000e0067", "\U000e0067", "🏴\U000e007f\U000e007f",
		"1\u200c2", "🏳\U000e0067", "\ufeffa", "a\xff", strings.Repeat("a", 65), strings.Repeat("a", 2000), "\u00ada",
	} {
		if got, err := ParseName(in); err == nil {
			t.Errorf("%q: accepted as %q", in, got)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"New User", " e\u0301 ", "a\nb", "\u202e", "👨\u200d👩", "\xff", "ﬁ", "\u1100\u1161\u11a8"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if err != nil {
			return
		}

		if again, err := ParseName(name); err != nil || again != name {
			t.Errorf("%q became %q, and that %q, %v", s, name, again, err)
		}

		if n := utf8.RuneCountInString(name); n < 1 || n > 64 || strings.TrimSpace(name) != name {
			t.Errorf("%q is not a name", name)
		}

		for _, r := range name {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r == utf8.RuneError && !strings.ContainsRune(s, utf8.RuneError) {
				t.Errorf("%q has %U", name, r)
			}
		}
	})
}

// NewID returns an ObjectID of the time: ids sort by age.
func TestNewID(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]bool{}

	for i := range 1000 {
		id := NewID(now.Add(time.Duration(i) * time.Second))
		if len(id) != 24 || strings.Trim(id, "0123456789abcdef") != "" || seen[id] {
			t.Fatalf("id %q", id)
		}

		seen[id] = true
	}

	if older, newer := NewID(now), NewID(now.Add(time.Second)); older >= newer {
		t.Errorf("%s is not before %s", older, newer)
	}
}

// UI-D2: ids sort by the time of creation, to the millisecond, and then by the ordinal.
func TestNewIDAt(t *testing.T) {
	t.Parallel()

	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}

		return when
	}

	ids := []string{
		NewIDAt(at("1970-01-01T00:00:00Z"), 1<<53), NewIDAt(at("2020-02-29T23:59:59.998Z"), 1<<54+9), NewIDAt(at("2020-02-29T23:59:59.999Z"), 7),
		NewIDAt(at("2020-02-29T23:59:59.999Z"), 8), NewIDAt(at("2020-02-29T23:59:59.999999Z"), 9), NewIDAt(at("2020-03-01T00:00:00Z"), 0),
		NewIDAt(at("2106-02-07T06:28:15Z"), 0), NewIDAt(at("9999-01-01T00:00:00Z"), 1),
	}

	for i, id := range ids {
		if len(id) != 24 || strings.Trim(id, "0123456789abcdef") != "" || i > 0 && ids[i-1] >= id {
			t.Errorf("%d: %q of %q", i, id, ids)
		}
	}
}
