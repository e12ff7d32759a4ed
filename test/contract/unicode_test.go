package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// annaAddress is the normal form of an address at bücher.example.
const annaAddress = "anna.k@xn--bcher-kva.example"

// annaForms are other ways to write annaAddress.
var annaForms = map[string]string{
	"upper case":      "ANNA.K@XN--BCHER-KVA.EXAMPLE",
	"unicode":         "anna.k@bücher.example",
	"unicode capital": "Anna.K@BÜCHER.Example",
	"decomposed":      "anna.k@bu\u0308cher.example",
	"spaces":          "  anna.k@bücher.example\t",
	"wide spaces":     "\u3000anna.k@bücher.example\u00a0",
	"full width":      "anna.k@ｂücher.ｅxample",
	"other full stop": "anna.k@bücher。example",
	"soft hyphen":     "anna.k@bü\u00adcher.example",
	"zero width":      "anna.k@bü\u200bcher.example",
}

// otherAddresses are different addresses, however similar they look.
var otherAddresses = map[string]string{
	"without the dot":  "annak@bücher.example",
	"without the dots": "anna.k@bucher.example",
	"ue":               "anna.k@buecher.example",
	"cyrillic a":       "anna.k@bücher.ex\u0430mple",
	"greek u":          "anna.k@b\u03cbcher.example",
	"subdomain":        "anna.k@mail.bücher.example",
	"dotless i":        "anna.k@bücher.ıexample",
}

// invalidAddresses are refused by every operation.
var invalidAddresses = map[string]string{
	"empty local":            "@konec.com.au",
	"cyrillic local":         "\u0430nna.k@bücher.example",
	"full-width local":       "ａnna.k@bücher.example",
	"kelvin in the local":    "anna.\u212a@bücher.example",
	"dotless i in the local": "m\u0131ke@konec.com.au",
	"ligature in the local":  "\ufb01sh@konec.com.au",
	"sharp s in the local":   "stra\u00dfe@konec.com.au",
	"zero width in local":    "an\u200bna.k@bücher.example",
	"bidi in the local":      "\u202eanna.k@bücher.example",
	"bidi in the domain":     "anna.k@bücher.\u202eexample",
	"full-width at":          "anna.k＠bücher.example",
	"trailing dot":           "anna.k@bücher.example.",
	"two ats":                "anna.k@evil.test@bücher.example",
	"quoted":                 `"anna.k"@bücher.example`,
	"comment":                "anna.k(comment)@bücher.example",
	"display name":           "Anna <anna.k@bücher.example>",
	"list":                   "anna.k@bücher.example,b@konec.com.au",
	"line break":             "anna.k@bücher.example\r\nBcc: b@konec.com.au",
	"inner line break":       "anna.k\r\n@bücher.example",
	"ESMTP parameter":        "anna.k@bücher.example> BODY=8BITMIME",
	"inner space":            "anna. k@bücher.example",
	"no domain":              "anna.k@",
	"one label":              "anna.k@localhost",
	"address literal":        "anna.k@[127.0.0.1]",
	"ip address":             "anna.k@127.0.0.1",
	"underscore":             "anna.k@b_cher.example",
	"leading hyphen":         "anna.k@-bcher.example",
	"bad punycode":           "anna.k@xn--bcher-kva-.example",
	"punycode of ascii":      "anna.k@xn--konec-.example",
	"two dots":               "anna..k@bücher.example",
	"leading dot":            ".anna@bücher.example",
	"local of 65":            strings.Repeat("a", 65) + "@konec.com.au",
	"label of 64":            "anna@" + strings.Repeat("a", 64) + ".example",
	"255 bytes":              addressOf(255),
	"255 after all":          "a@" + strings.Repeat("ü", 60) + "." + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "example",
}

// addressOf returns an address of n bytes.
func addressOf(n int) string {
	local := strings.Repeat("a", 64) + "@"
	domain := strings.Repeat(strings.Repeat("b", 50)+".", 4)[:n-len(local)-3]

	return local + strings.TrimSuffix(domain, ".") + strings.Repeat("c", len(domain)-len(strings.TrimSuffix(domain, "."))) + ".de"
}

