package signin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// appUser is an app that is signed in, and has nothing but its access token.
type appUser struct {
	g     *world.Gateway
	token string
}

func (a appUser) send(t *testing.T, id string, values map[string]any) world.Reply {
	t.Helper()

	return world.OperationOf(t, id).Call("", values).With("Authorization", "Bearer "+a.token).To(t, a.g.Server)
}

// do sends a request that must succeed, and reads its body.
func (a appUser) do(t *testing.T, id string, values map[string]any, into any) {
	t.Helper()

	got := a.send(t, id, values)
	if got.Status/100 != 2 {
		t.Fatalf("%s: %s", id, got)
	}

	if into != nil {
		if err := json.Unmarshal(got.Body, into); err != nil {
			t.Fatalf("%s: %v in %s", id, err, got)
		}
	}
}

func (a appUser) signedIn(t *testing.T) bool {
	t.Helper()

	return a.send(t, "getMe", nil).Status == http.StatusOK
}

func (a appUser) profile(t *testing.T) client.Profile {
	t.Helper()

	var body client.ProfileResponse

	a.do(t, "getMyProfile", nil, &body)

	return body.Profile
}

// One account, two doors: an app makes each change of its account with a bearer token alone, the browsers' surface shows it, and
// other sessions end where they should.
func TestAppManagesTheAccountWithABearerToken(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	a := appUser{g, g.SignIn(t, address).AccessToken}
	other := appUser{g, g.SignIn(t, address).AccessToken}

	t.Run("Picture", func(t *testing.T) {
		a.do(t, "changeMe", map[string]any{"picture": "pictures/7.png", "avatar": 7}, nil)

		if seen := world.PublicUser(t, browser); seen.Avatar != "pictures/7.png" || a.profile(t).Picture != "pictures/7.png" {
			t.Errorf("the picture is %q", seen.Avatar)
		}
	})

	t.Run("Phone", func(t *testing.T) {
		phone := g.NewPhone()
		a.do(t, "sendMyPhoneCode", map[string]any{"phone": phone}, nil)
		a.do(t, "bindMyPhone", map[string]any{"phone": phone, "code": g.Mail(t, phone, 0).Code}, nil)

		if world.PublicUser(t, browser).Phone != "*" || !a.profile(t).Phone {
			t.Error("the phone is not bound")
		}

		a.do(t, "unbindMyPhone", nil, nil)
		a.do(t, "unbindMyPhone", nil, nil) // nothing to unbind

		if world.PublicUser(t, browser).Phone != "" || a.profile(t).Phone {
			t.Error("the phone is still bound")
		}
	})

	t.Run("Authenticator", func(t *testing.T) { changeAuthenticator(t, a, browser) })

	t.Run("Lark", func(t *testing.T) {
		g.Exec(t, `INSERT INTO identity (provider, subject, account_id, profile, bound_at)
			VALUES ('lark', 'ou_x', $1, '{"open_id":"ou_x","name":"张三"}', now())`, g.AccountID(t, address))

		if known := a.profile(t).Lark.MustGet(); known.Name != "张三" {
			t.Errorf("Lark: %+v", known)
		}

		a.do(t, "unbindMyLark", nil, nil)

		if user := world.PublicUser(t, browser); !user.Lark.IsNull() || !a.profile(t).Lark.IsNull() {
			t.Error("Lark is still bound")
		}
	})

	t.Run("Address", func(t *testing.T) {
		next := g.FreeAddress()
		a.do(t, "sendMyEmailCode", map[string]any{"email": next}, nil)

		if now := world.PublicUser(t, browser).Email; now != address {
			t.Errorf("the address is %s before the code", now)
		}

		var changed client.MeResponse

		a.do(t, "changeMyEmail", map[string]any{"email": next, "code": g.Mail(t, next, 0).Code}, &changed)

		if now := world.PublicUser(t, browser).Email; now != next || changed.User.Email != next {
			t.Errorf("the address is %s and %s, want %s", now, changed.User.Email, next)
		}

		address = next
	})

	if !other.signedIn(t) || browser.Verify(t) != http.StatusNoContent {
		t.Error("a change so far has ended another session")
	}

	t.Run("Password", func(t *testing.T) {
		got := a.send(t, "changeMyPassword", map[string]any{"old": "wrong", "password": world.NewPassword})
		if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_CREDENTIALS" || !a.signedIn(t) {
			t.Errorf("a wrong old password: %s", got) // a 401 would sign the user out
		}

		a.do(t, "changeMyPassword", map[string]any{"old": apptest.Password, "password": world.NewPassword}, nil)

		if !a.signedIn(t) || other.signedIn(t) || browser.Verify(t) != http.StatusUnauthorized {
			t.Error("the caller's session ends, or another one goes on")
		}

		if got := world.LoginCall(address, world.NewPassword).To(t, g.Server); got.Status != http.StatusOK {
			t.Errorf("the new password: %s", got)
		}
	})
}

