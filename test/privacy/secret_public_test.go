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
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// browserOwnerEmail is the address of a user of the console.
const browserOwnerEmail = "nachtigall@konec.test"

// usePublic sends a canary through every secret input of the public surface, well-formed and malformed, and through
// every failure.
func (s *searchableGateway) usePublic(t *testing.T) {
	t.Helper()

	s.Account(t, browserOwnerEmail)
	s.add("old password", apptest.Password)
	s.Sink.Set(smtptest.Quotes)                // a server that quotes what it was sent
	s.smsProvider.SetBehavior(world.RefuseSMS) // it quotes the message too

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

// ask sends a call and checks the status.
func (s *searchableGateway) ask(t *testing.T, b *apptest.Browser, want int, c world.Call) world.Reply {
	t.Helper()

	got := c.InBrowser(t, s.Server, b)
	if got.Status != want {
		t.Fatalf("%s %s: %s, want %d", c.Method, c.Path, got, want)
	}

	return got
}

// refused sends bodies that every operation refuses, each with a canary in it.
func (s *searchableGateway) refused(t *testing.T, b *apptest.Browser, method, path string, bodies ...string) {
	t.Helper()

	for i, body := range bodies {
		canary := s.add(fmt.Sprintf("%s %s, body %d", method, path, i), fmt.Sprintf("canary-%s-%x", strings.Trim(path, "/"), len(s.secrets)))
		c := world.Call{Method: method, Path: path, Body: strings.ReplaceAll(body, "CANARY", canary)}.With("Content-Type", "application/json")

		if got := c.InBrowser(t, s.Server, b); got.Status/100 != 4 {
			t.Errorf("%s %s with %s: %s", method, path, c.Body, got)
		}
	}
}

func (s *searchableGateway) signIns(t *testing.T, b *apptest.Browser) {
	t.Helper()
	s.refused(t, b, http.MethodPost, "/login",
		`{"email":"`+browserOwnerEmail+`","password":"CANARY"}`, `{"email":"nobody@konec.test","password":"CANARY"}`, `{"email":"`+browserOwnerEmail+`","password":["CANARY"]}`,
		`{"email":"`+browserOwnerEmail+`","password":"`+strings.Repeat("CANARY", 60)+`"}`, `{"email":"`+browserOwnerEmail+`","passwort":"CANARY"}`, `{"password":"CANARY`,
		`{"email":"`+browserOwnerEmail+`","password":"x","totp":"CANARY"}`, `"CANARY"`, `{"email":"CANARY","password":"x"}`,
	)
	s.ask(t, b, http.StatusForbidden, world.SignInCall(browserOwnerEmail, apptest.Password).With("X-XSRF-TOKEN", s.add("forged XSRF value", "canary-XSRF-71aa")))
	s.ask(t, b, http.StatusNoContent, world.SignInCall(browserOwnerEmail, apptest.Password))

	planted := b.Copy(t, s.Server)
	planted.SetCookie("__Host-TOKEN", s.add("planted cookie", "canary-cookie-72aa"))
	s.ask(t, planted, http.StatusUnauthorized, world.VerifyCall())
	planted.SetCookie("__Host-PRE", s.add("planted name of a browser", "canary-browser-73aa"))
	s.ask(t, planted, http.StatusForbidden, world.SignInCall(browserOwnerEmail, apptest.Password))
}

func (s *searchableGateway) renewals(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for range 2 {
		code := s.add(fmt.Sprintf("refresh code %d", len(s.secrets)), world.RefreshCode(t, b))
		s.add(fmt.Sprintf("secret half of refresh code %d", len(s.secrets)), code[len(code)/2:])
		s.ask(t, b, http.StatusNoContent, world.RenewCall(code))
		s.ask(t, b, http.StatusBadRequest, world.RenewCall(code))
	}

	s.ask(t, b, http.StatusBadRequest, world.RenewCall(s.add("made-up refresh code", "canary-code"+strings.Repeat("-", 33))))
	s.refused(t, b, http.MethodPost, "/refresh_token", `{"code":"CANARY"}`, `{"code":{"CANARY":1}}`, `{"kode":"CANARY"}`)
}

func (s *searchableGateway) phones(t *testing.T, b *apptest.Browser) {
	t.Helper()

	phone := s.gateway.NewPhone()
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", phone))
	apptest.Eventually(t, "the exchange has refused", func() bool { return len(s.smsProvider.Calls(t)) == 1 })
	s.add("code that the exchange refused", s.smsProvider.Calls(t)[0].Code)
	s.smsProvider.SetBehavior(world.AcceptSMS)
	s.Clock.Advance(time.Minute)

	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", phone))
	s.refused(t, b, http.MethodPost, "/user/phone", `{"phone":"`+phone+`","code":"CANARY"}`, `{"phone":"CANARY","code":"000000"}`)

	code := s.Mail(t, phone, 0).Code
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/phone", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, world.JSONCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code}))

	before := len(s.Mails(phone))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/login/sms", "phone", phone))
	s.ask(t, b, http.StatusBadRequest, world.QueryCall("/login/sms", "phone", s.add("no phone", "canary-phone-74aa")))

	code = s.Mail(t, phone, before).Code
	s.refused(t, b, http.MethodPost, "/login/sms", `{"phone":"`+phone+`","code":"CANARY"}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/sms", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, world.JSONCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code}))
}

// wrong returns a code that differs from the given one.
func (s *searchableGateway) wrong(code string) string {
	other := strings.Map(func(digit rune) rune { return '0' + (digit-'0'+7)%10 }, code)

	return s.add("wrong code "+other, other)
}

func (s *searchableGateway) numbered(path string, body any) world.Call {
	return world.JSONCall(http.MethodPost, path, body)
}

func (s *searchableGateway) authenticators(t *testing.T, b *apptest.Browser) {
	t.Helper()

	address, secret, codes := s.gateway.PendingAuthenticator(t, b)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}

	s.add("otpauth URL", address)
	s.add("TOTP secret", secret)
	s.add("TOTP secret as bytes", string(raw))

	for _, format := range []string{"svg", "png"} {
		s.ask(t, b, http.StatusOK, world.QueryCall("/user/totp/qr", "format", format))
	}

	s.refused(t, b, http.MethodPost, "/user/totp", `{"tss":["CANARY","000000"]}`, `{"tss":"CANARY"}`, `{"totp":"otpauth://totp/x?secret=CANARY","tss":["000000","000001"]}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/totp", map[string]any{"totp": address, "tss": []string{s.wrong(codes[0]), s.wrong(codes[1])}}))

	codes = s.gateway.BindingCodes(t, secret) // current codes: the calls before took some time
	s.ask(t, b, http.StatusOK, s.numbered("/user/totp", map[string]any{"totp": address, "tss": codes}))

	made, err := b.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, made.Body)
	}

	for _, code := range made.JSON200.Codes {
		s.add("recovery code "+code, code)
		s.add("recovery code as stored "+code, strings.ReplaceAll(code, "-", ""))
	}

	for i, code := range append(codes, s.gateway.TOTPCode(t, secret, 1)) {
		s.add(fmt.Sprintf("code %d of the app", i), code)
	}

	s.gateway.ChooseSecondFactor(t, browserOwnerEmail, true) // a recovery code works behind the password only

	behind := func(code string) map[string]string {
		return map[string]string{"email": browserOwnerEmail, "password": apptest.Password, "totp": code}
	}

	s.ask(t, b, http.StatusNoContent, s.numbered("/login", behind(made.JSON200.Codes[0])))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login", behind(made.JSON200.Codes[0]))) // used
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login", behind(s.add("made-up recovery code", "CANAR-YCANA-RYCAN-ARYCA"))))
	s.gateway.ChooseSecondFactor(t, browserOwnerEmail, false)
	s.ask(t, b, http.StatusNoContent, s.numbered("/login/totp", map[string]string{"email": browserOwnerEmail, "code": s.gateway.TOTPCode(t, secret, 1)}))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", map[string]string{"email": browserOwnerEmail, "code": s.wrong(codes[0])}))
	s.refused(t, b, http.MethodPost, "/login/totp", `{"email":"`+browserOwnerEmail+`","code":"CANARY"}`)

	_, waiting, _ := s.gateway.PendingAuthenticator(t, b) // and a pending one
	s.add("TOTP secret that waits", waiting)
}

