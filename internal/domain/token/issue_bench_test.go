package token_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
)

// BenchmarkIssue shows what a new access token costs beside its signature alone, which is the library's.
func BenchmarkIssue(b *testing.B) {
	b.Run("Token", func(b *testing.B) {
		env := setup(b)
		gateway := env.replica(b)
		grant := token.Grant{AccountID: account, SessionID: session.NewID(), MemberGroup: "None", Methods: []string{"pwd"}}

		b.ReportAllocs()

		for b.Loop() {
			if _, _, err := gateway.access.Issue(b.Context(), grant); err != nil {
				b.Fatal(err)
			}
		}
	})

	b.Run("Signature", func(b *testing.B) {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			b.Fatal(err)
		}

		text := make([]byte, 480)

		for b.Loop() {
			ed25519.Sign(private, text)
		}
	})
}
