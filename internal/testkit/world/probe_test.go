package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// inquiry is an operation that anybody may call with the name of somebody else.
type inquiry struct {
	name     string
	byPhone  bool // the name is a number, not an address
	password bool // its failures count with those that made locked so
	ask      func(name string) call
	steps    []step
}

// step is one call of several, and what it answers: the status, or the code of the refusal.
type step struct {
	wait time.Duration // before it
	want string
}

// guesses are calls until failures have become costly twice.
func guesses(refusal string) []step {
	return slices.Concat(slices.Repeat([]step{{0, refusal}}, freeFailures), []step{
		{0, "TOO_MANY_REQUESTS"}, {firstWait - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, refusal}, {0, "TOO_MANY_REQUESTS"},
	})
}

// sends are calls until the destination has had as many codes as it gets in an hour.
func sends(success string) []step {
	const again = time.Minute

	return []step{
		{again, success}, {0, "TOO_MANY_REQUESTS"}, {again - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, success},
		{again, success}, {again, success}, {again, success}, {again, "TOO_MANY_REQUESTS"},
	}
}

var toolkitInquiries = []inquiry{
	{name: "login", password: true, ask: func(email string) call { return loginCall(email, "wrong") }, steps: guesses("INVALID_CREDENTIALS")},
	{name: "send-code", ask: sendCodeCall, steps: sends("200")},
	{name: "register", ask: func(email string) call { return registerCall(email, apptest.Password, "000000") }, steps: guesses("CODE_INVALID")},
}

var publicInquiries = []inquiry{
	{name: "login", password: true, ask: func(email string) call { return signInCall(email, "wrong") }, steps: guesses("INVALID_CREDENTIALS")},
	{name: "login-totp", ask: func(email string) call { return totpCall(email, "000000") }, steps: guesses("CODE_INVALID")},
	{
		name: "login-totp with a recovery code",
		ask:  func(email string) call { return totpCall(email, "AAAAA-AAAAA-AAAAA-AAAAA") }, steps: guesses("CODE_INVALID"),
	},
	{name: "login-sms send", byPhone: true, ask: smsCodeCall, steps: sends("204")},
	{name: "login-sms", byPhone: true, ask: func(phone string) call { return smsCall(phone, "000000") }, steps: guesses("CODE_INVALID")},
	{name: "forget_code", ask: forgetCall, steps: sends("204")},
	{name: "forget_reset", ask: func(email string) call { return resetCall(email, "000000", newPassword) }, steps: guesses("CODE_INVALID")},
}

// of is what the inquiry calls the people of a class.
func (i inquiry) of(class string) string {
	if i.byPhone {
		return phoneOfClass(class)
	}

	return addressOfClass(class)
}

// control is the class that another one has to be like: nobody, and for who is slowed down already
// nobody who is, too.
func (i inquiry) control(class string) string {
	if i.password && class == classLocked {
		return classHammered
	}

	return classUnknown
}

// compared are the classes that answer like their control.
func (i inquiry) compared() []string {
	return slices.DeleteFunc(slices.Clone(classes), func(class string) bool {
		return class == classUnknown || i.password && class == classHammered
	})
}

// shown is what one call shows: the answer to everybody, the statements to who has a good clock.
type shown struct {
	reply
	statements []string
}

// inquire makes the inquiry about the class.
func (c *crowd) inquire(tb testing.TB, i inquiry, class string) shown {
	tb.Helper()

	return c.show(tb, i.ask(i.of(class)).from(c.visitor))
}

// show makes the call.
func (c *crowd) show(tb testing.TB, one call) shown {
	tb.Helper()
	c.Statements.Take()

	got := one.to(tb, c.Server)

	return shown{got, withoutChores(c.Statements.Take())}
}

// is says that a step wants this answer.
func (s shown) is(want string) bool { return want == s.problem.Code || want == strconv.Itoa(s.status) }

// expectLike wants nobody to tell it from the control.
func (s shown) expectLike(t *testing.T, what string, control shown) {
	t.Helper()

	if s.outside() != control.outside() {
		t.Errorf("%s is answered\n%s\nand the control\n%s", what, s.outside(), control.outside())
	}

	if !slices.Equal(s.statements, control.statements) {
		t.Errorf("%s costs %q, and the control %q", what, s.statements, control.statements)
	}
}

func jsonCall(method, path string, values map[string]string) call {
	body, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings always have a JSON
	}

	return call{method: method, path: path, body: string(body)}.with("Content-Type", "application/json")
}

func loginCall(email, password string) call {
	c := call{method: http.MethodPost, path: "/api/auth/login", body: url.Values{"email": {email}, "password": {password}}.Encode()}

	return c.with("Content-Type", "application/x-www-form-urlencoded")
}

func sendCodeCall(email string) call {
	return jsonCall(http.MethodPost, "/api/users/register/send-code", map[string]string{"email": email})
}

func registerCall(email, password, code string) call {
	return jsonCall(http.MethodPost, "/api/users/register", map[string]string{
		"username": "X", "email": email, "password": password, "verificationCode": code,
	})
}

func totpCall(email, code string) call {
	return jsonCall(http.MethodPost, "/login/totp", map[string]string{"email": email, "code": code})
}

func smsCodeCall(phone string) call {
	return call{method: http.MethodGet, path: "/login/sms", query: url.Values{"phone": {phone}}.Encode()}
}

func smsCall(phone, code string) call {
	return jsonCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code})
}

func forgetCall(email string) call {
	return call{method: http.MethodGet, path: "/forget_code", query: url.Values{"email": {email}}.Encode()}
}

func resetCall(email, code, password string) call {
	return jsonCall(http.MethodPost, "/forget_reset", map[string]string{"email": email, "code": code, "password": password})
}

func phoneCodeCall(phone string) call {
	return call{method: http.MethodGet, path: "/user/phone_code", query: url.Values{"phone": {phone}}.Encode()}
}

func bindPhoneCall(phone, code string) call {
	return jsonCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code})
}
