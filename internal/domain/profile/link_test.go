package profile

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// R-C8: the token of a link is sealed: no one reads it, and no one makes one.
func TestLinkIsSealed(t *testing.T) {
	t.Parallel()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	p := New(Deps{Keys: keys})
	seal := func(context ...string) string {
		return base64.RawURLEncoding.EncodeToString(keys.Seal([]byte("session new@konec.test secret old@konec.test"), context...))
	}

	token := seal(linkContext...)
	if change, err := p.LinkedEmail(token); err != nil || change != (EmailChange{From: "old@konec.test", To: "new@konec.test"}) {
		t.Errorf("%+v, %v", change, err)
	}

	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || strings.Contains(string(raw), "new@") {
		t.Errorf("the token shows the address: %q, %v", raw, err)
	}

	for name, bad := range map[string]string{
		"empty": "", "not base64": "%%%", "cut": token[:len(token)-4], "tampered": token[:30] + "AAAA" + token[34:], "of another purpose": seal("profile", "other"),
	} {
		if _, err := p.LinkedEmail(bad); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
