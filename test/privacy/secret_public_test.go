package privacy_test

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// singer is somebody who uses the console.
const singer = "nachtigall@konec.test"

// livePublic sends a canary through every secret input of the public surface, well-formed and not, and
// through every failure.
func (s *showcase) livePublic(t *testing.T) {
	t.Helper()

	s.Account(t, singer)
	s.secret("old password", apptest.Password)
	s.Sink.Set(smtptest.Quotes)        // a server that repeats what it was sent
	s.exchange.Behave(world.RefuseSMS) // likewise

	browser := s.Browser(t)
	browser.Load(t)

	s.signIns(t, browser)
	s.renewals(t, browser)
	s.phones(t, browser)
	s.authenticators(t, browser)
	s.larks(t, browser)
	s.addresses(t, browser)
	s.passwords(t, browser)
	s.faults(t, browser)
	s.misplaced(t, browser)
	s.ask(t, browser, http.StatusNoContent, world.SignOutCall())
}

// ask sends the call, and wants the status.
func (s *showcase) ask(t *testing.T, b *apptest.Browser, want int, c world.Call) world.Reply {
	t.Helper()

	got := c.InBrowser(t, s.Server, b)
	if got.Status != want {
		t.Fatalf("%s %s: %s, want %d", c.Method, c.Path, got, want)
	}

	return got
}

// refused sends bodies that no operation takes, each with a canary in it.
func (s *showcase) refused(t *testing.T, b *apptest.Browser, method, path string, bodies ...string) {
	t.Helper()

	for i, body := range bodies {
		canary := s.secret(fmt.Sprintf("%s %s, body %d", method, path, i), fmt.Sprintf("canary-%s-%x", strings.Trim(path, "/"), len(s.secrets)))
		c := world.Call{Method: method, Path: path, Body: strings.ReplaceAll(body, "CANARY", canary)}.With("Content-Type", "application/json")

		if got := c.InBrowser(t, s.Server, b); got.Status/100 != 4 {
			t.Errorf("%s %s with %s: %s", method, path, c.Body, got)
		}
	}
}

func (s *showcase) signIns(t *testing.T, b *apptest.Browser) {
	t.Helper()
	s.refused(t, b, http.MethodPost, "/login",
		`{"email":"`+singer+`","password":"CANARY"}`, `{"email":"nobody@konec.test","password":"CANARY"}`, `{"email":"`+singer+`","password":["CANARY"]}`,
		`{"email":"`+singer+`","password":"`+strings.Repeat("CANARY", 60)+`"}`, `{"email":"`+singer+`","passwort":"CANARY"}`, `{"password":"CANARY`,
		`{"email":"`+singer+`","password":"x","totp":"CANARY"}`, `"CANARY"`, `{"email":"CANARY","password":"x"}`,
	)
	s.ask(t, b, http.StatusForbidden, world.SignInCall(singer, apptest.Password).With("X-XSRF-TOKEN", s.secret("forged XSRF value", "canary-XSRF-71aa")))
	s.ask(t, b, http.StatusNoContent, world.SignInCall(singer, apptest.Password))

	planted := b.Copy(t, s.Server)
	planted.SetCookie("__Host-TOKEN", s.secret("planted cookie", "canary-cookie-72aa"))
	s.ask(t, planted, http.StatusUnauthorized, world.VerifyCall())
	planted.SetCookie("__Host-PRE", s.secret("planted name of a browser", "canary-browser-73aa"))
	s.ask(t, planted, http.StatusForbidden, world.SignInCall(singer, apptest.Password))
}

func (s *showcase) renewals(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for range 2 {
		code := s.secret(fmt.Sprintf("refresh code %d", len(s.secrets)), world.RefreshCode(t, b))
		s.secret(fmt.Sprintf("secret half of refresh code %d", len(s.secrets)), code[len(code)/2:])
		s.ask(t, b, http.StatusNoContent, world.RenewCall(code))
		s.ask(t, b, http.StatusBadRequest, world.RenewCall(code))
	}

	s.ask(t, b, http.StatusBadRequest, world.RenewCall(s.secret("made-up refresh code", "canary-code"+strings.Repeat("-", 33))))
	s.refused(t, b, http.MethodPost, "/refresh_token", `{"code":"CANARY"}`, `{"code":{"CANARY":1}}`, `{"kode":"CANARY"}`)
}

