package signin_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// openMailLink opens the page behind a link, as a mail program does.
func openMailLink(t *testing.T, g *world.Gateway, method, link string) world.Reply {
	t.Helper()

	to, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}

	return world.Call{Method: method, Path: to.Path, Query: to.RawQuery}.With("Accept-Language", "en").With("Sec-Fetch-Site", "cross-site").To(t, g.Server)
}

// SEC-S2, SEC-S25, contract "codes": the link in the mail sets the password. Opening it changes nothing, with whatever
// parameters a mail program has added. It works once, with the effects of a right code.
func TestPasswordIsResetByLink(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	mail := g.ResetMail(t, address)
	token := world.MailToken(t, mail)

	if !strings.HasPrefix(mail.Link, "https://gateway.test/reset?token=") || !strings.Contains(mail.Text, mail.Link) || mail.Code == "" {
		t.Fatalf("the mail: %s", mail.Text)
	}

	for range 2 {
		page := openMailLink(t, g, http.MethodGet, mail.Link+"&utm_source=mail&fbclid=1")
		if page.Status != http.StatusOK || strings.Count(string(page.Body), "<button") != 1 || !strings.Contains(string(page.Body), address) || strings.Contains(string(page.Body), "<script") {
			t.Fatalf("the page: %s", page)
		}

		if head := openMailLink(t, g, http.MethodHead, mail.Link); head.Status != http.StatusOK || len(head.Body) != 0 {
			t.Errorf("HEAD: %s", head)
		}
	}

	if got := openMailLink(t, g, http.MethodPost, mail.Link); got.Status < 400 {
		t.Errorf("posting to the link itself, from another site: %s", got)
	}

	if got := g.Login(t, address, apptest.Password); got.Status != http.StatusOK {
		t.Fatalf("the old password, after the link was only opened: %s", got)
	}

	for name, one := range map[string]struct {
		changes map[string]string
		faults  map[string]string
	}{
		"PasswordIsShort":  {map[string]string{"password": "kX7", "repeat": "kX7"}, map[string]string{"password": "The password is too short. Use at least 8 characters."}},
		"PasswordIsCommon": {map[string]string{"password": "password1", "repeat": "password1"}, map[string]string{"password": "The password is too common and easy to guess."}},
		"PasswordsDiffer":  {map[string]string{"repeat": "another horse"}, map[string]string{"repeat": "The two passwords do not match."}},
	} {
		got := world.ResetFormCall(token, one.changes).To(t, g.Server)
		if faults := faultsIn(string(got.Body)); got.Status != http.StatusOK || !maps.Equal(faults, one.faults) || strings.Contains(string(got.Body), one.changes["password"]+`"`) && one.changes["password"] != "" {
			t.Errorf("%s: %q %s", name, faults, got)
		}
	}

	done := world.ResetFormCall(token, nil).To(t, g.Server)
	if done.Status != http.StatusSeeOther || done.Header.Get("Location") != world.ResetDone {
		t.Fatalf("the form: %s %v", done, done.Header["Location"])
	}

	if cookies := strings.Join(done.Header.Values("Set-Cookie"), "\n"); !strings.Contains(cookies, "__Host-DEVICE=") || strings.Contains(cookies, "TOKEN") {
		t.Errorf("cookies: %s", cookies)
	}

	if got := (world.Call{Method: http.MethodGet, Path: "/user"}).FromBrowser(browser).To(t, g.Server); got.Status != http.StatusUnauthorized {
		t.Errorf("the session of before: %s", got)
	}

	if got := g.Login(t, address, world.NewPassword); got.Status != http.StatusOK {
		t.Errorf("the new password: %s", got)
	}

	// Both are used up: the page says so, and tells what to do.
	if got := world.ResetFormCall(token, nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("used again: %s %v", got, got.Header["Location"])
	}

	for _, link := range []string{mail.Link, world.ResetInvalid, "https://gateway.test/reset", "https://gateway.test/reset?token=made-up"} {
		if page := openMailLink(t, g, http.MethodGet, link); page.Status != http.StatusOK || strings.Contains(string(page.Body), "<form") || !strings.Contains(string(page.Body), "choose to reset the password in Toolkit") {
			t.Errorf("%s: %s", link, page)
		}
	}

	if got := resetCall(address, mail.Code).FromBrowser(g.Visitor).To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
		t.Errorf("the code after the link: %s", got)
	}

	if strings.Contains(g.Log.String(), token) {
		t.Error("the log has the token")
	}
}

func resetCall(address, guess string) world.Call {
	return world.PostCall("/forget_reset", map[string]any{"email": address, "code": guess, "password": "a third horse, a staple"})
}

