package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
	web "github.com/konec/toolkit-gateway/web/console"
)

// An administrator uses the console in a real browser: approves waiting accounts, reads why a user is locked out and
// unlocks them, ends their sessions, edits groups, and binds a second factor. Each page is checked for accessibility.
func TestAdministrationInABrowser(t *testing.T) {
	t.Parallel()

	if _, err := web.Files().Open("index.html"); err != nil {
		t.Fatal("the console is not built; `make test` builds it before it runs the tests")
	}

	s := newBrowserSite(t, func(_ *browserSite, c *apptest.Settings) { c.FailuresFree, c.FailureDelay = 2, 30*time.Minute })
	waiting := []string{"first@konec.com.au", "second@konec.com.au", "third@konec.com.au"}

	const (
		lockedOut, raced, member = "locked.out@konec.com.au", "raced@konec.com.au", "member@konec.com.au"
		reader, held             = "reader@konec.com.au", "held@konec.com.au"
	)

	for i, email := range waiting {
		s.register(t, email, []string{"Ada First", "王芳", "Third Person"}[i])
		s.Clock.Advance(time.Second) // so that the queue has an order
	}

	for _, email := range []string{raced, lockedOut, member, reader, held, world.Administrator} {
		s.Account(t, email)
		s.Clock.Advance(time.Second)
	}

	s.Exec(t, "INSERT INTO member_group (name, rights, created_at, updated_at) VALUES ('Reader', '{accounts.read}', now(), now())")
	s.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", lockedOut)
	s.Exec(t, `INSERT INTO delivery (id, channel, recipient, kind, language, state, attempts, last_error, created_at, expires_at, finished_at)
		VALUES ('refused', 'mail', $1, 'reset_code', 'en', 'refused', 3, '550 mailbox unavailable', now(), now(), now())`, waiting[0])

	// In Melbourne, the browser's time zone, this hour belongs to the next day.
	failedAt := s.Clock.Now().UTC().Truncate(24 * time.Hour).Add(15*time.Hour - 5*24*time.Hour)
	s.Exec(t, `INSERT INTO audit_count (action, hour, events)
		SELECT 'sign_in.succeeded', $1::timestamptz - day * interval '1 day', 60 + 37 * day % 50 FROM generate_series(-4, 22) AS day
		UNION ALL SELECT 'account.registered', $1::timestamptz - day * interval '1 day', 1 + day % 4 FROM generate_series(1, 20, 3) AS day
		UNION ALL SELECT 'sign_in.failed', $1::timestamptz, 17`, failedAt)

	for email, group := range map[string]string{lockedOut: "Member", held: "Member", member: "Member", reader: "Reader", world.Administrator: world.GroupAdmin} {
		if err := s.SetGroup(t.Context(), email, group); err != nil {
			t.Fatal(err)
		}
	}

	approved, ended := s.SignIn(t, waiting[0]), s.signInAs(t, lockedOut, "ToolkitStudio/2.1 (Windows 11)")
	lockOut(t, s.Env, lockedOut)
	lockOut(t, s.Env, held)
	s.Exec(t, `INSERT INTO throttle (key, count, ends_at) VALUES
		('failed-codes/reset ', 2500, now() + interval '1 day'), ('failures 198.51.100.77', 100, now() + interval '1 hour')`)

	s.serveStatement(t, "/race", "UPDATE account SET version = version + 1 WHERE email = $1", "email")
	s.serveStatement(t, "/rename", "UPDATE member_group SET description = $2, version = version + 1 WHERE name = $1", "group", "description")
	s.serveStatement(t, "/end", "UPDATE session SET revoked_at = now(), revoked_reason = 'test' WHERE account_id = (SELECT id FROM account WHERE email = $1)", "email")

	s.runScript(t, "administration.mjs", map[string]any{
		"password": apptest.Password, "failedAt": failedAt,
		"people": map[string]any{
			"administrator": world.Administrator, "waiting": waiting, "raced": raced, "lockedOut": lockedOut, "lockedOutID": accountID(t, s.Env, lockedOut),
			"held": held, "heldID": accountID(t, s.Env, held), "member": member, "reader": reader,
		},
	})

	// The apps see the result of what was clicked.
	if _, me := s.Me(t, approved.AccessToken); me == nil || me.User.MemberGroup != "Member" {
		t.Errorf("me of the approved user is %+v", me)
	}

	_, renewed := s.Refresh(t, approved.RefreshToken)
	if renewed == nil || !strings.Contains(world.PayloadOf(t, renewed.AccessToken), `"memberGroup":"Member"`) {
		t.Errorf("the next token of the approved user is %+v", renewed)
	}

	if status, _ := s.Me(t, ended.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("an app whose session was ended gets %d", status)
	}

	if status, _ := s.Refresh(t, ended.RefreshToken); status != http.StatusUnauthorized {
		t.Errorf("an app whose session was ended renews with %d", status)
	}

	var assigned int

	err := s.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_event
		WHERE action = 'account.group_set' AND account_id = $1 AND detail ->> 'to' = 'Tester'`, accountID(t, s.Env, waiting[2])).Scan(&assigned)
	if err != nil || assigned != 1 {
		t.Errorf("the change whose response was lost happened %d times (%v)", assigned, err)
	}
}

// register registers a new user through the API.
func (s *browserSite) register(t *testing.T, email, name string) {
	t.Helper()

	sent, err := s.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	registered, err := s.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: name, Email: email, Password: apptest.Password, VerificationCode: s.Mail(t, email, 0).Code,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}
}

// signInAs signs in as a named device.
func (s *browserSite) signInAs(t *testing.T, email, device string) client.Tokens {
	t.Helper()

	got, err := s.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: apptest.Password},
		world.WithHeader("User-Agent", device))
	if err != nil || got.JSON200 == nil {
		t.Fatalf("login: %v %s", err, got.Body)
	}

	return *got.JSON200
}

// lockOut fails until the next attempt is delayed for longer than the test takes.
func lockOut(t *testing.T, env *apptest.Env, email string) {
	t.Helper()

	for range 3 {
		got, err := env.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: "wrong"})
		if err != nil || got.StatusCode() != http.StatusUnauthorized && got.StatusCode() != http.StatusTooManyRequests {
			t.Fatalf("login: %v %s", err, got.Body)
		}
	}
}

func accountID(t *testing.T, env *apptest.Env, email string) (id string) {
	t.Helper()

	if err := env.Pool.QueryRow(t.Context(), "SELECT id FROM account WHERE email = $1", email).Scan(&id); err != nil {
		t.Fatal(err)
	}

	return id
}

// serveStatement lets the script do something that no operation does: execute a statement with parameters of the
// request.
func (s *browserSite) serveStatement(t *testing.T, path, statement string, parameters ...string) {
	t.Helper()

	s.scriptMux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		args := make([]any, len(parameters))
		for i, name := range parameters {
			args[i] = r.FormValue(name)
		}

		if _, err := s.Pool.Exec(r.Context(), statement, args...); err != nil {
			t.Errorf("%s: %v", path, err)
			w.WriteHeader(http.StatusInternalServerError)
		}

		writeJSON(w, true)
	})
}
