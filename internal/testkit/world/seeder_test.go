package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

// member is somebody who is signed in at both doors. Nobody hashed a password for it, so there may be
// thousands of them.
type member struct {
	id, email, group string

	app, access, refresh string // the app's session, and its tokens
	browser, cookie      string // the browser's session, and the value of its cookie
	pre                  string // the browser's own name, which it had before
	ended                string // an app's session that is over
}

// clerk makes members, and hands out what else a request could need: a code nobody has to wait for, a token
// of another time. It has the gateway's master key.
type clerk struct {
	*apptest.Env

	db      *postgres.DB
	keys    *keyring.Keyring
	hash    string // of apptest.Password
	guard   *xsrf.Guard
	codes   *code.Codes
	factors *factor.Factors
	access  *token.Access
	refresh *token.Refresh
	forger  tokentest.Issuer
	number  atomic.Int64
}

func newClerk(t *testing.T, env *apptest.Env) *clerk {
	t.Helper()

	keys, err := keyring.Parse(env.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	database, err := postgres.Open(t.Context(), postgres.Options{URL: env.Config.DatabaseURL, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	signing := token.NewKeys(database, keys, env.Config.AccessLifetime, env.Clock.Now)
	if err := signing.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}

	k := &clerk{
		Env: env, db: database, keys: keys, guard: xsrf.New(keys),
		codes:   code.New(database, keys, env.Config.CodeGuessBudget, env.Clock.Now),
		factors: factor.New(factor.Deps{DB: database, Keys: keys, Issuer: "Toolkit", Budget: env.Config.TOTPGuessBudget, Now: env.Clock.Now}),
		access:  token.NewAccess(signing, env.Config.PublicURL, env.Config.TokenAudience, env.Clock.Now),
		refresh: token.NewRefresh(keys),
	}

	model := env.Account(t, "model@konec.com.au")
	if err := env.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE id = $1", model.ID).Scan(&k.hash); err != nil {
		t.Fatal(err)
	}

	k.forger = forgerOf(t, env, client.Tokens{AccessToken: k.members(t, 1, account.GroupNone)[0].access})

	return k
}

// members makes so many of a member group.
func (k *clerk) members(t *testing.T, n int, group string) []*member {
	t.Helper()

	now := k.Clock.Now()
	list := make([]*member, n)

	var accounts, sessions, cookies [][]any

	for i := range list {
		h := &member{
			id: account.NewID(now), email: fmt.Sprintf("member.%d@konec.com.au", k.number.Add(1)), group: group,
			app: randomid.New(), browser: randomid.New(), cookie: string(session.NewCookie()), pre: randomid.New(), ended: randomid.New(),
		}

		var err error
		if h.access, _, err = k.access.Issue(t.Context(), h.id, h.app, group); err != nil {
			t.Fatal(err)
		}

		h.refresh = k.refresh.Derive(h.app, 0)
		digest := sha256.Sum256([]byte(h.cookie))
		list[i] = h

		accounts = append(accounts, []any{h.id, h.email, "Holder", k.hash, group, now, now})
		sessions = append(sessions,
			[]any{h.app, h.id, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil},
			[]any{h.ended, h.id, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), now, "test"},
			[]any{h.browser, h.id, "public", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil})
		cookies = append(cookies, []any{digest[:], h.browser, now, now.Add(time.Hour)})
	}

	k.copy(t, "account", []string{"id", "email", "name", "password_hash", "member_group", "created_at", "updated_at"}, accounts)
	k.copy(t, "session", []string{
		"id", "account_id", "surface", "device", "created_at", "authenticated_at", "seen_at", "expires_at", "ends_at", "revoked_at", "revoked_reason",
	}, sessions)
	k.copy(t, "session_cookie", []string{"digest", "session_id", "created_at", "expires_at"}, cookies)

	return list
}

func (k *clerk) copy(t *testing.T, table string, columns []string, rows [][]any) {
	t.Helper()

	if _, err := k.Pool.CopyFrom(t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(rows)); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

func (k *clerk) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if tag, err := k.Pool.Exec(t.Context(), statement, args...); err != nil || tag.RowsAffected() == 0 {
		t.Errorf("%s: %d rows, %v", statement, tag.RowsAffected(), err)
	}
}