// Contract "codes": the link in the mail completes a registration, once, with the effects of a right code. Its page names
// every fault, and keeps the name.
func TestAccountIsRegisteredByLink(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address := g.FreeAddress()
	mail := g.SignUpMail(t, address)
	token := world.MailToken(t, mail)

	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		page := openMailLink(t, g, method, mail.Link+"&mc_cid=7")
		if page.Status != http.StatusOK || method == http.MethodGet && (strings.Count(string(page.Body), "<button") != 1 || !strings.Contains(string(page.Body), address)) {
			t.Fatalf("the page: %s", page)
		}
	}

	if got := g.Count(t, "SELECT count(*) FROM account WHERE email = $1", address); got != 0 {
		t.Fatal("opening the link registered the address")
	}

	for name, one := range map[string]struct {
		changes map[string]string
		faults  map[string]string
	}{
		"PasswordIsTheName": {map[string]string{"name": "Lovelace", "password": "lovelace1", "repeat": "lovelace1"}, map[string]string{"password": "The password is too close to your account or the product&#39;s name, and easy to guess."}},
		"BothAreWrong":      {map[string]string{"name": " ", "repeat": "another"}, map[string]string{"name": "must be one line of 1 to 64 characters, without control characters", "repeat": "The two passwords do not match."}},
	} {
		got := world.SignUpFormCall(token, one.changes).To(t, g.Server)
		if faults := faultsIn(string(got.Body)); got.Status != http.StatusOK || !maps.Equal(faults, one.faults) || !strings.Contains(string(got.Body), `value="`+one.changes["name"]+`"`) {
			t.Errorf("%s: %q %s", name, faults, got)
		}
	}

	if done := world.SignUpFormCall(token, nil).To(t, g.Server); done.Header.Get("Location") != world.SignUpDone {
		t.Fatalf("the form: %s %v", done, done.Header["Location"])
	}

	created := world.QueryValue[string](t, g.Pool, "SELECT concat_ws(' ', name, member_group, avatar, version, status) FROM account WHERE email = $1", address)
	if created != "New User None 0 0 active" {
		t.Errorf("the account is %s", created)
	}

	if got := g.Login(t, address, world.NewPassword); got.Status != http.StatusOK {
		t.Errorf("the password: %s", got)
	}

	if got := world.SignUpFormCall(token, nil).To(t, g.Server); got.Header.Get("Location") != world.SignUpInvalid {
		t.Errorf("used again: %s %v", got, got.Header["Location"])
	}

	if page := openMailLink(t, g, http.MethodGet, mail.Link); strings.Contains(string(page.Body), "<form") || !strings.Contains(string(page.Body), "register again in Toolkit") {
		t.Errorf("the page of a used link: %s", page)
	}

	register := g.Post(t, "register", map[string]any{"username": "New User", "email": address, "password": world.NewPassword, "verificationCode": mail.Code})
	if register.Problem.Code != "CODE_INVALID" {
		t.Errorf("the code after the link: %s", register)
	}
}

// R-B2: a link goes to those alone whom a code goes to, and the request does the same for every address: a row of a link
// is there whether or not an account is.
func TestMailWithoutCodeHasNoLink(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, _ := g.NewUser(t)

	if mail := g.SignUpMail(t, address); mail.Link != "" || mail.Code != "" || strings.Contains(mail.Text, "/sign-up") {
		t.Errorf("the mail to a taken address: %s", mail.Text)
	}

	stranger := g.FreeAddress()
	ask := world.Call{Method: http.MethodGet, Path: "/forget_code", Query: url.Values{"email": {stranger}}.Encode()}

	if got := ask.To(t, g.Server); got.Status != http.StatusNoContent {
		t.Fatalf("without an account: %s", got)
	}

	apptest.Eventually(t, "the worker has decided", func() bool {
		return g.Count(t, "SELECT count(*) FROM delivery WHERE recipient = $1 AND state = 'refused'", stranger) == 1
	})

	if got := len(g.Mails(stranger)); got != 0 {
		t.Errorf("%d mails without an account", got)
	}

	for _, one := range []struct{ purpose, address string }{{"registration-link", address}, {"reset-link", stranger}} {
		if got := g.Count(t, "SELECT count(*) FROM code WHERE purpose = $1 AND starts_with(subject, $2 || ' ')", one.purpose, one.address); got != 1 {
			t.Errorf("%d rows %s of %s", got, one.purpose, one.address)
		}
	}
}

