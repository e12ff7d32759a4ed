package world

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// FirstRunToken is the token of a new link, which the operator's command makes.
func FirstRunToken(tb testing.TB, env *apptest.Env) string {
	tb.Helper()

	link, err := app.FirstRunLink(tb.Context(), env.Config)
	if err != nil {
		tb.Fatal(err)
	}

	token, found := strings.CutPrefix(link, "https://gateway.test/first_run?token=")
	if !found || len(token) != 44 {
		tb.Fatalf("the link is %q", link)
	}

	return token
}

const FirstAdministrator = "founder@konec.com.au"

// FirstRunCall is the form as it is filled in rightly, but for some values.
func FirstRunCall(token string, changes map[string]string) Call {
	form := url.Values{"token": {token}, "email": {FirstAdministrator}, "name": {"Ada"}, "password": {apptest.Password}, "repeat": {apptest.Password}}
	for name, value := range changes {
		form.Set(name, value)
	}

	return Call{Method: http.MethodPost, Path: "/first_run", Body: form.Encode()}.
		With("Content-Type", "application/x-www-form-urlencoded").
		With("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").With("Accept-Language", "en").
		With("Origin", "https://gateway.test").With("Sec-Fetch-Site", "same-origin")
}

const (
	FirstRunCreated = "https://gateway.test/first_run?created=true"
	FirstRunInvalid = "https://gateway.test/first_run?error=CODE_INVALID"
)

func BadFirstRunForm(tb testing.TB, d *Gateway, _ Operation) Call {
	return FirstRunCall(FirstRunToken(tb, d.Env), map[string]string{"repeat": "another"})
}

func FirstRunWithToken(_ testing.TB, d *Gateway, o Operation) Call {
	c := d.Call(o)
	c.Query = "token=" + strings.Repeat("A", 44)

	return c
}