func changeAuthenticator(t *testing.T, a appUser, browser *apptest.Browser) {
	t.Helper()

	var made client.TOTPSecret

	a.do(t, "createMyTOTP", nil, &made)

	if got := a.send(t, "getMyTOTPPicture", nil); got.Status != http.StatusOK || got.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the picture: %s", got)
	}

	secret := world.SecretOf(t, made.Totp)

	var bound client.RecoveryCodesResponse

	a.do(t, "bindMyTOTP", map[string]any{"codes": a.g.BindingCodes(t, secret)}, &bound)

	if world.PublicUser(t, browser).Totp != "*" || !a.profile(t).Totp || len(bound.Codes) != 10 {
		t.Error("the authenticator is not bound")
	}

	var fresh client.RecoveryCodesResponse

	a.do(t, "createMyRecoveryCodes", nil, &fresh)

	if len(fresh.Codes) != 10 || slices.Contains(fresh.Codes, bound.Codes[0]) {
		t.Errorf("the new recovery codes: %v", fresh.Codes)
	}

	a.do(t, "setMySecondFactor", map[string]any{"enabled": true}, nil)

	if user := world.PublicUser(t, browser); !user.SecondFactor || !a.profile(t).SecondFactor {
		t.Error("two factors are not asked for")
	}

	// The session was opened with one factor: now it takes both.
	if got := a.send(t, "setMySecondFactor", map[string]any{"enabled": false}); got.Problem.Code != "REAUTH_REQUIRED" {
		t.Errorf("one factor switches the second off: %s", got)
	}

	var confirmed client.AccessToken

	a.do(t, "reauthenticate", map[string]any{"password": apptest.Password, "totp": fresh.Codes[0]}, &confirmed)
	a.token = confirmed.AccessToken

	if got := a.send(t, "unbindMyTOTP", nil); got.Problem.Code != "LAST_WAY_IN" {
		t.Errorf("the authenticator is removed while it is asked for: %s", got)
	}

	a.do(t, "setMySecondFactor", map[string]any{"enabled": false}, nil)
	a.do(t, "unbindMyTOTP", nil, nil)

	if world.PublicUser(t, browser).Totp != "" || a.profile(t).Totp {
		t.Error("the authenticator is still bound")
	}
}