func (s *searchableGateway) larks(t *testing.T, b *apptest.Browser) {
	t.Helper()
	s.add("token of Lark", world.LarkToken)
	s.add("secret of the app", world.LarkSecret)
	s.add("phone at Lark", "13800000000")
	s.add("address at Lark", "canary-of-lark")

	for i, action := range []client.LarkStateAction{world.LarkBind, world.LarkLogin, world.LarkLogin} {
		query := s.lark.Approve(world.StartLark(t, b, action), world.LarkPerson("nightingale"))
		s.add(fmt.Sprintf("Lark's code %d", i), query.Get("code"))
		s.add(fmt.Sprintf("state %d", i), query.Get("state"))

		if i == 2 { // Lark quotes an unknown code
			s.lark.Override(func(w http.ResponseWriter, _ *http.Request) bool {
				world.WriteLarkResponse(w, http.StatusInternalServerError, map[string]any{"code": 1, "error_description": query.Get("code") + world.LarkSecret})

				return true
			})
		}

		world.ReturnFromLark(t, b, query)
	}

	s.lark.Override(nil)
	world.ReturnFromLark(t, b, url.Values{"code": {s.add("made-up code", "canary-lark-75aa")}, "state": {s.add("made-up state", "canary-state-76aa")}})
	s.ask(t, b, http.StatusBadRequest, world.QueryCall("/lark/authorize", "state", `{"action":"`+s.add("made-up action", "canary-action-77aa")+`"}`))
}