func (s *showcase) phones(t *testing.T, b *apptest.Browser) {
	t.Helper()

	phone := s.desk.NewPhone()
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", phone))
	apptest.Eventually(t, "the exchange has refused", func() bool { return len(s.exchange.Calls(t)) == 1 })
	s.secret("code that the exchange refused", s.exchange.Calls(t)[0].Code)
	s.exchange.Behave(world.AcceptSMS)
	s.Clock.Advance(time.Minute)

	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", phone))
	s.refused(t, b, http.MethodPost, "/user/phone", `{"phone":"`+phone+`","code":"CANARY"}`, `{"phone":"CANARY","code":"000000"}`)

	code := s.Mail(t, phone, 0).Code
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/phone", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, world.SendCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code}))

	before := len(s.Mails(phone))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/login/sms", "phone", phone))
	s.ask(t, b, http.StatusBadRequest, world.QueryCall("/login/sms", "phone", s.secret("no phone", "canary-phone-74aa")))

	code = s.Mail(t, phone, before).Code
	s.refused(t, b, http.MethodPost, "/login/sms", `{"phone":"`+phone+`","code":"CANARY"}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/sms", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, world.SendCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code}))
}

// wrong is another code than the one.
func (s *showcase) wrong(code string) string {
	other := strings.Map(func(digit rune) rune { return '0' + (digit-'0'+7)%10 }, code)

	return s.secret("wrong code "+other, other)
}

func (s *showcase) numbered(path string, body any) world.Call {
	return world.SendCall(http.MethodPost, path, body)
}

func (s *showcase) authenticators(t *testing.T, b *apptest.Browser) {
	t.Helper()

	address, secret, codes := s.desk.PendingAuthenticator(t, b)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}

	s.secret("otpauth URL", address)
	s.secret("TOTP secret", secret)
	s.secret("TOTP secret as bytes", string(raw))

	for _, format := range []string{"svg", "png"} {
		s.ask(t, b, http.StatusOK, world.QueryCall("/user/totp/qr", "format", format))
	}

	s.refused(t, b, http.MethodPost, "/user/totp", `{"tss":["CANARY","000000"]}`, `{"tss":"CANARY"}`, `{"totp":"otpauth://totp/x?secret=CANARY","tss":["000000","000001"]}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/totp", map[string]any{"totp": address, "tss": []string{s.wrong(codes[0]), s.wrong(codes[1])}}))

	codes = []string{s.desk.TOTPCode(t, secret, -1), s.desk.TOTPCode(t, secret, 0)} // of now: what came before takes its time
	s.ask(t, b, http.StatusNoContent, s.numbered("/user/totp", map[string]any{"totp": address, "tss": codes}))

	made, err := b.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, made.Body)
	}

	for _, code := range made.JSON200.Codes {
		s.secret("recovery code "+code, code)
		s.secret("recovery code as stored "+code, strings.ReplaceAll(code, "-", ""))
	}

	for i, code := range append(codes, s.desk.TOTPCode(t, secret, 1)) {
		s.secret(fmt.Sprintf("code %d of the app", i), code)
	}

	recovery := map[string]string{"email": singer, "code": made.JSON200.Codes[0]}
	s.ask(t, b, http.StatusNoContent, s.numbered("/login/totp", recovery))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", recovery)) // spent
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.secret("made-up recovery code", "CANAR-YCANA-RYCAN-ARYCA")}))
	s.ask(t, b, http.StatusNoContent, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.desk.TOTPCode(t, secret, 1)}))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.wrong(codes[0])}))
	s.refused(t, b, http.MethodPost, "/login/totp", `{"email":"`+singer+`","code":"CANARY"}`)

	_, waiting, _ := s.desk.PendingAuthenticator(t, b) // and one that waits
	s.secret("TOTP secret that waits", waiting)
}

