package federation

import (
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// RFC 6749, section 10.12: a state is good in the browser that it was made for, for a binding in the session that asked,
// and until it expires.
func TestStateIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	now := time.Now()
	own := oauthState{secret: strings.Repeat("s", 22), action: Bind, locale: "en", session: "session"}
	state := own.sign(keys, now.Add(Lifetime))

	for name, c := range map[string]struct {
		change func(*oauthState)
		state  string
		at     time.Time
		want   bool
	}{
		"its own":          {func(*oauthState) {}, state, now, true},
		"just before":      {func(*oauthState) {}, state, now.Add(Lifetime - 2*time.Second), true},
		"expired":          {func(*oauthState) {}, state, now.Add(Lifetime), false},
		"another secret":   {func(s *oauthState) { s.secret = strings.Repeat("t", 22) }, state, now, false},
		"another action":   {func(s *oauthState) { s.action = SignIn }, state, now, false},
		"another locale":   {func(s *oauthState) { s.locale = "zh" }, state, now, false},
		"another session":  {func(s *oauthState) { s.session = "other" }, state, now, false},
		"cut":              {func(*oauthState) {}, state[:len(state)-4], now, false},
		"tampered":         {func(*oauthState) {}, state[:20] + "AAAA" + state[24:], now, false},
		"not base64":       {func(*oauthState) {}, "%" + state[1:], now, false},
		"empty":            {func(*oauthState) {}, "", now, false},
		"of a retired key": {func(*oauthState) {}, "AA" + state[2:], now, false},
	} {
		other := own
		c.change(&other)

		if got := other.signed(keys, c.state, c.at); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestStateIsReadFromItsCookie(t *testing.T) {
	t.Parallel()

	own := oauthState{secret: strings.Repeat("s", 22), action: Bind, locale: "en"}

	if got, ok := parseState(own.text()); !ok || got != own {
		t.Errorf("%+v became %+v", own, got)
	}

	for _, text := range []string{"", own.secret, "short.bind.en", own.text() + ".more"} {
		if _, ok := parseState(text); ok {
			t.Errorf("%q was accepted", text)
		}
	}
}
