package world

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// FirstRunToken returns the token of a new first-run link, which it creates with the operator's command.
func FirstRunToken(tb testing.TB, env *apptest.Env) string {
	tb.Helper()

	link, err := app.FirstRunLink(tb.Context(), env.Config)
	if err != nil {
		tb.Fatal(err)
	}

	token, found := strings.CutPrefix(link, "https://gateway.test/first_run?token=")
	if !found || len(token) != 44 {
		tb.Fatalf("got the link %q", link)
	}

	return token
}

// FirstAdministrator is the address in FirstRunCall.
const FirstAdministrator = "founder@konec.com.au"

// FirstRunCall returns the first-run form, filled in correctly except for the changes.
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

// Where the first-run form redirects.
const (
	FirstRunCreated = "https://gateway.test/first_run?created=true"
	FirstRunInvalid = "https://gateway.test/first_run?error=CODE_INVALID"
)

// BadFirstRunForm returns a first-run form with two different passwords.
func BadFirstRunForm(tb testing.TB, g *Gateway, _ Operation) Call {
	return FirstRunCall(FirstRunToken(tb, g.Env), map[string]string{"repeat": "another"})
}

// PageWithToken returns a request for the page behind a link, with a made-up token.
func PageWithToken(_ testing.TB, g *Gateway, o Operation) Call {
	c := g.Call(o)
	c.Query = "token=" + strings.Repeat("A", 44)

	return c
}