func (s *searchableGateway) addresses(t *testing.T, b *apptest.Browser) {
	t.Helper()

	const moved = "gimpel@konec.test"

	s.ask(t, b, http.StatusNoContent, world.EmailCall(moved, ""))
	apptest.Eventually(t, "the mail server has refused", func() bool { return s.Sink.Attempts() > 0 })
	s.Sink.Set(smtptest.Accepts)
	s.Clock.Advance(time.Minute)
	s.ask(t, b, http.StatusNoContent, world.EmailCall(moved, ""))

	mail := s.Mail(t, moved, 0)
	s.refused(t, b, http.MethodPatch, "/user", `{"key":"email","email":"`+moved+`","code":"CANARY"}`, `{"key":"CANARY"}`, `{"key":"name","name":["CANARY"]}`)
	s.ask(t, b, http.StatusBadRequest, world.EmailCall(moved, s.wrong(mail.Code)))

	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}

	s.ask(t, b, http.StatusOK, world.Call{Method: http.MethodGet, Path: link.Path, Query: link.RawQuery})
	s.ask(t, b, http.StatusOK, world.QueryCall(link.Path, "token", s.add("made-up link", "canary-link-78aa")))
	s.gateway.PostEmailLink(t, link)
	s.gateway.PostEmailLink(t, &url.URL{RawQuery: "token=canary-link-78aa"})

	// Back again, with the code.
	s.Clock.Advance(time.Minute)
	before := len(s.Mails(browserOwnerEmail))
	s.ask(t, b, http.StatusNoContent, world.EmailCall(browserOwnerEmail, ""))
	s.ask(t, b, http.StatusNoContent, world.EmailCall(browserOwnerEmail, s.codeAfter(t, browserOwnerEmail, before)))
}

// codeAfter returns the newest code that was sent to the address, among notices.
func (s *searchableGateway) codeAfter(t *testing.T, address string, before int) string {
	t.Helper()

	return s.mailAfter(t, address, before).Code
}

func (s *searchableGateway) mailAfter(t *testing.T, address string, before int) (mail inbox.Message) {
	t.Helper()
	apptest.Eventually(t, "a code for "+address, func() bool {
		mails := s.Mails(address)
		for _, mail = range mails[:len(mails)-before] {
			if mail.Code != "" {
				return true
			}
		}

		return false
	})

	return mail
}

