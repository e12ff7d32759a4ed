package world

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// Member is somebody who is signed in at both doors. Nobody hashed a password for it, so there may be
// thousands of them.
type Member struct {
	ID, Email, Group string

	AppSession, AccessToken, RefreshToken string // the app's session, and its tokens
	BrowserSession, Cookie                string // the browser's session, and the value of its cookie
	PreSession                            string // the browser's own name, which it had before
	EndedSession                          string // an app's session that is over
}

// Seeder makes members, and hands out what else a request could need: a code nobody has to wait for, a token
// of another time. It has the gateway's master key.
type Seeder struct {
	*apptest.Env

	DB        *postgres.DB
	Keyring   *keyring.Keyring
	hash      string // of apptest.Password
	XSRFGuard *xsrf.Guard
	Codes     *code.Codes
	factors   *factor.Factors
	access    *token.Access
	refresh   *token.Refresh
	forger    tokentest.Issuer
	Number    atomic.Int64
}

func NewSeeder(t *testing.T, env *apptest.Env) *Seeder {
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

	k := &Seeder{
		Env: env, DB: database, Keyring: keys, XSRFGuard: xsrf.New(keys),
		Codes:   code.New(database, keys, env.Config.CodeGuessBudget, env.Clock.Now),
		factors: factor.New(factor.Deps{DB: database, Keys: keys, Issuer: "Toolkit", Budget: env.Config.TOTPGuessBudget, Now: env.Clock.Now}),
		access:  token.NewAccess(signing, env.Config.PublicURL, env.Config.TokenAudience, env.Clock.Now),
		refresh: token.NewRefresh(keys),
	}

	model := env.Account(t, "model@konec.com.au")
	if err := env.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE id = $1", model.ID).Scan(&k.hash); err != nil {
		t.Fatal(err)
	}

	k.forger = ForgerOf(t, env, client.Tokens{AccessToken: k.Members(t, 1, account.GroupNone)[0].AccessToken})

	return k
}

// Members makes so many of a member group.
func (k *Seeder) Members(t *testing.T, n int, group string) []*Member {
	t.Helper()

	now := k.Clock.Now()
	list := make([]*Member, n)

	var accounts, sessions, cookies [][]any

	for i := range list {
		h := &Member{
			ID: account.NewID(now), Email: fmt.Sprintf("member.%d@konec.com.au", k.Number.Add(1)), Group: group,
			AppSession: randomid.New(), BrowserSession: randomid.New(), Cookie: string(session.NewCookie()), PreSession: randomid.New(), EndedSession: randomid.New(),
		}

		var err error
		if h.AccessToken, _, err = k.access.Issue(t.Context(), h.ID, h.AppSession, group); err != nil {
			t.Fatal(err)
		}

		h.RefreshToken = k.refresh.Derive(h.AppSession, 0)
		digest := sha256.Sum256([]byte(h.Cookie))
		list[i] = h

		accounts = append(accounts, []any{h.ID, h.Email, "Holder", k.hash, group, now, now})
		sessions = append(sessions,
			[]any{h.AppSession, h.ID, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil},
			[]any{h.EndedSession, h.ID, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), now, "test"},
			[]any{h.BrowserSession, h.ID, "public", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil})
		cookies = append(cookies, []any{digest[:], h.BrowserSession, now, now.Add(time.Hour)})
	}

	k.copyRows(t, "account", []string{"id", "email", "name", "password_hash", "member_group", "created_at", "updated_at"}, accounts)
	k.copyRows(t, "session", []string{
		"id", "account_id", "surface", "device", "created_at", "authenticated_at", "seen_at", "expires_at", "ends_at", "revoked_at", "revoked_reason",
	}, sessions)
	k.copyRows(t, "session_cookie", []string{"digest", "session_id", "created_at", "expires_at"}, cookies)

	return list
}