// SEC-S25, contract "codes": the link works after five wrong codes and after a later code; the first use of either ends all.
func TestLinkOutlivesTheCode(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.SendCooldown = time.Second })
	g.Clock.Stop()

	address, _ := g.NewUser(t)
	first := g.ResetMail(t, address)

	for i := range code.MaxAttempts {
		if got := resetCall(address, fmt.Sprintf("%06d", i)).FromBrowser(g.Visitor).To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
			t.Fatalf("a wrong code: %s", got)
		}
	}

	if got := resetCall(address, first.Code).FromBrowser(g.Visitor).To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
		t.Fatalf("the right code after five wrong ones: %s", got)
	}

	g.Clock.Advance(time.Minute)

	second := g.ResetMail(t, address)
	if got := world.ResetFormCall(world.MailToken(t, first), nil).To(t, g.Server); got.Header.Get("Location") != world.ResetDone {
		t.Fatalf("the first link, after a later code: %s %v", got, got.Header["Location"])
	}

	if got := world.ResetFormCall(world.MailToken(t, second), nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("the second link after the first: %v", got.Header["Location"])
	}

	g.Clock.Advance(time.Minute)

	third := g.ResetMail(t, address)
	if got := resetCall(address, third.Code).FromBrowser(g.Visitor).To(t, g.Server); got.Status != http.StatusNoContent {
		t.Fatalf("the code: %s", got)
	}

	if got := world.ResetFormCall(world.MailToken(t, third), nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("the link after its code: %v", got.Header["Location"])
	}

	g.Clock.Advance(time.Minute)

	fourth := g.ResetMail(t, address)
	g.Clock.Advance(code.Reset.Lifetime)

	if got := world.ResetFormCall(world.MailToken(t, fourth), nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("an expired link: %v", got.Header["Location"])
	}

	registration := world.MailToken(t, g.SignUpMail(t, g.FreeAddress()))
	if got := world.ResetFormCall(registration, nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("a link of another purpose: %v", got.Header["Location"])
	}
}

// SEC-S2, SEC-S3: what strangers do, and a spent budget, neither delay nor refuse the link. Only the network of those who
// try made-up links has to wait, and theirs does not spend what a link of elsewhere needs.
func TestLinkWorksWhenBudgetsAndWaitsHold(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy, func(c *apptest.Settings) { c.CodeGuessBudget, c.NetworkFailures = 1, 20 })
	g.Clock.Stop()

	address, _ := g.NewUser(t)
	token := world.MailToken(t, g.ResetMail(t, address))

	for range 13 { // waits of strangers for every factor of the user
		wrong := world.LoginCall(address, "wrong").With("X-Forwarded-For", attackerAddress).To(t, g.Server)
		g.Clock.Advance(min(world.RetryAfter(t, wrong), 20*time.Second))
	}

	if got := resetCall(address, "000000").FromBrowser(g.Visitor).With("X-Forwarded-For", "198.51.100.1").To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
		t.Fatalf("the last guess of the day: %s", got)
	}

	if got := resetCall(address, "000000").FromBrowser(g.Visitor).With("X-Forwarded-For", "192.0.2.9").To(t, g.Server); got.Problem.Code != "TOO_MANY_REQUESTS" {
		t.Fatalf("the budget is not spent: %s", got)
	}

	for i := range 30 {
		got := world.ResetFormCall(strings.Repeat("A", 44), nil).With("X-Forwarded-For", "203.0.113.99").To(t, g.Server)

		want := world.ResetInvalid
		if i >= 20 {
			want = world.ResetLimited
		}

		if got.Header.Get("Location") != want {
			t.Fatalf("made-up link %d: %s %v", i+1, got, got.Header["Location"])
		}
	}

	if page := openMailLink(t, g, http.MethodGet, world.ResetLimited); !strings.Contains(string(page.Body), "from your network") {
		t.Errorf("the page of the limit: %s", page)
	}

	// While the limit of a network holds, nothing is compared there; elsewhere the link works, and is not a failure.
	form := world.ResetFormCall(token, nil)
	if got := form.With("X-Forwarded-For", "203.0.113.99").To(t, g.Server); got.Header.Get("Location") != world.ResetLimited {
		t.Errorf("the right link from that network: %v", got.Header["Location"])
	}

	refused := world.ResetFormCall(token, map[string]string{"password": "short", "repeat": "short"}).With("X-Forwarded-For", "192.0.2.77")
	for range 25 {
		if got := refused.To(t, g.Server); got.Status != http.StatusOK {
			t.Fatalf("a refused password behind the right link: %s", got)
		}
	}

	if got := form.With("X-Forwarded-For", "192.0.2.77").To(t, g.Server); got.Header.Get("Location") != world.ResetDone {
		t.Errorf("the right link: %s %v", got, got.Header["Location"])
	}

	if got := g.Count(t, "SELECT coalesce(sum(count), 0) FROM throttle WHERE key = 'failures 192.0.2.77'"); got != 0 {
		t.Errorf("%d failures of the network of the right link", got)
	}
}

// A link of an account that was disabled since opens nothing.
func TestLinkOfDisabledAccountIsVoid(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, _ := g.NewUser(t)
	token := world.MailToken(t, g.ResetMail(t, address))

	if err := g.SetStatus(t.Context(), address, "disabled"); err != nil {
		t.Fatal(err)
	}

	if got := world.ResetFormCall(token, nil).To(t, g.Server); got.Header.Get("Location") != world.ResetInvalid {
		t.Errorf("%s %v", got, got.Header["Location"])
	}
}
