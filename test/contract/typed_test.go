package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// asTyped returns a code as a phone with a Chinese keyboard pastes it: marked, in full-width characters, in two groups.
func asTyped(code string) string {
	wide := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}

		return r
	}, code)

	half := len([]rune(wide)) / 2

	return "\u200e" + string([]rune(wide)[:half]) + " \u2013 " + string([]rune(wide)[half:]) + "\u00a0\r\n"
}

// codeMembers are the members of a request that hold a code which people type.
func codeMembers(o world.Operation) (names []string) {
	if o.RequestBody == nil {
		return nil
	}

	for name, property := range o.Schema().Properties {
		text := property.Value
		if text.Type.Is(openapi3.TypeArray) {
			text = text.Items.Value
		}

		if text.Extensions["x-typed-code"] == true {
			names = append(names, name)
		}
	}

	return names
}

// IN-K10: every operation that takes a code takes it as people type and paste it. The calls are those that succeed with
// the code as it was sent.
func TestCodesAsTyped(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	tried := map[string]bool{}

	for _, one := range scenarios {
		o := operation(t, one.operation)
		if one.status[0] != '2' || one.state != healthy {
			continue
		}

		for _, name := range codeMembers(o) {
			c := one.call(t, g, o)
			if spoken := typedBody(t, o, c.Body, name); spoken != c.Body {
				c.Body = spoken
				tried[one.operation+" "+name] = true
			} else {
				continue
			}

			if got := c.To(t, g.Server); fmt.Sprint(got.Status) != one.status {
				t.Errorf("%s with %s: %s, want %s", one.operation, c.Body, got, one.status)
			}
		}
	}

	for _, want := range []string{"register verificationCode", "resetPassword code", "signInWithCode code", "signInWithTOTP code", "bindPhone code", "bindTOTP tss", "signInWithLark totp"} {
		if !tried[want] {
			t.Errorf("no call has %s; tried: %v", want, tried)
		}
	}
}

// typedBody returns a body in which a code is as typed.
func typedBody(t *testing.T, o world.Operation, body, member string) string {
	t.Helper()

	if o.Media() != "application/json" {
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}

		if form.Get(member) != "" {
			form.Set(member, asTyped(form.Get(member)))
		}

		return form.Encode()
	}

	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}

	switch value := members[member].(type) {
	case string:
		members[member] = asTyped(value)
	case []any:
		for i := range value {
			value[i] = asTyped(value[i].(string))
		}
	default:
		return body
	}

	return o.Encode(members)
}

// IN-K10: a member of the document that holds six digits is one that people type.
func TestEveryCodeOfTheDocumentIsTaken(t *testing.T) {
	t.Parallel()

	found := 0

	for _, o := range world.Operations() {
		if o.RequestBody == nil {
			continue
		}

		typed := codeMembers(o)

		for name, property := range o.Schema().Properties {
			text := property.Value
			if text.Type.Is(openapi3.TypeArray) {
				text = text.Items.Value
			}

			is := name == "code" || name == "totp" || name == "tss" || name == "verificationCode" || strings.Contains(text.Pattern, "{6}")
			opaque := slices.Contains([]string{"renewSession", "loginWithLark", "bindMyLark"}, o.OperationID) && name == "code" || o.OperationID == "bindTOTP" && name == "totp" // drawn by the server, and passed on by programs

			if is != opaque && is != slices.Contains(typed, name) {
				t.Errorf("%s: %s is a code: %t, and taken as typed: %t", o.OperationID, name, is, !is)
			}

			if is {
				found++
			}
		}
	}

	if found < 10 {
		t.Errorf("%d codes found", found)
	}
}

