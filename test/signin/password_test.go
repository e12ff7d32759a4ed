package signin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-21, R-A1, R-A2, R-A3, R-A4: a password may contain any characters, without rules about kinds. Only the password
// that was set signs in, not one that resembles it.
func TestPasswordIsAcceptedUnchanged(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	prefix := strings.Repeat("0123456789ab", 6) // 72 bytes, the limit of bcrypt

	for i, one := range []struct {
		name, password string
		same, other    []string
	}{
		{"emoji", strings.Repeat("🦊🐢🌵🚲", 16), nil, []string{strings.Repeat("🦊🐢🌵🚲", 15) + "🦊🐢🌵🛴"}},
		{"chinese", strings.Repeat("马电池订书钉", 11)[:64*3], nil, []string{strings.Repeat("馬電池訂書釘", 11)[:64*3]}},
		{"spaces", strings.Repeat("a b ", 16), nil, []string{strings.Repeat("a b ", 16) + " ", strings.TrimSpace(strings.Repeat("a b ", 16))}},
		{"outer spaces", "  qvxjz kwbpf  ", nil, []string{"qvxjz kwbpf", " qvxjz kwbpf "}},
		{"controls", "tab\tand\nline\x01", nil, []string{"tab and line"}},
		{"over 72 bytes", prefix + "one", nil, []string{prefix + "two", prefix}},
		{"case", "Correct Horse Qvxj", nil, []string{"correct horse qvxj", "CORRECT HORSE QVXJ", "Correct Horse QVXJ"}},
		{"composed", "caf\u00e9 \u00c5ngstr\u00f6m", []string{"cafe\u0301 A\u030angstro\u0308m", "caf\u00e9 \u212bngstr\u00f6m"}, []string{"cafe Angstrom"}},
		{"decomposed", "cafe\u0301 A\u030angstro\u0308n", []string{"caf\u00e9 \u00c5ngstr\u00f6n"}, []string{"cafe Angstron"}},
		{"compatible", "ﬁsh and ｃhips", nil, []string{"fish and chips"}}, // NFC, and not NFKC
		{"turkish", "İstanbul ığdır", nil, []string{"istanbul ığdır", "İSTANBUL IĞDIR"}},
		{"one kind", "qmzvxkjwbpgfhdntrlcs", nil, []string{"qmzvxkjwbpgfhdntrlct"}},
		{"eight", "qvxjzkwb", nil, []string{"qvxjzkw"}},
		{"1024 bytes", strings.Repeat("0123456789abcdef", 64), nil, []string{strings.Repeat("0123456789abcdef", 63) + "0123456789abcdeg"}},
		{"form characters", "a+b&c=d%41;e#f?g", nil, []string{"a b&c=d%41;e#f?g", "a+b&c=dA;e#f?g"}},
	} {
		address := fmt.Sprintf("password.%d@konec.com.au", i)

		got := g.Post(t, "register", map[string]any{
			"username": "x", "email": address, "password": one.password, "verificationCode": g.RegistrationCode(t, address),
		})
		if got.Status != http.StatusCreated {
			t.Errorf("%s: %s", one.name, got)

			continue
		}

		for _, same := range append(one.same, one.password) {
			if got := g.Login(t, address, same); got.Status != http.StatusOK {
				t.Errorf("%s: %q: %s", one.name, same, got)
			}
		}

		for _, other := range one.other {
			if got := g.Login(t, address, other); got.Problem.Code != "INVALID_CREDENTIALS" {
				t.Errorf("%s: %q: %s", one.name, other, got)
			}
		}
	}
}