func (s *showcase) larks(t *testing.T, b *apptest.Browser) {
	t.Helper()
	s.secret("token of Lark", world.LarkToken)
	s.secret("secret of the app", world.LarkSecret)
	s.secret("phone at Lark", "13800000000")
	s.secret("address at Lark", "canary-of-lark")

	for i, action := range []client.LarkStateAction{world.LarkBind, world.LarkLogin, world.LarkLogin} {
		query := s.lark.Agree(world.StartLark(t, b, action), world.LarkPerson("nightingale"))
		s.secret(fmt.Sprintf("Lark's code %d", i), query.Get("code"))
		s.secret(fmt.Sprintf("state %d", i), query.Get("state"))

		if i == 2 { // Lark quotes what it was sent, and does not know it
			s.lark.Answer(func(w http.ResponseWriter, _ *http.Request) bool {
				world.LarkResponse(w, http.StatusInternalServerError, map[string]any{"code": 1, "error_description": query.Get("code") + world.LarkSecret})

				return true
			})
		}

		world.ReturnFromLark(t, b, query)
	}

	s.lark.Answer(nil)
	world.ReturnFromLark(t, b, url.Values{"code": {s.secret("made-up code", "canary-lark-75aa")}, "state": {s.secret("made-up state", "canary-state-76aa")}})
	s.ask(t, b, http.StatusBadRequest, world.QueryCall("/lark/authorize", "state", `{"action":"`+s.secret("made-up action", "canary-action-77aa")+`"}`))
}

func (s *showcase) addresses(t *testing.T, b *apptest.Browser) {
	t.Helper()

	const moved = "gimpel@konec.test"

	s.ask(t, b, http.StatusNoContent, world.PatchEmail(moved, ""))
	apptest.Eventually(t, "the mail server has refused", func() bool { return s.Sink.Attempts() > 0 })
	s.Sink.Set(smtptest.Accepts)
	s.Clock.Advance(time.Minute)
	s.ask(t, b, http.StatusNoContent, world.PatchEmail(moved, ""))

	mail := s.Mail(t, moved, 0)
	s.refused(t, b, http.MethodPatch, "/user", `{"key":"email","email":"`+moved+`","code":"CANARY"}`, `{"key":"CANARY"}`, `{"key":"name","name":["CANARY"]}`)
	s.ask(t, b, http.StatusBadRequest, world.PatchEmail(moved, s.wrong(mail.Code)))

	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}

	s.ask(t, b, http.StatusOK, world.Call{Method: http.MethodGet, Path: link.Path, Query: link.RawQuery})
	s.ask(t, b, http.StatusOK, world.QueryCall(link.Path, "token", s.secret("made-up link", "canary-link-78aa")))
	s.desk.PressLink(t, link)
	s.desk.PressLink(t, &url.URL{RawQuery: "token=canary-link-78aa"})

	// Back again, with the code.
	s.Clock.Advance(time.Minute)
	before := len(s.Mails(singer))
	s.ask(t, b, http.StatusNoContent, world.PatchEmail(singer, ""))
	s.ask(t, b, http.StatusNoContent, world.PatchEmail(singer, s.codeAfter(t, singer, before)))
}

// codeAfter is the newest code that came to the address beside notices.
func (s *showcase) codeAfter(t *testing.T, address string, before int) (code string) {
	t.Helper()
	apptest.Eventually(t, "a code for "+address, func() bool {
		mails := s.Mails(address)
		for _, message := range mails[:len(mails)-before] {
			if code = message.Code; code != "" {
				return true
			}
		}

		return false
	})

	return code
}