// code is one that was sent, and whose mail nobody has to wait for.
func (k *clerk) code(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := k.codes.Issue(t.Context(), k.Pool, purpose, subject)
	if err != nil {
		t.Error(err)
	}

	return plain
}

// renewal is what GET /refresh_code answers for a session.
func (k *clerk) renewal(t *testing.T, sessionID string) string {
	t.Helper()

	plain, err := k.codes.IssueOpaque(t.Context(), k.Pool, code.Renewal, sessionID)
	if err != nil {
		t.Error(err)
	}

	return plain
}

// link is the token of the link that a change of the member's address is completed with.
func (k *clerk) link(t *testing.T, h *member) string {
	t.Helper()

	address := k.address()

	secret, err := k.codes.IssueSecret(t.Context(), k.Pool, code.EmailLink, strings.Join([]string{h.id, h.email, address}, " "))
	if err != nil {
		t.Error(err)
	}

	sealed := k.keys.Seal([]byte(strings.Join([]string{h.browser, address, secret}, " ")), "profile", "email link")

	return base64.RawURLEncoding.EncodeToString(sealed)
}

// address and phone are nobody's yet.
func (k *clerk) address() string { return fmt.Sprintf("fresh.%d@konec.com.au", k.number.Add(1)) }
func (k *clerk) phone() string   { return fmt.Sprintf("+86137%08d", k.number.Add(1)) }

// slowed lets the member wait before the next password.
func (k *clerk) slowed(t *testing.T, h *member) {
	t.Helper()
	k.exec(t, "INSERT INTO failure (key, count, blocked_until, ends_at) VALUES ($1, 9, $2, $2)", password.Factor+" "+h.id, k.Clock.Now().Add(time.Hour))
}

// phoned gives the member a phone.
func (k *clerk) phoned(t *testing.T, h *member) string {
	t.Helper()

	phone := k.phone()
	k.exec(t, "UPDATE account SET phone = $2 WHERE id = $1", h.id, phone)

	return phone
}

// pending hands the member a secret, and answers its URL with the codes of the step before this one, of this
// one, and of the next.
func (k *clerk) pending(t *testing.T, h *member) (address string, codes [3]string) {
	t.Helper()

	address, err := k.factors.Pending(t.Context(), h.id, h.email)
	if err != nil {
		t.Error(err)
	}

	for i := range codes {
		codes[i] = totpAt(t, address, k.Clock.Now().Add(time.Duration(i-1)*30*time.Second))
	}

	return address, codes
}

// bound gives the member an authenticator app, and answers a code that is not used yet.
func (k *clerk) bound(t *testing.T, h *member) string {
	t.Helper()

	address, codes := k.pending(t, h)

	binding, err := k.factors.AttemptBinding(t.Context(), h.id, address, [2]string(codes[:2]))
	if err == nil {
		err = k.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return k.factors.Bind(ctx, tx, binding) })
	}

	if err != nil {
		t.Error(err)
	}

	return codes[2]
}

// xsrf is the token of a session, xsrfBefore that of a browser without one.
func (k *clerk) xsrf(h *member) string       { return k.guard.Mint(h.browser) }
func (k *clerk) xsrfBefore(h *member) string { return k.guard.Mint("browser " + h.pre) }

// forged is an access token of the member's, signed with the gateway's key, for a session and a time.
func (k *clerk) forged(h *member, sessionID string, at time.Time) string {
	forger := k.forger
	forger.AccountID, forger.SessionID, forger.Now = h.id, sessionID, at

	return forger.Genuine()
}

// totpAt is the code of an otpauth URL's secret at a time.
func totpAt(t *testing.T, address string, at time.Time) string {
	t.Helper()

	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}

	plain, err := totp.GenerateCode(u.Query().Get("secret"), at)
	if err != nil {
		t.Fatal(err)
	}

	return plain
}

// recovery gives the member an authenticator app, and answers one of its recovery codes.
func (k *clerk) recovery(t *testing.T, h *member) string {
	t.Helper()
	k.bound(t, h)

	var codes []string

	err := k.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
		var err error
		codes, err = k.factors.RecoveryCodes(ctx, tx, h.id)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return codes[0]
}