// IN-K10: recovery codes and second factors at both surfaces, in a form and in JSON.
func TestRecoveryCodesAsTyped(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	g.BindAuthenticator(t, browser)

	made, err := browser.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, made.Body)
	}

	g.RequireSecondFactor(t, address)

	for i, typed := range []func(string) string{
		asTyped,
		strings.ToLower,
		func(code string) string { return strings.ReplaceAll(code, "-", "\u2013") },
		func(code string) string { return strings.ReplaceAll(code, "-", "\u2011") },
		func(code string) string { return strings.ReplaceAll(code, "-", "\u00a0") },
		func(code string) string { return "\n" + strings.ReplaceAll(code, "-", "") + "\n" },
	} {
		code := typed(made.JSON200.Codes[i])

		c := world.PostCall("/login", map[string]any{"email": address, "password": apptest.Password, "totp": code}).FromBrowser(g.Visitor)
		want := http.StatusNoContent

		if i%2 == 1 {
			c = world.LoginCall(address, apptest.Password)
			c.Body += "&totp=" + url.QueryEscape(code)
			want = http.StatusOK
		}

		if got := c.To(t, g.Server); got.Status != want {
			t.Errorf("%+q: %s, want %d", code, got, want)
		}
	}
}

// The seed marks neither as required: what is absent gets the response of what is wrong.
func TestAbsentGetsTheResponseOfWrong(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	bind := operation(t, "bindTOTP")
	absent, wrong := pendingTOTP(t, g, bind), pendingTOTP(t, g, bind)
	absent.Body, wrong.Body = `{}`, `{"tss": ["000000", "000000"]}`

	if got, want := absent.To(t, g.Server), wrong.To(t, g.Server); got.Problem.Code != "CODE_INVALID" || got.Problem.Message != want.Problem.Message || got.Status != http.StatusBadRequest {
		t.Errorf("without tss: %s, with wrong ones: %s", got, want)
	}

	options := operation(t, "getOptions")
	none, unknown := g.Call(options), g.Call(options)
	none.Query, unknown.Query = "", "type=nothing"

	if got, want := none.To(t, g.Server), unknown.To(t, g.Server); got.Status != http.StatusBadRequest || got.Problem.Message != want.Problem.Message || !slices.Equal(got.Fields(), want.Fields()) {
		t.Errorf("without type: %s, with an unknown one: %s", got, want)
	}
}

// IN-K11: a plus that was not encoded, in every parameter that is a phone number or an address.
func TestPlusIsKeptInAQuery(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for id, query := range map[string]string{
		"sendSignInCode": "phone=" + g.NewPhone(), "sendPhoneCode": "phone=" + g.NewPhone(), "sendResetCode": "email=me+tag@konec.com.au",
	} {
		c := g.Call(operation(t, id))
		c.Query = query

		if got := c.To(t, g.Server); got.Status != http.StatusNoContent {
			t.Errorf("%s?%s: %s", id, query, got)
		}
	}

	g.Account(t, "plus+tag@konec.com.au")

	c := g.Call(operation(t, "listAccounts"))
	c.Query = "email=plus+tag@konec"

	if got := c.To(t, g.Server); got.Status != http.StatusOK || !strings.Contains(string(got.Body), "plus+tag@konec.com.au") {
		t.Errorf("a search: %s", got)
	}
}

// IN-K14: each operation that requires a version takes any, and a list.
func TestAnyVersion(t *testing.T) {
	t.Parallel()

	g, tried := world.NewGateway(t), 0

	for _, one := range scenarios {
		o := operation(t, one.operation)
		if one.status[0] != '2' || one.state != healthy || !o.Needs("If-Match") {
			continue
		}

		for _, form := range []string{"*", `"99999", %s`, `W/%s`} {
			c := one.call(t, g, o)
			c = c.With("If-Match", strings.ReplaceAll(form, "%s", c.Header.Get("If-Match")))

			if got := c.To(t, g.Server); fmt.Sprint(got.Status) != one.status {
				t.Errorf("%s with %s: %s, want %s", one.operation, c.Header.Get("If-Match"), got, one.status)
			}

			tried++
		}
	}

	if tried < 20 {
		t.Errorf("%d tried", tried)
	}
}

