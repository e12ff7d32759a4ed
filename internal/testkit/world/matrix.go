package world

import (
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// Matrix is a gateway whose operations are called with every kind of credential. It makes no caller wait, has every
// setting, and its clock is stopped.
type Matrix struct {
	*Seeder

	lark *FakeLark

	Mu      sync.Mutex // guards what follows
	Lines   []string   // the lines of the table
	Refused []string   // the accounts of refused calls, which must have changed nothing
}

// NewMatrix starts a gateway with every setting and its Lark.
func NewMatrix(t *testing.T) *Matrix {
	t.Helper()

	return MatrixOn(t, postgrestest.New(t))
}

// MatrixOn starts the gateway of a Matrix on a database.
func MatrixOn(t *testing.T, databaseURL string) *Matrix {
	t.Helper()

	lark := NewFakeLark(t)
	g := GatewayOn(t, apptest.On(t, databaseURL, WithoutWaits, WithLark(lark.URL), func(c *apptest.Settings) {
		c.Origins, c.UploadURL = []string{ConsoleOrigin}, "https://upload.konec.test"
	}))
	g.Clock.Stop() // no code expires before it is used

	return &Matrix{Seeder: NewSeeder(t, g.Env), lark: lark}
}

// Call returns a call of the operation with this id, with a body and without a credential.
func (m *Matrix) Call(t *testing.T, id string, body map[string]any) Call {
	t.Helper()

	return OperationOf(t, id).Call("", body)
}

// LarkReturn returns the call with which the member, who is bound at Lark, comes back to sign in.
func (m *Matrix) LarkReturn(t *testing.T, member *Member) Call {
	t.Helper()

	return LarkReturning(LarkLogin)(t, m, OperationOf(t, "returnFromLark"), member, nil, member)
}

// AsMember returns the call as the member's signed-in browser sends it.
func (m *Matrix) AsMember(member *Member, c Call) Call { return WithSession(m.Seeder, c, member, nil) }

// AsVisitor returns the call as that browser sends it before a sign-in.
func (m *Matrix) AsVisitor(member *Member, c Call) Call {
	return WithoutSession(m.Seeder, c, member, nil)
}

// AllState returns a text that changes if an account, a session or a factor changes. What a search looks in does not count: the
// server prepares it in the background.
func (m *Matrix) AllState(t *testing.T) (text string) {
	t.Helper()

	err := m.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT md5(string_agg((to_jsonb(a) - '{search,folded_name}'::text[])::text, '' ORDER BY a.id)) FROM account a),
			(SELECT md5(string_agg(s::text, '' ORDER BY s.id)) FROM session s),
			(SELECT md5(string_agg(c::text, '' ORDER BY c.digest)) FROM session_cookie c),
			(SELECT md5(string_agg(concat(t.account_id, t.id), '' ORDER BY t.id)) FROM totp t),
			(SELECT md5(string_agg(r::text, '' ORDER BY r.digest)) FROM recovery_code r),
			(SELECT md5(string_agg(i::text, '' ORDER BY i.subject)) FROM identity i))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}

	return text
}

// ResetCall returns a password reset for the member.
func (m *Matrix) ResetCall(t *testing.T, member *Member, plain string) Call {
	t.Helper()

	return m.AsVisitor(member, m.Call(t, "resetPassword", map[string]any{"email": member.Email, "code": plain, "password": NewPassword}))
}

// Refusals that many operations share, in the form of StatusAndCode.
const (
	CodeInvalid    = "400 CODE_INVALID"
	ReauthRequired = "400 REAUTH_REQUIRED"
)

// TOTP URLs that the server never issued: OwnSecret is of the caller's own making, and EmptySecret has the key that anyone
// can compute.
const (
	OwnSecret   = "otpauth://totp/Toolkit:own?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
	EmptySecret = "otpauth://totp/Toolkit:own?secret=&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
)

// LarkReturning returns a function that builds the return from Lark of a journey that own's browser began, with that
// browser's cookie. The person at Lark is bound to named, whom a sign-in signs in; a binding uses an unbound person.
func LarkReturning(action client.LarkStateAction) func(*testing.T, *Matrix, Operation, *Member, *Member, *Member) Call {
	return func(t *testing.T, m *Matrix, o Operation, own, _, named *Member) Call {
		t.Helper()

		subject := m.BindLark(t, named)
		if action == LarkBind {
			subject = own.ID
		}

		browser := m.Browser(t)
		browser.SetCookie("__Host-TOKEN", own.Cookie)

		query := m.lark.Approve(StartLark(t, browser, action), map[string]any{"open_id": subject, "name": "User"})
		c := o.Call(query.Encode(), nil)

		return c.WithCookies("__Host-LARK=" + browser.Cookie("__Host-LARK"))
	}
}

// BindLark binds a person at Lark to the member and returns the person's id.
func (m *Matrix) BindLark(t *testing.T, member *Member) string {
	t.Helper()
	m.Update(t, "INSERT INTO identity (provider, subject, account_id, profile, bound_at) VALUES ('lark', $2, $1, '{\"open_id\":\"x\",\"name\":\"y\"}', $3)",
		member.ID, "ou_"+member.ID, m.Clock.Now())

	return "ou_" + member.ID
}

// BrowserCookies returns the cookies of the member's browser.
func BrowserCookies(member *Member) string {
	return "__Host-TOKEN=" + member.Cookie + "; __Host-PRE=" + member.PreSession
}

// WithSession adds the session cookie and the XSRF token of own's browser to a call.
func WithSession(s *Seeder, c Call, own, _ *Member) Call {
	return c.WithCookies(BrowserCookies(own)).With("X-XSRF-TOKEN", s.XSRFToken(own))
}

// WithoutSession adds the cookie and the XSRF token of a browser that is not signed in to a call.
func WithoutSession(s *Seeder, c Call, own, _ *Member) Call {
	return c.WithCookies("__Host-PRE="+own.PreSession).With("X-XSRF-TOKEN", s.XSRFTokenBeforeSignIn(own))
}

// changeAccount returns a function that executes a statement about own's account.
func changeAccount(statement string) func(*testing.T, *Seeder, *Member) {
	return func(t *testing.T, s *Seeder, own *Member) {
		t.Helper()
		s.Update(t, statement, own.ID)
	}
}

// What may happen to own before a call.
var (
	ExpireSessions = changeAccount("UPDATE session SET expires_at = created_at - interval '1 minute' WHERE account_id = $1")
	EndSessions    = changeAccount("UPDATE session SET revoked_at = created_at, revoked_reason = 'test' WHERE account_id = $1 AND revoked_at IS NULL")
	DisableAccount = changeAccount("UPDATE account SET status = 'disabled' WHERE id = $1")
	DeleteAccount  = changeAccount("DELETE FROM account WHERE id = $1")
	ExpireCookies  = changeAccount("UPDATE session_cookie SET expires_at = created_at WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
	AgeSignIn      = changeAccount("UPDATE session SET authenticated_at = authenticated_at - interval '61 minutes' WHERE account_id = $1")
	ChooseFactors  = changeAccount("UPDATE account SET second_factor_since = now() WHERE id = $1")
	LoseRights     = changeAccount("UPDATE account SET member_group = 'Member' WHERE id = $1")
	ReplaceCookies = changeAccount("UPDATE session_cookie SET expires_at = created_at + interval '1 minute' WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
)
