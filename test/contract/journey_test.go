package contract_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// A new user's way through the generated client: code, account, tokens, refresh.
func TestJourney(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	ctx := t.Context()

	sent, err := env.Client.SendRegistrationCodeWithResponse(ctx, client.SendCodeRequest{Email: "New.User@KONEC.com.au"})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	const email = "new.user@konec.com.au"

	code := env.Mail(t, email, 0).Code

	registered, err := env.Client.RegisterWithResponse(ctx, client.RegisterRequest{
		Username: "New User", Email: email, Password: apptest.Password, VerificationCode: code,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	user := registered.JSON201.User
	if user.MemberGroup != "None" || user.Avatar != 0 || user.V != 0 || user.Email != email || user.Username != "New User" {
		t.Errorf("registered %+v", user)
	}

	tokens := env.SignIn(t, email)
	if tokens.ExpiresIn != 3600 || tokens.TokenType != client.TokensTokenTypeBearer {
		t.Errorf("tokens %+v", tokens)
	}

	status, me := env.Me(t, tokens.AccessToken)
	if status != http.StatusOK || me.User != user {
		t.Errorf("me: %d %+v, want %+v", status, me, user)
	}

	_, second := env.Refresh(t, tokens.RefreshToken)
	if second == nil || second.RefreshToken == tokens.RefreshToken {
		t.Fatalf("refresh: %+v", second)
	}

	if status, _ := env.Me(t, second.AccessToken); status != http.StatusOK {
		t.Errorf("me after refresh: %d", status)
	}

	_, repeated := env.Refresh(t, tokens.RefreshToken)
	if repeated == nil || repeated.RefreshToken != second.RefreshToken {
		t.Errorf("the old token at once: %+v, want the same successor", repeated)
	}

	_, third := env.Refresh(t, second.RefreshToken)
	if third == nil {
		t.Fatal("refresh of the successor failed")
	}

	env.Clock.Advance(session.LostAfter + time.Second)

	if status, _ := env.Refresh(t, tokens.RefreshToken); status != http.StatusUnauthorized {
		t.Errorf("the old token later: %d, want 401", status)
	}

	if status, _ := env.Me(t, third.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("me after a token was reused: %d, want 401", status)
	}

	if subject := env.Mail(t, email, 1).Subject; subject != "您的一个登录会话已被结束" {
		t.Errorf("mail %q", subject)
	}
}

// The statements of each operation are counted, so that no change adds one by accident.
func TestStatements(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, "statements@konec.com.au")

	tokens := env.SignIn(t, "statements@konec.com.au")

	expect := func(t *testing.T, want ...string) {
		t.Helper()

		if got := world.WithoutMaintenance(env.Statements.Take()); !slices.Equal(got, want) {
			t.Errorf("statements %q, want %q", got, want)
		}
	}

	env.Statements.Take()
	env.SignIn(t, "statements@konec.com.au")
	expect(t, "AccountCredentials", "DevicePlace", "FailureAttempt", "AccountSignIn", "SessionOpen", "DeviceRemember", "NetworkRemember",
		"AuditEventRecord", "FailureSucceeded")

	env.Me(t, tokens.AccessToken)
	expect(t, "SessionAuthenticate")

	env.Refresh(t, tokens.RefreshToken)
	expect(t, "SessionRotate")

	browser := env.SignedIn(t, "statements@konec.com.au")

	env.Statements.Take()
	browser.Verify(t)
	expect(t, "SessionByCookie")

	env.Refresh(t, tokens.RefreshToken)
	expect(t, "SessionRotate", "SessionForRefresh")

	env.Clock.Advance(session.LostAfter + time.Second)
	env.Refresh(t, tokens.RefreshToken)
	expect(t, "SessionRotate", "SessionForRefresh", "SessionOpenRival", "AuditEventRecord")
}