// IN-K14: every form of RFC 9110, section 13.1.1.
func TestFormsOfIfMatch(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	id := g.AccountID(t, "subject@konec.com.au")
	o := operation(t, "setAccountGroup")
	groups := []string{"Tester", "Member"}

	for i, one := range []struct {
		lines []string // N stands for the version
		want  int
	}{
		{[]string{`"N"`}, http.StatusOK},
		{[]string{`W/"N"`}, http.StatusOK},
		{[]string{`*`}, http.StatusOK},
		{[]string{`"99999", "N"`}, http.StatusOK},
		{[]string{`"N","99999"`}, http.StatusOK},
		{[]string{`W/"99999" , W/"N"`}, http.StatusOK},
		{[]string{`"99999"`, `"N"`}, http.StatusOK},
		{[]string{`"0-gzip", "N"`}, http.StatusOK},
		{[]string{`"99999"`}, http.StatusPreconditionFailed},
		{[]string{`W/"99999"`}, http.StatusPreconditionFailed},
		{[]string{`"99998", "99999"`}, http.StatusPreconditionFailed},
		{[]string{`"abc"`}, http.StatusPreconditionFailed},
		{[]string{`""`}, http.StatusPreconditionFailed},
		{[]string{`"99999999999"`}, http.StatusPreconditionFailed},
		{[]string{`N`}, http.StatusBadRequest},
		{[]string{`"N`}, http.StatusBadRequest},
		{[]string{`w/"N"`}, http.StatusBadRequest},
		{[]string{`"N" "N"`}, http.StatusBadRequest},
		{[]string{`*, "N"`}, http.StatusBadRequest},
		{[]string{`W/N`}, http.StatusBadRequest},
		{[]string{``}, http.StatusBadRequest},
		{nil, http.StatusBadRequest},
	} {
		lines := slices.Clone(one.lines)
		for at := range lines {
			lines[at] = strings.ReplaceAll(lines[at], "N", fmt.Sprint(g.VersionOf("account", "id", id)))
		}

		c := withValues(g, o, map[string]any{"memberGroup": groups[i%2]}).With("If-Match", lines...)

		got := c.To(t, g.Server)
		if got.Status != one.want || one.want == http.StatusBadRequest && !slices.Equal(got.Fields(), []string{"If-Match"}) {
			t.Errorf("If-Match %q: %s, want %d", lines, got, one.want)
		}
	}
}

// IN-K15: names under which clients send UTF-8 without a coding.
func TestCharsetsAndCodings(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, one := range []struct {
		charset string
		codings []string
		want    int
	}{
		{"utf-8", nil, http.StatusOK},
		{"utf8", nil, http.StatusOK},
		{`"UTF8"`, nil, http.StatusOK},
		{"us-ascii", nil, http.StatusOK},
		{"US-ASCII", []string{"identity"}, http.StatusOK},
		{"utf-8", []string{"Identity"}, http.StatusOK},
		{"utf-8", []string{""}, http.StatusOK},
		{"utf-8", []string{"gzip"}, http.StatusUnsupportedMediaType},
		{"utf-8", []string{"identity, gzip"}, http.StatusUnsupportedMediaType},
		{"utf-8", []string{"identity", "gzip"}, http.StatusUnsupportedMediaType},
		{"utf-16", nil, http.StatusUnsupportedMediaType},
		{"iso-8859-1", nil, http.StatusUnsupportedMediaType},
		{"gbk", nil, http.StatusUnsupportedMediaType},
	} {
		c := g.Call(operation(t, "login"))
		c = c.With("Content-Type", c.Header.Get("Content-Type")+"; charset="+one.charset)

		if one.codings != nil {
			c = c.With("Content-Encoding", one.codings...)
		}

		if got := c.To(t, g.Server); got.Status != one.want {
			t.Errorf("charset %s, codings %q: %s, want %d", one.charset, one.codings, got, one.want)
		}
	}
}