// R-A1, R-A2, R-A5: a bad new password is refused with its reason, before the code is compared.
func TestBadNewPasswordIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	const address = "annabelle@konec.com.au"

	code := g.RegistrationCode(t, address)
	register := func(password string) world.Reply {
		return g.Post(t, "register", map[string]any{"username": "Zephyrine", "email": address, "password": password, "verificationCode": code})
	}

	for name, one := range map[string]struct{ password, code string }{
		"seven":                      {"qvxjzkw", "INVALID_REQUEST"},
		"seven emoji":                {"🦊🐢🌵🚲🦊🐢🌵", "INVALID_REQUEST"}, // code points, not bytes
		"1025 bytes":                 {strings.Repeat("0123456789abcdef", 64) + "x", "INVALID_REQUEST"},
		"1026 bytes, 342 characters": {strings.Repeat("马", 342), "INVALID_REQUEST"},
		"common":                     {"password123", "PASSWORD_REFUSED"},
		"common, other case":         {"PassWord123", "PASSWORD_REFUSED"},
		"one character":              {"zzzzzzzzzzzzzzzzzzzz", "PASSWORD_REFUSED"},
		"one emoji":                  {strings.Repeat("🦊", 20), "PASSWORD_REFUSED"},
		"the address":                {"annabelle1", "PASSWORD_REFUSED"},
		"the name":                   {"Zephyrine!!", "PASSWORD_REFUSED"},
		"the product":                {"toolkit1!", "PASSWORD_REFUSED"},
	} {
		for range 2 { // ten refusals and five guesses
			if got := register(one.password); got.Problem.Code != one.code || strings.Join(got.Fields(), " ") != "/password" {
				t.Errorf("%s: %s, want %s", name, got, one.code)
			}
		}
	}

	if got := register("qvxjz kwbpf"); got.Status != http.StatusCreated {
		t.Errorf("a valid one after them: %s", got)
	}
}

// R-A9, SEC-S2: a password change requires the old password. Wrong ones count in the session that sends them, where no
// failed sign-in of a stranger delays the owner.
func TestOldPasswordCountsInItsSession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	change := func(old string) world.Reply {
		return world.PostCall("/user/password", map[string]any{"old": old, "password": world.NewPassword}).FromBrowser(g.OwnerBrowser).To(t, g.Server)
	}
	signIn := func(plain string) world.Reply {
		return world.PostCall("/login", map[string]any{"email": world.Owner, "password": plain}).FromBrowser(g.Visitor).To(t, g.Server)
	}

	if got := world.PostCall("/user/password", map[string]any{"password": world.NewPassword}).FromBrowser(g.OwnerBrowser).To(t, g.Server); got.Problem.Code != "INVALID_REQUEST" {
		t.Errorf("without the old password: %s", got)
	}

	for range world.FreeFailures {
		if got := signIn("wrong"); got.Problem.Code != "INVALID_CREDENTIALS" {
			t.Errorf("sign in: %s", got)
		}
	}

	for range world.FreeFailures {
		if got := change("wrong"); got.Problem.Code != "INVALID_CREDENTIALS" {
			t.Errorf("change: %s", got)
		}
	}

	for name, ask := range map[string]func(string) world.Reply{"change": change, "sign in": signIn} {
		if got := ask(apptest.Password); got.Problem.Code != "TOO_MANY_REQUESTS" || world.RetryAfter(t, got) != 30*time.Second {
			t.Errorf("%s, after five failures: %s", name, got)
		}
	}

	g.Clock.Advance(30 * time.Second)

	if got := change(apptest.Password); got.Status != http.StatusNoContent {
		t.Errorf("after the wait: %s", got)
	}

	if got := signIn(world.NewPassword); got.Status != http.StatusNoContent {
		t.Errorf("sign in with the new password: %s", got)
	}
}

// R-A1: the setting counts code points, as the document does.
func TestMinimumLengthIsASetting(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.PasswordMinLength = 15 })

	const address = "anna@konec.com.au"

	values := map[string]any{"username": "x", "email": address, "verificationCode": g.RegistrationCode(t, address)}

	for _, short := range []string{"qvxjz kwbpf hm", strings.Repeat("🦊🐢", 7)} {
		values["password"] = short
		if got := g.Post(t, "register", values); got.Problem.Code != "PASSWORD_REFUSED" || strings.Join(got.Fields(), " ") != "/password" {
			t.Errorf("%q: %s", short, got)
		}
	}

	values["password"] = strings.Repeat("🦊🐢", 7) + "🌵"
	if got := g.Post(t, "register", values); got.Status != http.StatusCreated {
		t.Errorf("fifteen: %s", got)
	}
}
