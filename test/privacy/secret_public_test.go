package app_test

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
)

// singer is somebody who uses the console.
const singer = "nachtigall@konec.test"

// livePublic sends a canary through every secret input of the public surface, well-formed and not, and
// through every failure.
func (s *showcase) livePublic(t *testing.T) {
	t.Helper()

	s.Account(t, singer)
	s.secret("old password", apptest.Password)
	s.sink.Set(smtptest.Quotes) // a server that repeats what it was sent
	s.exchange.set(refuses)     // likewise

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
	s.ask(t, browser, http.StatusNoContent, signOutCall())
}

// ask sends the call, and wants the status.
func (s *showcase) ask(t *testing.T, b *apptest.Browser, want int, c call) reply {
	t.Helper()

	got := c.in(t, s.Server, b)
	if got.status != want {
		t.Fatalf("%s %s: %s, want %d", c.method, c.path, got, want)
	}

	return got
}

// refused sends bodies that no operation takes, each with a canary in it.
func (s *showcase) refused(t *testing.T, b *apptest.Browser, method, path string, bodies ...string) {
	t.Helper()

	for i, body := range bodies {
		canary := s.secret(fmt.Sprintf("%s %s, body %d", method, path, i), fmt.Sprintf("canary-%s-%x", strings.Trim(path, "/"), len(s.secrets)))
		c := call{method: method, path: path, body: strings.ReplaceAll(body, "CANARY", canary)}.with("Content-Type", "application/json")

		if got := c.in(t, s.Server, b); got.status/100 != 4 {
			t.Errorf("%s %s with %s: %s", method, path, c.body, got)
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
	s.ask(t, b, http.StatusForbidden, signInCall(singer, apptest.Password).with("X-XSRF-TOKEN", s.secret("forged XSRF value", "canary-XSRF-71aa")))
	s.ask(t, b, http.StatusNoContent, signInCall(singer, apptest.Password))

	planted := b.Copy(t, s.Server)
	planted.SetCookie("__Host-TOKEN", s.secret("planted cookie", "canary-cookie-72aa"))
	s.ask(t, planted, http.StatusUnauthorized, verifyCall())
	planted.SetCookie("__Host-PRE", s.secret("planted name of a browser", "canary-browser-73aa"))
	s.ask(t, planted, http.StatusForbidden, signInCall(singer, apptest.Password))
}

func (s *showcase) renewals(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for range 2 {
		code := s.secret(fmt.Sprintf("refresh code %d", len(s.secrets)), refreshCode(t, b))
		s.secret(fmt.Sprintf("secret half of refresh code %d", len(s.secrets)), code[len(code)/2:])
		s.ask(t, b, http.StatusNoContent, renewalCall(code))
		s.ask(t, b, http.StatusBadRequest, renewalCall(code))
	}

	s.ask(t, b, http.StatusBadRequest, renewalCall(s.secret("made-up refresh code", "canary-code"+strings.Repeat("-", 33))))
	s.refused(t, b, http.MethodPost, "/refresh_token", `{"code":"CANARY"}`, `{"code":{"CANARY":1}}`, `{"kode":"CANARY"}`)
}

func (s *showcase) phones(t *testing.T, b *apptest.Browser) {
	t.Helper()

	phone := s.desk.phone()
	s.ask(t, b, http.StatusNoContent, querying("/user/phone_code", "phone", phone))
	apptest.Eventually(t, "the exchange has refused", func() bool { return len(s.exchange.got(t)) == 1 })
	s.secret("code that the exchange refused", s.exchange.got(t)[0].Code)
	s.exchange.set(takes)
	s.Clock.Advance(time.Minute)

	s.ask(t, b, http.StatusNoContent, querying("/user/phone_code", "phone", phone))
	s.refused(t, b, http.MethodPost, "/user/phone", `{"phone":"`+phone+`","code":"CANARY"}`, `{"phone":"CANARY","code":"000000"}`)

	code := s.Mail(t, phone, 0).Code
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/phone", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, sending(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code}))

	before := len(s.Mails(phone))
	s.ask(t, b, http.StatusNoContent, querying("/login/sms", "phone", phone))
	s.ask(t, b, http.StatusBadRequest, querying("/login/sms", "phone", s.secret("no phone", "canary-phone-74aa")))

	code = s.Mail(t, phone, before).Code
	s.refused(t, b, http.MethodPost, "/login/sms", `{"phone":"`+phone+`","code":"CANARY"}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/sms", map[string]string{"phone": phone, "code": s.wrong(code)}))
	s.ask(t, b, http.StatusNoContent, sending(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code}))
}

// wrong is another code than the one.
func (s *showcase) wrong(code string) string {
	other := strings.Map(func(digit rune) rune { return '0' + (digit-'0'+7)%10 }, code)

	return s.secret("wrong code "+other, other)
}

func (s *showcase) numbered(path string, body any) call { return sending(http.MethodPost, path, body) }

func (s *showcase) authenticators(t *testing.T, b *apptest.Browser) {
	t.Helper()

	address, secret, codes := s.desk.pending(t, b)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}

	s.secret("otpauth URL", address)
	s.secret("TOTP secret", secret)
	s.secret("TOTP secret as bytes", string(raw))

	for _, format := range []string{"svg", "png"} {
		s.ask(t, b, http.StatusOK, querying("/user/totp/qr", "format", format))
	}

	s.refused(t, b, http.MethodPost, "/user/totp", `{"tss":["CANARY","000000"]}`, `{"tss":"CANARY"}`, `{"totp":"otpauth://totp/x?secret=CANARY","tss":["000000","000001"]}`)
	s.ask(t, b, http.StatusBadRequest, s.numbered("/user/totp", map[string]any{"totp": address, "tss": []string{s.wrong(codes[0]), s.wrong(codes[1])}}))
	s.ask(t, b, http.StatusNoContent, s.numbered("/user/totp", map[string]any{"totp": address, "tss": codes}))

	made, err := b.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, made.Body)
	}

	for _, code := range made.JSON200.Codes {
		s.secret("recovery code "+code, code)
		s.secret("recovery code as stored "+code, strings.ReplaceAll(code, "-", ""))
	}

	for i, code := range append(codes, s.desk.totp(t, secret, 1)) {
		s.secret(fmt.Sprintf("code %d of the app", i), code)
	}

	recovery := map[string]string{"email": singer, "code": made.JSON200.Codes[0]}
	s.ask(t, b, http.StatusNoContent, s.numbered("/login/totp", recovery))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", recovery)) // spent
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.secret("made-up recovery code", "CANAR-YCANA-RYCAN-ARYCA")}))
	s.ask(t, b, http.StatusNoContent, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.desk.totp(t, secret, 1)}))
	s.ask(t, b, http.StatusBadRequest, s.numbered("/login/totp", map[string]string{"email": singer, "code": s.wrong(codes[0])}))
	s.refused(t, b, http.MethodPost, "/login/totp", `{"email":"`+singer+`","code":"CANARY"}`)

	_, waiting, _ := s.desk.pending(t, b) // and one that waits
	s.secret("TOTP secret that waits", waiting)
}

func (s *showcase) larks(t *testing.T, b *apptest.Browser) {
	t.Helper()
	s.secret("token of Lark", larkToken)
	s.secret("secret of the app", larkSecret)
	s.secret("phone at Lark", "13800000000")
	s.secret("address at Lark", "canary-of-lark")

	for i, action := range []client.LarkStateAction{bind, login, login} {
		query := s.lark.agree(depart(t, b, action), somebody("nightingale"))
		s.secret(fmt.Sprintf("Lark's code %d", i), query.Get("code"))
		s.secret(fmt.Sprintf("state %d", i), query.Get("state"))

		if i == 2 { // Lark quotes what it was sent, and does not know it
			s.lark.answers(func(w http.ResponseWriter, _ *http.Request) bool {
				larkSays(w, http.StatusInternalServerError, map[string]any{"code": 1, "error_description": query.Get("code") + larkSecret})

				return true
			})
		}

		arrive(t, b, query)
	}

	s.lark.answers(nil)
	arrive(t, b, url.Values{"code": {s.secret("made-up code", "canary-lark-75aa")}, "state": {s.secret("made-up state", "canary-state-76aa")}})
	s.ask(t, b, http.StatusBadRequest, querying("/lark/authorize", "state", `{"action":"`+s.secret("made-up action", "canary-action-77aa")+`"}`))
}

func (s *showcase) addresses(t *testing.T, b *apptest.Browser) {
	t.Helper()

	const moved = "gimpel@konec.test"

	s.ask(t, b, http.StatusNoContent, patchEmail(moved, ""))
	apptest.Eventually(t, "the mail server has refused", func() bool { return s.sink.Attempts() > 0 })
	s.sink.Set(smtptest.Accepts)
	s.Clock.Advance(time.Minute)
	s.ask(t, b, http.StatusNoContent, patchEmail(moved, ""))

	mail := s.Mail(t, moved, 0)
	s.refused(t, b, http.MethodPatch, "/user", `{"key":"email","email":"`+moved+`","code":"CANARY"}`, `{"key":"CANARY"}`, `{"key":"name","name":["CANARY"]}`)
	s.ask(t, b, http.StatusBadRequest, patchEmail(moved, s.wrong(mail.Code)))

	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}

	s.ask(t, b, http.StatusOK, call{method: http.MethodGet, path: link.Path, query: link.RawQuery})
	s.ask(t, b, http.StatusOK, querying(link.Path, "token", s.secret("made-up link", "canary-link-78aa")))
	s.desk.press(t, link)
	s.desk.press(t, &url.URL{RawQuery: "token=canary-link-78aa"})

	// Back again, with the code.
	s.Clock.Advance(time.Minute)
	before := len(s.Mails(singer))
	s.ask(t, b, http.StatusNoContent, patchEmail(singer, ""))
	s.ask(t, b, http.StatusNoContent, patchEmail(singer, s.codeAfter(t, singer, before)))
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
	s.ask(t, b, http.StatusNoContent, querying("/forget_code", "email", singer))

	code, reset := s.codeAfter(t, singer, before), s.secret("password of a reset", "canary-Reset-80aa of mine")
	body := func(code, password string) call {
		return s.numbered("/forget_reset", map[string]string{"email": singer, "code": code, "password": password})
	}
	s.refused(t, b, http.MethodPost, "/forget_reset", `{"email":"`+singer+`","code":"CANARY","password":"`+reset+`"}`)
	s.ask(t, b, http.StatusBadRequest, body(code, s.secret("short password of a reset", "cNry-8q")))
	s.ask(t, b, http.StatusBadRequest, body(s.wrong(code), reset))
	s.ask(t, b, http.StatusNoContent, body(code, reset))
	s.ask(t, b, http.StatusUnauthorized, verifyCall()) // the reset has ended this session too
	s.ask(t, b, http.StatusNoContent, signInCall(singer, reset))
}

// faults takes tables away under calls that bring a secret.
func (s *showcase) faults(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for table, c := range map[string]call{
		"session_cookie": verifyCall(), "code": renewCall(t, b), "account": signInCall(singer, s.secret("password in a fault", "canary-Fault-81aa")),
		"totp":     s.numbered("/login/totp", map[string]string{"email": singer, "code": s.wrong("123456")}),
		"failure":  s.numbered("/user/password", map[string]string{"old": "canary-Fault-81aa", "password": "canary-Fault-81aa of mine"}),
		"throttle": s.numbered("/forget_reset", map[string]string{"email": singer, "code": s.wrong("234567"), "password": "canary-Fault-81aa of mine"}),
		"delivery": querying("/forget_code", "email", singer),
	} {
		s.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		c.in(t, s.Server, b)
		s.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	// What no message carries: its provider is gone.
	s.exchange.Close()
	s.Clock.Advance(time.Hour)
	s.ask(t, b, http.StatusNoContent, signInCall(singer, "canary-Reset-80aa of mine"))
	s.ask(t, b, http.StatusNoContent, querying("/user/phone_code", "phone", s.desk.phone()))
}

// misplaced are secrets where none belongs, and what is said of the settings.
func (s *showcase) misplaced(t *testing.T, b *apptest.Browser) {
	t.Helper()

	for _, path := range []string{"/login", "/user/password", "/refresh_token", "/forget_reset", "/nowhere"} {
		s.ask(t, b, map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[path == "/nowhere"],
			call{method: http.MethodPost, path: path, query: "password=" + s.secret("query of "+path, "canary-query-"+path[len(path)-5:]), body: "{}"}.with("Content-Type", "application/json"))
	}

	s.ask(t, b, http.StatusBadRequest, call{method: http.MethodDelete, path: "/user/" + s.secret("secret in a path", "canary-path-82aa")})
	s.ask(t, b, http.StatusUnauthorized, verifyCall().with("Cookie", "__Host-TOKEN="+s.secret("a cookie of any form", "canary-any-83aa ,")))

	var made struct{ Key string }
	if err := json.Unmarshal(s.ask(t, b, http.StatusOK, querying("/options", "type", "generate-secret")).body, &made); err != nil || made.Key == "" {
		t.Fatal(err)
	}

	s.secret("a secret that was made", made.Key)

	for _, path := range []string{"/", "/user"} {
		got := s.ask(t, b, http.StatusOK, call{method: http.MethodGet, path: path})

		s.mu.Lock()
		s.errors.Write(got.body) // which must show neither a setting nor a secret
		s.mu.Unlock()
	}
}
