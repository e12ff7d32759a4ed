package token_test

import (
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// BenchmarkVerify measures the benefit of the cache of verified signatures.
func BenchmarkVerify(b *testing.B) {
	ring, err := keyring.Parse(keyring.Generate())
	if err != nil {
		b.Fatal(err)
	}

	database, err := postgres.Open(b.Context(), postgres.Options{URL: postgrestest.New(b), MaxConns: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer database.Close()

	keys := token.NewKeys(database, ring, lifetime, time.Now)
	if err := keys.Ensure(b.Context()); err != nil {
		b.Fatal(err)
	}

	access := token.NewAccess(keys, issuer, audience, time.Now)

	// More than the cache holds: each is evicted before it is used again.
	texts := make([]string, 10_000)
	for i := range texts {
		if texts[i], _, err = access.Issue(b.Context(), token.Grant{AccountID: account, SessionID: session.NewID(), MemberGroup: "None"}); err != nil {
			b.Fatal(err)
		}
	}

	for _, one := range []struct {
		name  string
		texts []string
	}{{"Seen", texts[:1]}, {"Unseen", texts}} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()

			for i := 0; b.Loop(); i++ {
				if _, err := access.Verify(b.Context(), one.texts[i%len(one.texts)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
