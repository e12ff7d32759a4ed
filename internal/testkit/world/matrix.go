package world

import (
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

const ReauthRequired = "400 REAUTH_REQUIRED"

// LarkReturning is the way back of a journey that own's browser began: its cookie is there whoever comes back.
// The person at Lark is bound to named, who is signed in with it.
func LarkReturning(action client.LarkStateAction) func(*testing.T, *Matrix, Operation, *Member, *Member, *Member) Call {
	return func(t *testing.T, m *Matrix, o Operation, own, _, named *Member) Call {
		t.Helper()

		subject := m.BindLark(t, named)
		if action == LarkBind {
			subject = own.ID
		}

		browser := m.Browser(t)
		browser.SetCookie("__Host-TOKEN", own.Cookie)

		query := m.lark.Agree(StartLark(t, browser, action), map[string]any{"open_id": subject, "name": "Somebody"})
		c := o.Call(query.Encode(), nil)

		return c.WithCookies("__Host-LARK=" + browser.Cookie("__Host-LARK"))
	}
}

// BindLark binds a person at Lark to the member, and answers their id there.
func (m *Matrix) BindLark(t *testing.T, h *Member) string {
	t.Helper()
	m.Change(t, "INSERT INTO identity (provider, subject, account_id, profile, bound_at) VALUES ('lark', $2, $1, '{\"open_id\":\"x\",\"name\":\"y\"}', $3)",
		h.ID, "ou_"+h.ID, m.Clock.Now())

	return "ou_" + h.ID
}

func BrowserCookies(h *Member) string {
	return "__Host-TOKEN=" + h.Cookie + "; __Host-PRE=" + h.PreSession
}

// Browsing is own's browser, with an XSRF token.
func Browsing(k *Seeder, c Call, own, _ *Member) Call {
	return c.WithCookies(BrowserCookies(own)).With("X-XSRF-TOKEN", k.XSRFToken(own))
}

// Visiting is a browser in which nobody is signed in.
func Visiting(k *Seeder, c Call, own, _ *Member) Call {
	return c.WithCookies("__Host-PRE="+own.PreSession).With("X-XSRF-TOKEN", k.XSRFTokenBeforeSignIn(own))
}

// changeAccount is a statement about own's account.
func changeAccount(statement string) func(*testing.T, *Seeder, *Member) {
	return func(t *testing.T, k *Seeder, own *Member) {
		t.Helper()
		k.Change(t, statement, own.ID)
	}
}

var (
	Expire  = changeAccount("UPDATE session SET expires_at = created_at - interval '1 minute' WHERE account_id = $1")
	End     = changeAccount("UPDATE session SET revoked_at = created_at, revoked_reason = 'test' WHERE account_id = $1 AND revoked_at IS NULL")
	Disable = changeAccount("UPDATE account SET status = 'disabled' WHERE id = $1")
	Remove  = changeAccount("DELETE FROM account WHERE id = $1")
	Retire  = changeAccount("UPDATE session_cookie SET expires_at = created_at WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
	Ageing  = changeAccount("UPDATE session SET authenticated_at = authenticated_at - interval '16 minutes' WHERE account_id = $1")
	Replace = changeAccount("UPDATE session_cookie SET expires_at = created_at + interval '1 minute' WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
)

// Matrix is a gateway that makes nobody wait, with all its settings, and a clerk.
type Matrix struct {
	*Seeder

	lark *FakeLark

	Mu      sync.Mutex
	Lines   []string
	Refused []string // the accounts of calls that must have changed nothing
}

func NewMatrix(t *testing.T) *Matrix {
	t.Helper()

	lark := NewFakeLark(t)
	d := NewGateway(t, WithoutWaits, WithLark(lark.URL), func(c *apptest.Settings) {
		c.Origins, c.UploadURL = []string{ConsoleOrigin}, "https://upload.konec.test"
	})
	d.Clock.Stop() // no code grows old on the way

	return &Matrix{Seeder: NewSeeder(t, d.Env), lark: lark}
}

// Call is a call of the operation of that id, with a body, without a credential.
func (m *Matrix) Call(t *testing.T, id string, body map[string]any) Call {
	t.Helper()

	return OperationOf(t, id).Call("", body)
}

// LarkReturn is the way back from Lark of who is bound there, to sign in.
func (m *Matrix) LarkReturn(t *testing.T, h *Member) Call {
	t.Helper()

	return LarkReturning(LarkLogin)(t, m, OperationOf(t, "returnFromLark"), h, nil, h)
}

// AsMember is the call, from the browser in which a person is signed in.
func (m *Matrix) AsMember(h *Member, c Call) Call { return Browsing(m.Seeder, c, h, nil) }

// AsVisitor is the call, from that browser before anybody signed in.
func (m *Matrix) AsVisitor(h *Member, c Call) Call { return Visiting(m.Seeder, c, h, nil) }

// AllState is all that is known of accounts, and of how people come into them.
func (m *Matrix) AllState(t *testing.T) (text string) {
	t.Helper()

	err := m.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT md5(string_agg(a::text, '' ORDER BY a.id)) FROM account a),
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

const CodeInvalid = "400 CODE_INVALID"

// ownSecret is a TOTP URL of the caller's own making, and emptySecret that of the key that everybody knows.
const (
	OwnSecret   = "otpauth://totp/Toolkit:own?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
	EmptySecret = "otpauth://totp/Toolkit:own?secret=&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
)

const NewPassword = "another horse, another staple"

func (m *Matrix) ResetCall(t *testing.T, h *Member, plain string) Call {
	t.Helper()

	return m.AsVisitor(h, m.Call(t, "resetPassword", map[string]any{"email": h.Email, "code": plain, "password": NewPassword}))
}
