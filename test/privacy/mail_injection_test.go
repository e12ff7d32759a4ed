package privacy_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// forgedHeaders are headers from which other servers have built mails.
var forgedHeaders = []http.Header{
	{"Host": {"evil.test"}},
	{"Host": {"evil.test:443\u00a0"}},
	{"X-Forwarded-Host": {"evil.test"}, "X-Forwarded-Proto": {"javascript"}, "X-Forwarded-Port": {"666"}, "X-Forwarded-Prefix": {"/evil.test"}},
	{"X-Forwarded-For": {"6.6.6.6, evil.test"}, "X-Real-Ip": {"6.6.6.6"}, "True-Client-Ip": {"6.6.6.6"}},
	{"Forwarded": {"for=6.6.6.6;host=evil.test;proto=evil"}, "Via": {"1.1 evil.test"}},
	{"X-Original-Url": {"http://evil.test/"}, "X-Rewrite-Url": {"http://evil.test/"}, "X-Original-Host": {"evil.test"}, "X-Host": {"evil.test"}},
	{"Origin": {"https://evil.test"}, "Referer": {"https://evil.test/?<b>"}, "User-Agent": {"<b>evil.test</b>"}},
	{"X-Request-Id": {"evil.test"}, "From": {"evil@evil.test"}, "X-Http-Method-Override": {"evil.test"}, "Cookie": {"lang=evil.test"}},
}

// V-10, T-20, R-N3: a mail contains nothing that a request says about itself. It is, byte for byte, the mail of an
// honest request, except for the code, the token of the link, the ids and the date.
func TestMailHoldsNothingFromTheRequest(t *testing.T) {
	t.Parallel()

	const email = "victim@konec.test"

	g := world.NewMailGateway(t)

	send := func(header http.Header) string {
		before := len(g.Sink.Messages())

		status := postJSON(t, g, "/api/users/register/send-code", `{"email":"`+email+`"}`, header)
		if status == http.StatusBadRequest { // net/http refuses some of them
			return ""
		} else if status != http.StatusOK {
			t.Fatalf("%v: %d", header, status)
		}

		message := g.AwaitMails(t, email, before+1)[before]
		g.Clock.Advance(time.Hour + time.Second) // longer than every cooldown

		if !slices.Equal(message.Recipients, []string{email}) {
			t.Errorf("%v: recipients %q", header, message.Recipients)
		}

		return comparable(t, message)
	}

	control := send(nil)

	for _, header := range forgedHeaders {
		if got := send(header); got != "" && got != control {
			t.Errorf("%v changed the mail:\n%s\nfrom\n%s", header, got, control)
		}
	}
}

// comparable returns a mail without what differs between two of a kind.
func comparable(t *testing.T, message smtptest.Message) string {
	t.Helper()

	text := strings.ReplaceAll(string(message.Data), world.CodeIn(t, message), "CODE")
	text = strings.ReplaceAll(text, "=\r\n", "") // quoted-printable: a line that continues

	for _, pattern := range []string{`(?m)^Date: .*$`, `(?m)^Message-ID: .*$`, `\?token=3D[A-Za-z0-9_-]+`} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, "")
	}

	boundary := regexp.MustCompile(`boundary=\s*"?([^"\r\n]+)"?`).FindStringSubmatch(text)
	if boundary == nil {
		t.Fatalf("no boundary in %s", text)
	}

	return strings.ReplaceAll(text, boundary[1], "BOUNDARY")
}

// postJSON posts JSON and returns the status. A header named Host becomes the request's.
func postJSON(t *testing.T, g *world.MailGateway, path, body string, header http.Header) int {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header = http.Header{"Content-Type": {"application/json"}}
	for name, values := range header {
		request.Header[name] = values
	}

	request.Host = header.Get("Host")
	request.Header.Del("Host")

	response, err := g.HTTP.Client().Do(request)
	if err != nil {
		t.Logf("%v was not sent: %v", header, err)

		return http.StatusBadRequest
	}

	response.Body.Close()

	return response.StatusCode
}

// T-20: an address is one recipient in its one form, or is refused.
func TestHostileAddressIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t)

	for _, address := range []string{
		`a@konec.test\r\nBcc: b@konec.test`, `a@konec.test\nb@konec.test`, `a@konec.test\u0000`, `a@konec.test,b@konec.test`, `a@konec.test;b@konec.test`,
		`a@konec.test> BODY=8BITMIME`, `<a@konec.test>`, `A <a@konec.test>`, `\"a@konec.test\r\n\"@konec.test`, `a%0d%0a@konec.test%0d%0aBcc:b`,
		`a\u2028b@konec.test`, `\"a b\"@konec.test`, `a@konec.test (comment)`, `a@[127.0.0.1]`, `a@konec.test?subject=x`, `a@konec.test b@konec.test`,
	} {
		if status := postJSON(t, g, "/api/users/register/send-code", `{"email":"`+address+`"}`, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", address, status)
		}
	}

	// These are valid addresses, however odd they look.
	for address, form := range map[string]string{
		"%0d%0aBcc:x@konec.test": "", "x%0d%0a@konec.test": "x%0d%0a@konec.test", "{{.Code}}@konec.test": "{{.code}}@konec.test",
		"'--@KONEC.test": "'--@konec.test", "$(id)@konec.test": "", "`id`@konec.test": "`id`@konec.test",
	} {
		status := postJSON(t, g, "/api/users/register/send-code", `{"email":"`+address+`"}`, nil)
		if form == "" {
			if status != http.StatusBadRequest {
				t.Errorf("%s: %d", address, status)
			}

			continue
		}

		got := g.AwaitMails(t, form, 1)[0]
		if mail := got.Read(t); len(got.Recipients) != 1 || len(mail.Parts) != 2 || strings.Contains(mail.Parts[0].Body, "@konec") {
			t.Errorf("%s: recipients %q, %+v", address, got.Recipients, mail)
		}
	}
}

// SEC-S16, R-N5: the mail about an ended session says what the device is in our words, and repeats nothing of what the
// client called itself.
func TestHostileDeviceIsNotInTheMail(t *testing.T) {
	t.Parallel()

	const email = "owner@konec.test"

	g := world.NewMailGateway(t)
	g.Account(t, email)

	token := g.SignIn(t, email).RefreshToken
	_, second := g.Refresh(t, token)
	g.Refresh(t, second.RefreshToken)
	g.Clock.Advance(session.LostAfter + time.Second)

	status := postJSON(t, g, "/api/auth/refresh", `{"refresh_token":"`+token+`"}`, http.Header{
		"User-Agent": {"Chrome/1 on Windows. Your account is locked: go to https://evil.test/unlock <script src=//evil.test></script>{{.Code}}\t{time}"},
	})
	if status != http.StatusUnauthorized {
		t.Fatalf("reuse: %d", status)
	}

	mail := g.AwaitMails(t, email, 1)[0].Read(t)
	if len(mail.Parts) != 2 {
		t.Fatalf("mail %+v", mail)
	}

	for _, part := range mail.Parts {
		if strings.Contains(part.Body, "evil") || strings.Contains(part.Body, "locked") || !strings.Contains(part.Body, "Windows 上的 Chrome") {
			t.Errorf("mail %s", part.Body)
		}
	}
}
