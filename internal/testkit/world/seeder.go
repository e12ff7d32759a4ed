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
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

// Member is an account that is signed in on both surfaces. It costs no password hash, so a test may create thousands.
type Member struct {
	ID, Email, Group string

	AppSession, AccessToken, RefreshToken string // the app's session and its tokens
	BrowserSession, Cookie                string // the browser's session and the value of its cookie
	PreSession                            string // the browser's identifier from before the sign-in
	Device                                string // the id of a device; its token is unknown
	EndedSession                          string // an app's session that has ended
}

// Seeder creates members, and whatever else a request may need: codes without a mail, tokens issued at another time. It
// uses the gateway's master key.
type Seeder struct {
	*apptest.Env

	DB        *postgres.DB
	Keyring   *keyring.Keyring
	hash      string // the hash of apptest.Password
	XSRFGuard *xsrf.Guard
	Codes     *code.Codes
	factors   *factor.Factors
	access    *token.Access
	refresh   *token.Refresh
	forger    tokentest.Issuer
	Sequence  atomic.Int64
}

// NewSeeder returns a Seeder for a running gateway.
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

	s := &Seeder{
		Env: env, DB: database, Keyring: keys, XSRFGuard: xsrf.New(keys),
		Codes: code.New(database, keys, code.Budget{Max: env.Config.CodeGuessBudget, Share: 1}, env.Clock.Now),
		factors: factor.New(factor.Deps{
			DB: database, Keys: keys, Issuer: "Toolkit", Now: env.Clock.Now,
			Budget: throttle.Budget{Name: factor.BudgetName, Max: env.Config.TOTPGuessBudget, Share: 1},
		}),
		access:  token.NewAccess(signing, env.Config.PublicURL, env.Config.TokenAudience, env.Clock.Now),
		refresh: token.NewRefresh(keys),
	}

	model := env.Account(t, "model@konec.com.au")
	if err := env.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE id = $1", model.ID).Scan(&s.hash); err != nil {
		t.Fatal(err)
	}

	s.forger = ForgerOf(t, env, client.Tokens{AccessToken: s.Members(t, 1, account.GroupNone)[0].AccessToken})

	return s
}

// Members creates n members of a group.
func (s *Seeder) Members(t *testing.T, n int, group string) []*Member {
	t.Helper()

	now := s.Clock.Now()
	list := make([]*Member, n)

	var accounts, sessions, cookies, devices [][]any

	for i := range list {
		member := &Member{
			ID: account.NewID(now), Email: fmt.Sprintf("member.%d@konec.com.au", s.Sequence.Add(1)), Group: group,
			AppSession: randomid.New(), BrowserSession: randomid.New(), Cookie: string(session.NewCookie()), PreSession: randomid.New(), EndedSession: randomid.New(),
			Device: randomid.New(),
		}

		var err error
		if member.AccessToken, _, err = s.access.Issue(t.Context(), token.Grant{
			AccountID: member.ID, SessionID: member.AppSession, MemberGroup: group, AuthenticatedAt: now, Methods: session.Methods{session.ByPassword},
		}); err != nil {
			t.Fatal(err)
		}

		member.RefreshToken = s.refresh.Derive(member.AppSession, 0)
		digest := sha256.Sum256([]byte(member.Cookie))
		list[i] = member

		accounts = append(accounts, []any{member.ID, member.Email, "Holder", s.hash, group, now, now})
		sessions = append(sessions,
			[]any{member.AppSession, member.ID, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil},
			[]any{member.EndedSession, member.ID, "toolkit", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), now, "test"},
			[]any{member.BrowserSession, member.ID, "public", "", now, now, now, now.Add(time.Hour), now.Add(time.Hour), nil, nil})
		cookies = append(cookies, []any{digest[:], member.BrowserSession, now, now.Add(time.Hour)})
		devices = append(devices, []any{member.Device, member.ID, []byte(member.Device), "", now, now})
	}

	s.copyRows(t, "account", []string{"id", "email", "name", "password_hash", "member_group", "created_at", "updated_at"}, accounts)
	s.copyRows(t, "session", []string{
		"id", "account_id", "surface", "device", "created_at", "authenticated_at", "seen_at", "expires_at", "ends_at", "revoked_at", "revoked_reason",
	}, sessions)
	s.copyRows(t, "session_cookie", []string{"digest", "session_id", "created_at", "expires_at"}, cookies)
	s.copyRows(t, "device", []string{"id", "account_id", "digest", "name", "created_at", "seen_at"}, devices)

	return list
}

