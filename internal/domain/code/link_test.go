package code_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

const address = "user@konec.test"

type linkEnv struct {
	*code.Codes

	db    *postgres.DB
	clock *apptest.Clock
}

func setupLinks(t *testing.T) *linkEnv {
	t.Helper()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	e := &linkEnv{clock: &apptest.Clock{}}
	e.clock.Stop()

	if e.db, err = postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 4}); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.db.Close)

	e.Codes = code.New(e.db, keys, code.Budget{Max: 100, Share: throttle.NetworkShare}, e.clock.Now)

	return e
}

// issue issues a code and a link beside it, as a mail carries them.
func (e *linkEnv) issue(t *testing.T, purpose code.Purpose, to string) (plain, token string) {
	t.Helper()

	err := e.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) (err error) {
		if plain, _, err = e.Issue(ctx, tx, purpose, to); err != nil {
			return err
		}

		token, err = e.IssueMailLink(ctx, tx, purpose, to)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return plain, token
}

// redeem uses a link up; holds reports before that whether it would.
func (e *linkEnv) redeem(t *testing.T, purpose code.Purpose, token string) (holds bool, err error) {
	t.Helper()

	link, err := e.OpenMailLink(purpose, token)
	if err != nil {
		return false, err
	}

	if holds, err = e.HoldsMailLink(t.Context(), e.db.Pool(), link); err != nil {
		t.Fatal(err)
	}

	return holds, e.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return e.RedeemMailLink(ctx, tx, link) })
}

// redeemCode guesses at the code and uses it up.
func (e *linkEnv) redeemCode(t *testing.T, purpose code.Purpose, plain string) error {
	t.Helper()

	ticket, err := e.Attempt(t.Context(), code.Guess{Purpose: purpose, Subject: address, Text: plain, Place: device.Strangers})
	if err != nil {
		return err
	}

	return e.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return e.Redeem(ctx, tx, ticket) })
}

// SEC-S25, contract "codes": neither wrong guesses nor later codes end a link; several are alive at once; one use ends all
// of them and the code, and the use of the code ends all of them.
func TestMailLink(t *testing.T) {
	t.Parallel()

	e := setupLinks(t)

	for _, purpose := range []code.Purpose{code.Reset, code.Registration} {
		_, first := e.issue(t, purpose, address)
		plain, second := e.issue(t, purpose, address)
		_, other := e.issue(t, purpose, "other."+address)
		_, similar := e.issue(t, purpose, address+"x")

		for range code.MaxAttempts {
			if err := e.redeemCode(t, purpose, "no"); !errors.Is(err, code.ErrInvalid) {
				t.Fatal(err)
			}
		}

		if err := e.redeemCode(t, purpose, plain); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: the code after five wrong guesses: %v", purpose.Name, err)
		}

		plain, _ = e.issue(t, purpose, address)

		if holds, err := e.redeem(t, purpose, first); !holds || err != nil {
			t.Errorf("%s: the first link: %t %v", purpose.Name, holds, err)
		}

		for name, token := range map[string]string{"used": first, "of the other mail": second} {
			if holds, err := e.redeem(t, purpose, token); holds || !errors.Is(err, code.ErrInvalid) {
				t.Errorf("%s: a link that is %s: %t %v", purpose.Name, name, holds, err)
			}
		}

		if err := e.redeemCode(t, purpose, plain); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: the code after a link: %v", purpose.Name, err)
		}

		plain, third := e.issue(t, purpose, address)
		if err := e.redeemCode(t, purpose, plain); err != nil {
			t.Fatal(err)
		}

		if holds, err := e.redeem(t, purpose, third); holds || !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: a link after its code: %t %v", purpose.Name, holds, err)
		}

		for name, token := range map[string]string{"other": other, "similar": similar} {
			if holds, err := e.redeem(t, purpose, token); !holds || err != nil {
				t.Errorf("%s: the link of the %s address: %t %v", purpose.Name, name, holds, err)
			}
		}
	}
}

// A link that has expired, that is for another purpose, or that was changed is not valid.
func TestMailLinkIsVoid(t *testing.T) {
	t.Parallel()

	e := setupLinks(t)
	_, reset := e.issue(t, code.Reset, address)

	if _, err := e.redeem(t, code.Registration, reset); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("of another purpose: %v", err)
	}

	for name, token := range map[string]string{"empty": "", "short": "AAAA", "no base64": "!" + reset, "cut": reset[:len(reset)-1], "changed": flipped(reset), "made up": strings.Repeat("A", 400)} {
		if _, err := e.redeem(t, code.Reset, token); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if holds, err := e.HoldsMailLink(t.Context(), e.db.Pool(), code.MailLink{}); holds || err != nil {
		t.Errorf("the zero value: %t %v", holds, err)
	}

	e.clock.Advance(code.Reset.Lifetime)

	if holds, err := e.redeem(t, code.Reset, reset); holds || !errors.Is(err, code.ErrInvalid) {
		t.Errorf("expired: %t %v", holds, err)
	}
}

// flipped returns a token with one bit changed.
func flipped(token string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	raw[len(raw)/2] ^= 1

	return base64.RawURLEncoding.EncodeToString(raw)
}

// The database holds a keyed digest: neither the secret nor a digest that anyone could compute. A row with another's digest,
// written by someone who has the database alone, opens nothing.
func TestMailLinkIsStoredAsKeyedDigest(t *testing.T) {
	t.Parallel()

	e := setupLinks(t)
	_, token := e.issue(t, code.Reset, address)
	_, stolen := e.issue(t, code.Reset, "other."+address)

	var rows int
	if err := e.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM code WHERE purpose = 'reset-link' AND key_id = 1 AND
		(subject = 'user@konec.test ' || split_part(subject, ' ', 2) AND length(split_part(subject, ' ', 2)) = 22 OR subject LIKE 'other.%')`).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows: %v", rows, err)
	}

	if _, err := e.db.Pool().Exec(t.Context(), `UPDATE code SET digest = (SELECT digest FROM code WHERE subject LIKE 'user@%' AND purpose = 'reset-link')
		WHERE subject LIKE 'other.%' AND purpose = 'reset-link'`); err != nil {
		t.Fatal(err)
	}

	if holds, err := e.redeem(t, code.Reset, stolen); holds || !errors.Is(err, code.ErrInvalid) {
		t.Errorf("with another link's digest: %t %v", holds, err)
	}

	if holds, err := e.redeem(t, code.Reset, token); !holds || err != nil {
		t.Errorf("the link itself: %t %v", holds, err)
	}
}

// What voids an account's codes voids its links.
func TestVoidEndsMailLinks(t *testing.T) {
	t.Parallel()

	e := setupLinks(t)
	_, token := e.issue(t, code.Reset, address)

	_, err := e.db.Pool().Exec(t.Context(), `INSERT INTO account (id, email, name, member_group, status, created_at, updated_at)
		VALUES ('68ca4a3d0000000000000001', $1, 'User', 'None', 'active', now(), now())`, address)
	if err != nil {
		t.Fatal(err)
	}

	if err := code.Void(t.Context(), e.db.Pool(), "68ca4a3d0000000000000001"); err != nil {
		t.Fatal(err)
	}

	if holds, err := e.redeem(t, code.Reset, token); holds || !errors.Is(err, code.ErrInvalid) {
		t.Errorf("after Void: %t %v", holds, err)
	}

}
