package xsrf_test

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

func guard(t *testing.T) *xsrf.Guard {
	t.Helper()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	return xsrf.New(keys)
}

// R-H3, W-9, T-18: bound to its session, and to our key; an empty, shortened or changed token is invalid.
func TestGuard(t *testing.T) {
	t.Parallel()

	g := guard(t)
	token := g.Mint("session a")

	if !g.Valid(token, "session a") {
		t.Fatal("a fresh token is refused")
	}

	if second := g.Mint("session a"); second == token || !g.Valid(second, "session a") {
		t.Error("the second token is the first again, or is refused")
	}

	for name, refused := range map[string]struct{ token, binding string }{
		"another session":       {token, "session b"},
		"no session":            {token, ""},
		"no token":              {"", "session a"},
		"minted for nothing":    {g.Mint(""), ""},
		"of another key":        {guard(t).Mint("session a"), "session a"},
		"padded":                {token + "=", "session a"},
		"twice":                 {token + token, "session a"},
		"a zero in place of it": {strings.Repeat("A", len(token)), "session a"},
	} {
		if g.Valid(refused.token, refused.binding) {
			t.Errorf("%s: accepted", name)
		}
	}

	for _, altered := range tokentest.Altered(token) {
		if g.Valid(altered.Token, "session a") {
			t.Errorf("%s: accepted", altered.Name)
		}
	}
}
