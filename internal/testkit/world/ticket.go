package world

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
)

// SealedTicket returns a ticket for the second step of a sign-in with Lark that the gateway accepts as its own. It is not
// valid: nothing is stored for it.
func (g *Gateway) SealedTicket(subject string) string {
	return g.sealTicket(code.NewOpaque(), subject)
}

// LarkTicket binds a Lark identity to the account, and returns a valid ticket of it.
func (g *Gateway) LarkTicket(tb testing.TB, address string) string {
	tb.Helper()

	id, plain := g.AccountID(tb, address), code.NewOpaque()
	subject := "ou_" + id
	digest := sha256.Sum256([]byte(plain[randomid.Length:]))

	g.Exec(tb, `INSERT INTO identity (provider, subject, account_id, profile, bound_at) VALUES ($1, $2, $3, '{"open_id":"x","name":"y"}', now())`, lark.Provider, subject, id)
	g.Exec(tb, `INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at) VALUES ($1, $2, 0, $3, now(), $4)`,
		code.IdentityTicket.Name, lark.Provider+" "+subject+" "+plain[:randomid.Length], digest[:], g.Clock.Now().Add(code.IdentityTicket.Lifetime))

	return g.sealTicket(plain, subject)
}

func (g *Gateway) sealTicket(plain, subject string) string {
	text := plain + " " + lark.Provider + " " + subject

	return base64.RawURLEncoding.EncodeToString(g.keys().Seal([]byte(text), "signin", "identity ticket"))
}

// WithTicket returns the call from a browser that holds the ticket.
func (g *Gateway) WithTicket(c Call, ticket string) Call {
	value := xsrf.New(g.keys()).Mint("browser " + ticket)

	return c.WithCookies("__Host-PRE="+ticket+"; XSRF-TOKEN="+value).With("X-XSRF-TOKEN", value)
}

func (g *Gateway) keys() *keyring.Keyring {
	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	return keys
}