// An app signs in with each way in, and gets tokens of a live session.
func TestAppSignsInWithCodes(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	anonymous := appUser{g: g}
	address, browser := g.NewUser(t)
	phone, _ := g.BindPhone(t, address)
	secret := g.BindAuthenticator(t, browser)

	expect := func(t *testing.T, id string, values map[string]any, amr ...string) {
		t.Helper()

		got := world.OperationOf(t, id).Call("", values).With("X-Client", "studio/2.3.1").To(t, g.Server)

		var tokens client.Tokens
		if err := json.Unmarshal(got.Body, &tokens); err != nil || got.Status != http.StatusOK || got.Header.Get("X-Device-Token") == "" {
			t.Fatalf("%s: %s, %v", id, got, err)
		}

		if !(appUser{g, tokens.AccessToken}).signedIn(t) || !slices.Equal(methodsOf(t, tokens.AccessToken), amr) {
			t.Errorf("%s: the session is not live, or its amr is %v, want %v", id, methodsOf(t, tokens.AccessToken), amr)
		}
	}

	// The code that bound the phone's owner was sent within the last minute.
	g.Clock.Advance(2 * time.Minute)
	anonymous.do(t, "sendLoginSMS", map[string]any{"phone": phone}, nil)
	expect(t, "loginWithSMS", map[string]any{"phone": phone, "code": g.Mail(t, phone, 1).Code}, "sms")

	before := len(g.Mails(address))
	anonymous.do(t, "sendLoginMail", map[string]any{"email": address}, nil)
	expect(t, "loginWithMail", map[string]any{"email": address, "code": g.Mail(t, address, before).Code}, "email")

	expect(t, "loginWithTOTP", map[string]any{"email": address, "code": g.TOTPCode(t, secret, 0)}, "otp")

	// A mailed code is one factor, as the others are.
	g.ChooseSecondFactor(t, address, true)
	g.Clock.Advance(2 * time.Minute)

	before = len(g.Mails(address))
	anonymous.do(t, "sendLoginMail", map[string]any{"email": address}, nil)

	code := g.Mail(t, address, before).Code
	if got := anonymous.send(t, "loginWithMail", map[string]any{"email": address, "code": code}); got.Status != http.StatusUnauthorized || got.Problem.Code != "TOTP_REQUIRED" {
		t.Errorf("a mailed code alone: %s", got)
	}

	expect(t, "loginWithMail", map[string]any{"email": address, "code": code, "totp": g.TOTPCode(t, secret, 0)}, "email", "otp", "mfa")

	if got := anonymous.send(t, "loginWithTOTP", map[string]any{"email": address, "code": g.TOTPCode(t, secret, 1)}); got.Problem.Code != "CODE_INVALID" {
		t.Errorf("the authenticator alone: %s", got)
	}
}

// A password is reset without cookies. It ends every session, and signs no one in.
func TestAppResetsAForgottenPassword(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	anonymous := appUser{g: g}
	address, browser := g.NewUser(t)
	signedIn := appUser{g, g.SignIn(t, address).AccessToken}

	before := len(g.Mails(address))
	anonymous.do(t, "sendForgottenPasswordCode", map[string]any{"email": address}, nil)

	got := anonymous.send(t, "resetForgottenPassword", map[string]any{"email": address, "code": g.Mail(t, address, before).Code, "password": world.NewPassword})
	if got.Status != http.StatusOK || got.Header.Get("X-Device-Token") == "" || len(got.Header.Values("Set-Cookie")) != 0 {
		t.Fatalf("the reset: %s, %v", got, got.Header)
	}

	if signedIn.signedIn(t) || browser.Verify(t) != http.StatusUnauthorized {
		t.Error("a session goes on")
	}

	if got := world.LoginCall(address, world.NewPassword).To(t, g.Server); got.Status != http.StatusOK {
		t.Errorf("the new password: %s", got)
	}
}