func (s *showcase) passwords(t *testing.T, b *apptest.Browser) {
	t.Helper()

	old, fresh := apptest.Password, s.secret("new password", "canary-New-79aa of mine")
	s.refused(t, b, http.MethodPost, "/user/password",
		`{"old":"CANARY","password":"`+fresh+`"}`, `{"old":"`+old+`","password":"CANARY`+strings.Repeat("x", 1024)+`"}`, `{"old":["CANARY"],"password":"`+fresh+`"}`,
		`{"old":"`+old+`","password":{"CANARY":1}}`,
	)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/password", map[string]string{"old": old, "password": s.secret("short password of a change", "cNry-9q")}))
	s.ask(t, b, http.StatusNoContent, s.numbered("/user/password", map[string]string{"old": old, "password": fresh}))

	before := len(s.Mails(singer))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/forget_code", "email", singer))

	code, reset := s.codeAfter(t, singer, before), s.secret("password of a reset", "canary-Reset-80aa of mine")
	body := func(code, password string) world.Call {
		return s.numbered("/forget_reset", map[string]string{"email": singer, "code": code, "password": password})
	}
	s.refused(t, b, http.MethodPost, "/forget_reset", `{"email":"`+singer+`","code":"CANARY","password":"`+reset+`"}`)
	s.ask(t, b, http.StatusBadRequest, body(code, s.secret("short password of a reset", "cNry-8q")))
	s.ask(t, b, http.StatusBadRequest, body(s.wrong(code), reset))
	s.ask(t, b, http.StatusNoContent, body(code, reset))
	s.ask(t, b, http.StatusUnauthorized, world.VerifyCall()) // the reset has ended this session too
	s.ask(t, b, http.StatusNoContent, world.SignInCall(singer, reset))
}

// faults takes tables away under calls that bring a secret.
func (s *showcase) faults(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for table, c := range map[string]world.Call{
		"session_cookie": world.VerifyCall(), "code": world.RenewTokenCall(t, b), "account": world.SignInCall(singer, s.secret("password in a fault", "canary-Fault-81aa")),
		"totp":     s.numbered("/login/totp", map[string]string{"email": singer, "code": s.wrong("123456")}),
		"failure":  s.numbered("/user/password", map[string]string{"old": "canary-Fault-81aa", "password": "canary-Fault-81aa of mine"}),
		"throttle": s.numbered("/forget_reset", map[string]string{"email": singer, "code": s.wrong("234567"), "password": "canary-Fault-81aa of mine"}),
		"delivery": world.QueryCall("/forget_code", "email", singer),
	} {
		s.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		c.InBrowser(t, s.Server, b)
		s.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	// What no message carries: its provider is gone.
	s.exchange.Close()
	s.Clock.Advance(time.Hour)
	s.ask(t, b, http.StatusNoContent, world.SignInCall(singer, "canary-Reset-80aa of mine"))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", s.desk.NewPhone()))
}

// misplaced are secrets where none belongs, and what is said of the settings.
func (s *showcase) misplaced(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for _, path := range []string{"/login", "/user/password", "/refresh_token", "/forget_reset", "/nowhere"} {
		s.ask(t, b, map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[path == "/nowhere"],
			world.Call{Method: http.MethodPost, Path: path, Query: "password=" + s.secret("query of "+path, "canary-query-"+path[len(path)-5:]), Body: "{}"}.With("Content-Type", "application/json"))
	}

	s.ask(t, b, http.StatusBadRequest, world.Call{Method: http.MethodDelete, Path: "/user/" + s.secret("secret in a path", "canary-path-82aa")})
	s.ask(t, b, http.StatusUnauthorized, world.VerifyCall().With("Cookie", "__Host-TOKEN="+s.secret("a cookie of any form", "canary-any-83aa ,")))

	var made struct{ Key string }
	if err := json.Unmarshal(s.ask(t, b, http.StatusOK, world.QueryCall("/options", "type", "generate-secret")).Body, &made); err != nil || made.Key == "" {
		t.Fatal(err)
	}

	s.secret("a secret that was made", made.Key)

	for _, path := range []string{"/", "/user"} {
		got := s.ask(t, b, http.StatusOK, world.Call{Method: http.MethodGet, Path: path})

		s.mu.Lock()
		s.errors.Write(got.Body) // which must show neither a setting nor a secret
		s.mu.Unlock()
	}
}