func (k *Seeder) copyRows(t *testing.T, table string, columns []string, rows [][]any) {
	t.Helper()

	if _, err := k.Pool.CopyFrom(t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(rows)); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

func (k *Seeder) Change(t *testing.T, statement string, args ...any) {
	t.Helper()

	if tag, err := k.Pool.Exec(t.Context(), statement, args...); err != nil || tag.RowsAffected() == 0 {
		t.Errorf("%s: %d rows, %v", statement, tag.RowsAffected(), err)
	}
}

// IssueCode is one that was sent, and whose mail nobody has to wait for.
func (k *Seeder) IssueCode(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := k.Codes.Issue(t.Context(), k.Pool, purpose, subject)
	if err != nil {
		t.Error(err)
	}

	return plain
}

// RefreshCode is what GET /refresh_code answers for a session.
func (k *Seeder) RefreshCode(t *testing.T, sessionID string) string {
	t.Helper()

	plain, err := k.Codes.IssueOpaque(t.Context(), k.Pool, code.Renewal, sessionID)
	if err != nil {
		t.Error(err)
	}

	return plain
}

// EmailLink is the token of the link that a change of the member's address is completed with.
func (k *Seeder) EmailLink(t *testing.T, h *Member) string {
	t.Helper()

	address := k.NewAddress()

	secret, err := k.Codes.IssueSecret(t.Context(), k.Pool, code.EmailLink, strings.Join([]string{h.ID, h.Email, address}, " "))
	if err != nil {
		t.Error(err)
	}

	sealed := k.Keyring.Seal([]byte(strings.Join([]string{h.BrowserSession, address, secret}, " ")), "profile", "email link")

	return base64.RawURLEncoding.EncodeToString(sealed)
}

// NewAddress and phone are nobody's yet.
func (k *Seeder) NewAddress() string { return fmt.Sprintf("fresh.%d@konec.com.au", k.Number.Add(1)) }
func (k *Seeder) NewPhone() string   { return fmt.Sprintf("+86137%08d", k.Number.Add(1)) }

// DelayPassword lets the member wait before the next password.
func (k *Seeder) DelayPassword(t *testing.T, h *Member) {
	t.Helper()
	k.Change(t, "INSERT INTO failure (key, count, blocked_until, ends_at) VALUES ($1, 9, $2, $2)", password.Factor+" "+h.ID, k.Clock.Now().Add(time.Hour))
}

// BindPhone gives the member a phone.
func (k *Seeder) BindPhone(t *testing.T, h *Member) string {
	t.Helper()

	phone := k.NewPhone()
	k.Change(t, "UPDATE account SET phone = $2 WHERE id = $1", h.ID, phone)

	return phone
}

// PendingAuthenticator hands the member a secret, and answers its URL with the codes of the step before this one, of this
// one, and of the next.
func (k *Seeder) PendingAuthenticator(t *testing.T, h *Member) (address string, codes [3]string) {
	t.Helper()

	address, err := k.factors.Pending(t.Context(), h.ID, h.Email)
	if err != nil {
		t.Error(err)
	}

	for i := range codes {
		codes[i] = TOTPAt(t, address, k.Clock.Now().Add(time.Duration(i-1)*30*time.Second))
	}

	return address, codes
}

// BindAuthenticator gives the member an authenticator app, and answers a code that is not used yet.
func (k *Seeder) BindAuthenticator(t *testing.T, h *Member) string {
	t.Helper()

	address, codes := k.PendingAuthenticator(t, h)

	binding, err := k.factors.AttemptBinding(t.Context(), h.ID, address, [2]string(codes[:2]))
	if err == nil {
		err = k.DB.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return k.factors.Bind(ctx, tx, binding) })
	}

	if err != nil {
		t.Error(err)
	}

	return codes[2]
}

// XSRFToken is the token of a session, xsrfBefore that of a browser without one.
func (k *Seeder) XSRFToken(h *Member) string { return k.XSRFGuard.Mint(h.BrowserSession) }
func (k *Seeder) XSRFTokenBeforeSignIn(h *Member) string {
	return k.XSRFGuard.Mint("browser " + h.PreSession)
}

// ForgeToken is an access token of the member's, signed with the gateway's key, for a session and a time.
func (k *Seeder) ForgeToken(h *Member, sessionID string, at time.Time) string {
	forger := k.forger
	forger.AccountID, forger.SessionID, forger.Now = h.ID, sessionID, at

	return forger.Genuine()
}

// TOTPAt is the code of an otpauth URL's secret at a time.
func TOTPAt(t *testing.T, address string, at time.Time) string {
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

// RecoveryCode gives the member an authenticator app, and answers one of its recovery codes.
func (k *Seeder) RecoveryCode(t *testing.T, h *Member) string {
	t.Helper()
	k.BindAuthenticator(t, h)

	var codes []string

	err := k.DB.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
		var err error
		codes, err = k.factors.RecoveryCodes(ctx, tx, h.ID)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return codes[0]
}

// ForgerOf steals the signing key from the database, with the master key.
func ForgerOf(t *testing.T, env *apptest.Env, tokens client.Tokens) tokentest.Issuer {
	t.Helper()

	ring, err := keyring.Parse(env.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	var (
		id     string
		sealed []byte
		claims struct{ Sub, Sid string }
	)

	if err := env.Pool.QueryRow(t.Context(), "SELECT id, private_key FROM signing_key").Scan(&id, &sealed); err != nil {
		t.Fatal(err)
	}

	seed, err := ring.Open(sealed, "signing_key", "private_key", id)
	if err != nil {
		t.Fatal(err)
	}

	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}

	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}

	return tokentest.Issuer{
		KeyID: id, Private: ed25519.NewKeyFromSeed(seed), Issuer: env.Config.PublicURL, Audience: env.Config.TokenAudience,
		AccountID: claims.Sub, SessionID: claims.Sid, Now: env.Clock.Now(),
	}
}