// A user names sessions and devices on one surface and sees the names on the other, and the app that a session belongs to.
func TestUserNamesSessionsAndDevices(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)

	got := world.LoginCall(address, apptest.Password).With("X-Client", "studio/2.3.1").To(t, g.Server)

	var tokens client.Tokens
	if err := json.Unmarshal(got.Body, &tokens); err != nil {
		t.Fatal(err)
	}

	a := appUser{g, tokens.AccessToken}

	var sessions client.SessionsResponse

	a.do(t, "listSessions", nil, &sessions)

	own := sessions.Sessions[slices.IndexFunc(sessions.Sessions, func(s client.Session) bool { return s.Current })]
	if own.Client != "studio" || own.Label != "" {
		t.Errorf("the session is %+v", own)
	}

	label := func(path string, label any) world.Reply {
		c := world.JSONCall(http.MethodPatch, path, map[string]any{"label": label})

		return c.With("Authorization", "Bearer "+a.token).To(t, g.Server)
	}

	if got := label("/api/users/me/sessions/"+own.ID, " 书房 "); got.Status != http.StatusNoContent {
		t.Fatal(got)
	}

	seen, err := browser.Client.ListUserSessionsWithResponse(t.Context())
	if err != nil || !slices.ContainsFunc(seen.JSON200.Sessions, func(s client.Session) bool { return s.ID == own.ID && s.Label == "书房" && s.Client == "studio" }) {
		t.Errorf("the browser sees %s, %v", seen.Body, err)
	}

	devices, err := browser.Client.ListUserDevicesWithResponse(t.Context())
	if err != nil || devices.JSON200 == nil {
		t.Fatal(err, string(devices.Body))
	}

	device := "/api/users/me/devices/" + devices.JSON200.Devices[0].ID

	for _, one := range []string{"Study", ""} {
		if got := label(device, one); got.Status != http.StatusNoContent {
			t.Fatal(got)
		}

		var list client.DevicesResponse

		a.do(t, "listDevices", nil, &list)

		if list.Devices[0].Label != one {
			t.Errorf("the device is named %q, want %q", list.Devices[0].Label, one)
		}
	}

	for _, bad := range []any{" ", nil, "a\nb", "\u202eabc", fmt.Sprintf("%065d", 0), 7} {
		if got := label(device, bad); got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"/label"}) {
			t.Errorf("%q: %s", bad, got)
		}
	}

	events := world.QueryValue[string](t, g.Pool, "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE action LIKE '%.labelled'")
	if events != "session.labelled device.labelled device.labelled" {
		t.Errorf("recorded: %s", events)
	}
}

// The history has each sign-in, on either surface, the latest first, and no failure; pages follow each other without a gap.
func TestUserSeesTheSignIns(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)

	world.LoginCall(address, "wrong").To(t, g.Server)

	var tokens client.Tokens

	got := world.LoginCall(address, apptest.Password).With("X-Client", "studio/2.3.1").To(t, g.Server)
	if err := json.Unmarshal(got.Body, &tokens); err != nil {
		t.Fatal(err)
	}

	var (
		found  []client.SignInEntry
		cursor string
	)

	for {
		c := world.OperationOf(t, "listSignIns").Call("limit=1"+cursor, nil).With("Authorization", "Bearer "+tokens.AccessToken)

		var page client.SignInsResponse
		if err := json.Unmarshal(c.To(t, g.Server).Body, &page); err != nil || len(page.SignIns) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}

		found = append(found, page.SignIns...)

		if page.Next.IsNull() {
			break
		}

		cursor = "&cursor=" + page.Next.MustGet()
	}

	if len(found) != 2 || found[0].Client != "studio" || found[1].Client != "" || found[0].Method != "password" || found[0].At.Before(found[1].At) {
		t.Errorf("the sign-ins are %+v", found)
	}

	seen, err := browser.Client.ListUserSignInsWithResponse(t.Context(), nil)
	if err != nil || seen.JSON200 == nil || !slices.Equal(seen.JSON200.SignIns, found) {
		t.Errorf("the browser sees %s, %v", seen.Body, err)
	}
}

// methodsOf returns the amr of an access token.
func methodsOf(t *testing.T, token string) []string {
	t.Helper()

	var claims struct {
		Methods []string `json:"amr"`
	}

	if err := json.Unmarshal([]byte(world.PayloadOf(t, token)), &claims); err != nil {
		t.Fatal(err)
	}

	return claims.Methods
}