// copyRows inserts rows with COPY.
func (s *Seeder) copyRows(t *testing.T, table string, columns []string, rows [][]any) {
	t.Helper()

	if _, err := s.Pool.CopyFrom(t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(rows)); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

// Update executes a statement that must change at least one row.
func (s *Seeder) Update(t *testing.T, statement string, args ...any) {
	t.Helper()

	if tag, err := s.Pool.Exec(t.Context(), statement, args...); err != nil || tag.RowsAffected() == 0 {
		t.Errorf("%s: %d rows, %v", statement, tag.RowsAffected(), err)
	}
}

// IssueCode returns a valid code for the purpose and the subject, without sending it.
func (s *Seeder) IssueCode(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := s.Codes.Issue(t.Context(), s.Pool, purpose, subject)
	if err != nil {
		t.Error(err)
	}

	return plain
}

// RefreshCode returns a refresh code of a session, as GET /refresh_code does.
func (s *Seeder) RefreshCode(t *testing.T, sessionID string) string {
	t.Helper()

	plain := code.NewOpaque()

	if err := s.Codes.IssueOpaque(t.Context(), s.Pool, code.Renewal, sessionID, plain); err != nil {
		t.Error(err)
	}

	return plain
}

// EmailLink returns the token of a link that changes the member's address.
func (s *Seeder) EmailLink(t *testing.T, member *Member) string {
	t.Helper()

	address := s.NewAddress()

	secret, err := s.Codes.IssueSecret(t.Context(), s.Pool, code.EmailLink, strings.Join([]string{member.ID, member.Email, address}, " "))
	if err != nil {
		t.Error(err)
	}

	sealed := s.Keyring.Seal([]byte(strings.Join([]string{member.BrowserSession, address, secret}, " ")), "profile", "email link")

	return base64.RawURLEncoding.EncodeToString(sealed)
}

// NewAddress returns an address that no account has.
func (s *Seeder) NewAddress() string { return fmt.Sprintf("fresh.%d@konec.com.au", s.Sequence.Add(1)) }

// NewPhone returns a phone number that no account has.
func (s *Seeder) NewPhone() string { return fmt.Sprintf("+86137%08d", s.Sequence.Add(1)) }

// DelayPassword makes the gateway refuse the member's password for an hour.
func (s *Seeder) DelayPassword(t *testing.T, member *Member) {
	t.Helper()
	s.Update(t, "INSERT INTO failure (key, person, count, blocked_until, ends_at) VALUES ($1, $2, 9, $3, $3)",
		password.Factor+" strangers "+member.ID, member.ID, s.Clock.Now().Add(time.Hour))
}

// BindPhone binds a new phone to the member and returns it.
func (s *Seeder) BindPhone(t *testing.T, member *Member) string {
	t.Helper()

	phone := s.NewPhone()
	s.Update(t, "UPDATE account SET phone = $2 WHERE id = $1", member.ID, phone)

	return phone
}

// PendingAuthenticator issues a TOTP secret to the member. It returns its URL and the codes of the previous time step, the
// current one and the next.
func (s *Seeder) PendingAuthenticator(t *testing.T, member *Member) (address string, codes [3]string) {
	t.Helper()

	address, err := s.factors.Pending(t.Context(), s.Pool, member.ID, member.Email)
	if err != nil {
		t.Error(err)
	}

	for i := range codes {
		codes[i] = TOTPAt(t, address, s.Clock.Now().Add(time.Duration(i-1)*30*time.Second))
	}

	return address, codes
}

// BindAuthenticator binds an authenticator app to the member and returns a code that is not used yet.
func (s *Seeder) BindAuthenticator(t *testing.T, member *Member) string {
	t.Helper()

	address, codes := s.PendingAuthenticator(t, member)

	binding, err := s.factors.AttemptBinding(t.Context(), member.ID, address, [2]string(codes[:2]))
	if err == nil {
		err = s.DB.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return s.factors.Bind(ctx, tx, binding) })
	}

	if err != nil {
		t.Error(err)
	}

	return codes[2]
}

// XSRFToken returns the XSRF token of the member's browser session.
func (s *Seeder) XSRFToken(member *Member) string { return s.XSRFGuard.Mint(member.BrowserSession) }

// XSRFTokenBeforeSignIn returns the XSRF token of the member's browser from before the sign-in.
func (s *Seeder) XSRFTokenBeforeSignIn(member *Member) string {
	return s.XSRFGuard.Mint("browser " + member.PreSession)
}

// ForgeToken returns an access token of the member for any session and time, signed with the gateway's key.
func (s *Seeder) ForgeToken(member *Member, sessionID string, at time.Time) string {
	forger := s.forger
	forger.AccountID, forger.SessionID, forger.Now = member.ID, sessionID, at

	return forger.Genuine()
}

// TOTPAt returns the code of an otpauth URL's secret at a time.
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

// RecoveryCode binds an authenticator app to the member and returns one of its recovery codes.
func (s *Seeder) RecoveryCode(t *testing.T, member *Member) string {
	t.Helper()
	s.BindAuthenticator(t, member)

	var codes []string

	err := s.DB.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
		var err error
		codes, err = s.factors.RecoveryCodes(ctx, tx, member.ID, s.Clock.Now())

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return codes[0]
}

// ForgerOf returns an issuer of forged tokens. It reads the signing key from the database with the master key.
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