// T-21, R-I6, R-E3: an address has one form in every operation: the same account, the same limit, and mail to that form
// only. A similar address is another user's; one that could be made to look the same is refused.
func TestAddressHasOneForm(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Account(t, annaAddress)

	if got := g.Post(t, "sendRegistrationCode", map[string]any{"email": annaAddress}); got.Status != http.StatusOK {
		t.Fatalf("send code: %s", got)
	}

	for name, address := range annaForms {
		if got := g.Login(t, address, apptest.Password); got.Status != http.StatusOK {
			t.Errorf("%s: %s, want a session", name, got)
		}

		if got := g.Post(t, "sendRegistrationCode", map[string]any{"email": address}); got.Status != http.StatusTooManyRequests {
			t.Errorf("%s: %s, want the cooldown of the same address", name, got)
		}
	}

	for name, address := range otherAddresses {
		if got := g.Login(t, address, apptest.Password); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %s, want an unknown address", name, got)
		}

		if got := g.Post(t, "sendRegistrationCode", map[string]any{"email": address}); got.Status != http.StatusOK {
			t.Errorf("%s: %s, want a limit of its own", name, got)
		}
	}

	// Another account, and the same mailbox: it receives no more because of the tag.
	tagged := "anna.k+tag@bücher.example"
	if got := g.Login(t, tagged, apptest.Password); got.Status != http.StatusUnauthorized {
		t.Errorf("a tag: %s, want an unknown address", got)
	}

	if got := g.Post(t, "sendRegistrationCode", map[string]any{"email": tagged}); got.Status != http.StatusTooManyRequests {
		t.Errorf("a tag: %s, want the cooldown of the mailbox", got)
	}

	for name, address := range invalidAddresses {
		for _, got := range []world.Reply{
			g.Login(t, address, apptest.Password),
			g.Post(t, "sendRegistrationCode", map[string]any{"email": address}),
			g.Post(t, "register", map[string]any{"username": "x", "email": address, "password": apptest.Password, "verificationCode": "000000"}),
		} {
			if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" || strings.Join(got.Fields(), " ") != "/email" {
				t.Errorf("%s: %s, want an error for /email", name, got)
			}
		}
	}

	apptest.Eventually(t, "all mail is out", func() bool { return len(g.Inbox.Messages()) == 1+len(otherAddresses) })

	if mails := g.Mails(annaAddress); len(mails) != 1 || mails[0].Code != "" {
		t.Errorf("anna got %+v, want one mail without a code", mails) // R-I2: no code of another user
	}

	for _, message := range g.Inbox.Messages() {
		if message.To != strings.ToLower(message.To) || strings.ContainsFunc(message.To, func(r rune) bool { return r > '~' || r <= ' ' }) {
			t.Errorf("mail to %q, which is not a normal form", message.To)
		}
	}
}

// T-21, R-I6: each form has at most one account, and the longest address can have one.
func TestOneAccountForAForm(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 100 }) // all of them are failures of one user
	values := map[string]any{"username": "Anna", "email": "anna.k@bücher.example", "password": apptest.Password}
	values["verificationCode"] = g.RegistrationCode(t, annaAddress)

	if got := g.Post(t, "register", values); got.Status != http.StatusCreated || !strings.Contains(string(got.Body), `"`+annaAddress+`"`) {
		t.Fatalf("register: %s", got)
	}

	for name, address := range annaForms {
		values["email"] = address
		if got := g.Post(t, "register", values); got.Problem.Code != "CODE_INVALID" {
			t.Errorf("%s: %s", name, got)
		}
	}

	longest := addressOf(254)
	if len(longest) != 254 {
		t.Fatalf("%d bytes", len(longest))
	}

	values["email"], values["verificationCode"] = longest, g.RegistrationCode(t, longest)
	if got := g.Post(t, "register", values); got.Status != http.StatusCreated {
		t.Errorf("254 bytes: %s", got)
	}

	var accounts int
	if err := g.Pool.QueryRow(t.Context(), "SELECT count(*) FROM account WHERE member_group = 'None' AND id <> $1", g.SubjectID).Scan(&accounts); err != nil || accounts != 3 {
		t.Errorf("%d accounts (%v), want the owner, anna and the longest", accounts, err)
	}
}

// T-21, IN-K10: a text that does not become six digits, however it is typed, costs no guess.
func TestOtherTextsCostNoGuess(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	values := map[string]any{"username": "Anna", "email": annaAddress, "password": apptest.Password}
	code := g.RegistrationCode(t, annaAddress)

	for name, text := range map[string]string{
		"NUL": code + "\x00", "seven": "0" + code, "five": code[1:], "space instead": " " + code[1:], "minus": "-" + code[1:],
		"plus": "+" + code[1:], "dot": code[:3] + "." + code[3:], "fraction": code[:5] + "½", "hex": "0x" + code[2:], "letters": "OOOOOO",
		"Chinese numerals": "三六五二一八", "zero width": code[:5] + "\u200b", "nothing": "\u200e - \u00a0",
	} {
		values["verificationCode"] = text
		if got := g.Post(t, "register", values); got.Problem.Code != "INVALID_REQUEST" || strings.Join(got.Fields(), " ") != "/verificationCode" && name != "NUL" {
			t.Errorf("%s: %s", name, got)
		}
	}

	values["verificationCode"] = code
	if got := g.Post(t, "register", values); got.Status != http.StatusCreated {
		t.Errorf("the code itself: %s", got)
	}
}
