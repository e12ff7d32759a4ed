package privacy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-C4, R-D5, R-D7, R-L1, T-29: an attacker who can write to the database, but has no key, cannot sign in by copying
// their own secrets to the victim's row. The response is that to a wrong code, and not a 500.
func TestCopiedSecretsOpenNothing(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutNetworkLimits, world.WithManyFreeFailures)
	g.Clock.Stop()

	thief, theirs := g.NewUser(t)
	victim, browser := g.NewUser(t)
	secret, own := g.BindAuthenticator(t, theirs), g.BindAuthenticator(t, browser)
	recovery, kept := world.RecoveryCode(t, theirs), world.RecoveryCode(t, browser)
	_, pending, _ := g.PendingAuthenticator(t, theirs)
	g.PendingAuthenticator(t, browser)

	thiefsReset, victimsReset := resetCode(t, g, thief), resetCode(t, g, victim)
	copied := func(statement string) {
		g.Exec(t, strings.NewReplacer("VICTIM", g.AccountID(t, victim), "THIEF", g.AccountID(t, thief)).Replace(statement))
	}
	response := func(path string, body map[string]string) string {
		got := world.JSONCall(http.MethodPost, path, body).FromBrowser(g.Visitor).To(t, g.Server)

		return strings.ReplaceAll(got.String(), got.Problem.RequestID, "")
	}
	signIn := func(code string) string {
		return response("/login/totp", map[string]string{"email": victim, "code": code})
	}
	wrong := signIn("000000")

	copied(`INSERT INTO recovery_code (account_id, key_id, digest, created_at) SELECT 'VICTIM', key_id, digest, created_at FROM recovery_code WHERE account_id = 'THIEF'`)

	// A recovery code works behind the password only.
	g.ChooseSecondFactor(t, victim, true)

	withRecovery := func(code string) string {
		return response("/login", map[string]string{"email": victim, "password": apptest.Password, "totp": code})
	}

	if got := withRecovery(recovery); !strings.HasPrefix(got, "400") {
		t.Errorf("the thief's recovery code: %s", got)
	}

	g.ChooseSecondFactor(t, victim, false)

	for _, statement := range []string{
		`UPDATE totp v SET secret = o.secret FROM totp o WHERE v.account_id = 'VICTIM' AND o.account_id = 'THIEF'`,
		`UPDATE totp v SET secret = o.secret, id = o.id, last_step = 0 FROM totp o WHERE v.account_id = 'VICTIM' AND o.account_id = 'THIEF'`,
		`UPDATE totp v SET secret = o.url, id = o.id FROM totp_pending o WHERE v.account_id = 'VICTIM' AND o.account_id = 'THIEF'`,
		`UPDATE totp SET secret = '' WHERE account_id = 'VICTIM'`,
	} {
		copied(statement)

		for what, code := range map[string]string{"the thief's": g.TOTPCode(t, secret, 1), "the thief's other": g.TOTPCode(t, pending, 0), "the victim's": g.TOTPCode(t, own, 1)} {
			if got := signIn(code); got != wrong {
				t.Errorf("%s: with %s code: %s, want %s", statement, what, got, wrong)
			}
		}
	}

	copied(`UPDATE totp_pending v SET url = o.url, id = o.id FROM totp_pending o WHERE v.account_id = 'VICTIM' AND o.account_id = 'THIEF'`)

	pair := world.JSONCall(http.MethodPost, "/user/totp", map[string]any{"tss": g.BindingCodes(t, pending)})
	if got := pair.FromBrowser(browser).To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
		t.Errorf("the thief's secret, to be bound: %s", got)
	}

	if got := (world.Call{Method: http.MethodGet, Path: "/user/totp/qr"}).FromBrowser(browser).To(t, g.Server); got.Problem.Code != "TOTP_NOT_PENDING" {
		t.Errorf("the thief's secret as a picture: %s", got)
	}

	g.Exec(t, `UPDATE code v SET digest = o.digest FROM code o WHERE v.purpose = 'reset' AND o.purpose = 'reset' AND v.subject = $1 AND o.subject = $2`, victim, thief)

	for _, code := range []string{thiefsReset, victimsReset} {
		if got := response("/forget_reset", map[string]string{"email": victim, "code": code, "password": world.NewPassword}); got != wrong {
			t.Errorf("a reset code: %s, want %s", got, wrong)
		}
	}

	if strings.Contains(g.Log.String(), `"level":"ERROR"`) {
		t.Errorf("faults: %s", g.Log)
	}

	// The comparison of codes works: the victim's own code signs in.
	g.ChooseSecondFactor(t, victim, true)

	if got := withRecovery(kept); !strings.HasPrefix(got, "204") {
		t.Errorf("the victim's recovery code: %s", got)
	}
}

// resetCode requests a reset code and reads it in the mail.
func resetCode(tb testing.TB, g *world.Gateway, email string) (code string) {
	tb.Helper()
	requireStatus(tb, g, world.QueryCall("/forget_code", "email", email), http.StatusNoContent)
	apptest.Eventually(tb, "a reset code", func() bool {
		for _, message := range g.Mails(email) {
			if code = message.Code; code != "" {
				return true
			}
		}

		return false
	})

	return code
}

func requireStatus(tb testing.TB, g *world.Gateway, c world.Call, want int) {
	tb.Helper()

	if got := c.To(tb, g.Server); got.Status != want {
		tb.Fatalf("%s %s: %s, want %d", c.Method, c.Path, got, want)
	}
}
