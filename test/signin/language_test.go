package signin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// A mail is in the language that the account's user has chosen, in whatever language it was asked for; without a choice it is in
// that of the request.
func TestMailsAreInTheLanguageOfTheUser(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutWaits)
	address, browser := g.NewUser(t)
	a := appUser{g, g.SignIn(t, address).AccessToken}

	expect := func(header string, english bool) {
		t.Helper()

		g.Clock.Advance(g.Config.SendCooldown)

		before := len(g.Mails(address))
		c := world.OperationOf(t, "sendForgottenPasswordCode").Call("", map[string]any{"email": address}).With("Accept-Language", header)

		if got := c.To(t, g.Server); got.Status != http.StatusOK {
			t.Fatal(got)
		}

		if mail := g.Mail(t, address, before); strings.Contains(mail.Subject, "reset") != english {
			t.Errorf("asked for in %q: %s", header, mail.Subject)
		}
	}

	expect("en", true)
	expect("zh", false)

	a.do(t, "changeMe", map[string]any{"language": "en"}, nil)
	expect("zh", true)

	if user := world.PublicUser(t, browser); user.Language != "en" || a.profile(t).Language != "en" {
		t.Errorf("the language is %q and %q", user.Language, a.profile(t).Language)
	}

	change := world.JSONCall(http.MethodPut, "/user/language", map[string]any{"language": "zh"})
	if got := change.InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
		t.Fatal(got)
	}

	expect("en", false)

	// A text message, too.
	phone, _ := g.BindPhone(t, address)
	a.do(t, "changeMe", map[string]any{"language": "en"}, nil)
	g.Clock.Advance(g.Config.SendCooldown)

	before := len(g.Mails(phone))

	if got := world.OperationOf(t, "sendLoginSMS").Call("", map[string]any{"phone": phone}).With("Accept-Language", "zh").To(t, g.Server); got.Status != http.StatusOK {
		t.Fatal(got)
	}

	if text := g.Mail(t, phone, before).Text; !strings.Contains(text, "is your code") {
		t.Errorf("the text message: %s", text)
	}
}