func (s *searchableGateway) passwords(t *testing.T, b *apptest.Browser) {
	t.Helper()

	old, fresh := apptest.Password, s.add("new password", "canary-New-79aa of mine")
	s.refused(t, b, http.MethodPost, "/user/password",
		`{"old":"CANARY","password":"`+fresh+`"}`, `{"old":"`+old+`","password":"CANARY`+strings.Repeat("x", 1024)+`"}`, `{"old":["CANARY"],"password":"`+fresh+`"}`,
		`{"old":"`+old+`","password":{"CANARY":1}}`,
	)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/password", map[string]string{"old": old, "password": s.add("short password of a change", "cNry-9q")}))
	s.ask(t, b, http.StatusNoContent, s.numbered("/user/password", map[string]string{"old": old, "password": fresh}))

	before := len(s.Mails(browserOwnerEmail))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/forget_code", "email", browserOwnerEmail))

	mail, reset := s.mailAfter(t, browserOwnerEmail, before), s.add("password of a reset", "canary-Reset-80aa of mine")
	code, link := mail.Code, s.add("token of a reset link", world.MailToken(t, mail))
	body := func(code, password string) world.Call {
		return s.numbered("/forget_reset", map[string]string{"email": browserOwnerEmail, "code": code, "password": password})
	}
	s.refused(t, b, http.MethodPost, "/forget_reset", `{"email":"`+browserOwnerEmail+`","code":"CANARY","password":"`+reset+`"}`)
	s.ask(t, b, http.StatusBadRequest, body(code, s.add("short password of a reset", "cNry-8q")))
	s.ask(t, b, http.StatusBadRequest, body(s.wrong(code), reset))
	s.ask(t, b, http.StatusOK, world.QueryCall("/reset", "token", link))
	s.ask(t, b, http.StatusOK, world.QueryCall("/sign-up", "token", link))
	s.ask(t, b, http.StatusOK, world.ResetFormCall(link, map[string]string{"password": "cNry-8q", "repeat": "cNry-8q"}))
	s.ask(t, b, http.StatusOK, world.ResetFormCall(link, map[string]string{"password": reset, "repeat": s.add("repeated otherwise", "canary-repeat-84aa")}))
	s.ask(t, b, http.StatusSeeOther, world.ResetFormCall(s.add("made-up link of a reset", "canary-link-85aa"), map[string]string{"password": reset, "repeat": reset}))
	s.ask(t, b, http.StatusNoContent, body(code, reset))
	s.ask(t, b, http.StatusSeeOther, world.ResetFormCall(link, map[string]string{"password": reset, "repeat": reset}))
	s.ask(t, b, http.StatusUnauthorized, world.VerifyCall()) // the reset has ended this session too
	s.ask(t, b, http.StatusNoContent, world.SignInCall(browserOwnerEmail, reset))
}

// faults drops tables under calls that send a secret.
func (s *searchableGateway) faults(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for table, c := range map[string]world.Call{
		"session_cookie": world.VerifyCall(), "code": world.NewRenewCall(t, b), "account": world.SignInCall(browserOwnerEmail, s.add("password in a fault", "canary-Fault-81aa")),
		"totp":     s.numbered("/login/totp", map[string]string{"email": browserOwnerEmail, "code": s.wrong("123456")}),
		"failure":  s.numbered("/user/password", map[string]string{"old": "canary-Fault-81aa", "password": "canary-Fault-81aa of mine"}),
		"throttle": s.numbered("/forget_reset", map[string]string{"email": browserOwnerEmail, "code": s.wrong("234567"), "password": "canary-Fault-81aa of mine"}),
		"delivery": world.QueryCall("/forget_code", "email", browserOwnerEmail),
	} {
		s.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		c.InBrowser(t, s.Server, b)
		s.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	// A message that cannot be delivered, because its provider is gone.
	s.smsProvider.Close()
	s.Clock.Advance(time.Hour)
	s.ask(t, b, http.StatusNoContent, world.SignInCall(browserOwnerEmail, "canary-Reset-80aa of mine"))
	s.ask(t, b, http.StatusNoContent, world.QueryCall("/user/phone_code", "phone", s.gateway.NewPhone()))
}

// misplaced sends secrets where none belongs, and reads what is shown of the settings.
func (s *searchableGateway) misplaced(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for _, path := range []string{"/login", "/user/password", "/refresh_token", "/forget_reset", "/nowhere"} {
		s.ask(t, b, map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[path == "/nowhere"],
			world.Call{Method: http.MethodPost, Path: path, Query: "password=" + s.add("query of "+path, "canary-query-"+path[len(path)-5:]), Body: "{}"}.With("Content-Type", "application/json"))
	}

	s.ask(t, b, http.StatusBadRequest, world.Call{Method: http.MethodDelete, Path: "/user/" + s.add("secret in a path", "canary-path-82aa")})
	s.ask(t, b, http.StatusUnauthorized, world.VerifyCall().With("Cookie", "__Host-TOKEN="+s.add("a cookie of any form", "canary-any-83aa ,")))

	var made struct{ Key string }
	if err := json.Unmarshal(s.ask(t, b, http.StatusOK, world.QueryCall("/options", "type", "generate-secret")).Body, &made); err != nil || made.Key == "" {
		t.Fatal(err)
	}

	s.add("a secret that was made", made.Key)

	for _, path := range []string{"/", "/user"} {
		got := s.ask(t, b, http.StatusOK, world.Call{Method: http.MethodGet, Path: path})

		s.mu.Lock()
		s.errors.Write(got.Body) // this must show neither a setting nor a secret
		s.mu.Unlock()
	}
}
