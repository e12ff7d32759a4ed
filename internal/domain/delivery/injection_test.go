package delivery

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// T-20, R-N3, V-25: no address can add a recipient, a header or an SMTP parameter. Earlier layers already refuse these
// addresses; here only the sender is tested.
func TestHostileAddressReachesNobodyElse(t *testing.T) {
	t.Parallel()

	sink := smtptest.New(t, smtptest.Options{})
	s := trusting(t, sink.URL(), nil)

	for _, to := range []string{
		"a@konec.test\r\nBcc: b@konec.test", "a@konec.test\nRCPT TO:<b@konec.test>", "a@konec.test, b@konec.test",
		"a@konec.test> BODY=8BITMIME", "<a@konec.test>,<b@konec.test>", "\"a\r\nb\"@konec.test", "\"a> NOTIFY=NEVER\"@konec.test",
		"a@konec.test%0d%0aBcc:b@konec.test", "a\u2028@konec.test", "a@konec.test;b@konec.test", "team: a@konec.test, b@konec.test;",
		"a@konec.test\x00b@konec.test", "", "@", "a@", "\"a@konec.test\" <b@konec.test>, c@konec.test", "a@konec.test (\r\nX: y)",
	} {
		_ = s.Send(t.Context(), outgoing(t, RegistrationTaken, language.English, to, Content{})) // a refusal is as good as a harmless mail
	}

	for _, got := range sink.Messages() {
		mail := got.Read(t)
		if len(got.Recipients) != 1 || strings.ContainsAny(got.Recipients[0], "\r\n,") || !slices.Equal(mail.Names, headerNames) || len(mail.Parts) != 2 {
			t.Errorf("recipients %q, headers %q, %d parts", got.Recipients, mail.Names, len(mail.Parts))
		}
	}
}

// R-N5, T-20: the device, the one text in a mail that an attacker can choose, stays text in both formats.
func TestHostileDeviceStaysText(t *testing.T) {
	t.Parallel()

	sink := smtptest.New(t, smtptest.Options{})
	s := trusting(t, sink.URL(), nil)
	at := time.Unix(0, 0)

	send := func(device string) smtptest.Read {
		before := len(sink.Messages())
		if err := s.Send(t.Context(), outgoing(t, SessionEnded, language.English, "a@konec.test", Content{Device: device, At: at})); err != nil {
			t.Fatal(err)
		}

		return sink.Messages()[before].Read(t)
	}

	control := send("Studio")

	for _, device := range []string{
		"<script>alert(1)</script>", "\" onload=alert(1) x=\"", "{{.Code}}", "{time}", "a\r\n.\r\nMAIL FROM:<x@y>", "\r\n\r\n--boundary\r\n",
		"=?utf-8?q?x?=", "<a href=http://evil.test>sign in</a>", "&lt;b&gt;", strings.Repeat("长", 256),
	} {
		mail := send(device)

		if !slices.Equal(mail.Names, headerNames) || len(mail.Parts) != 2 || mail.Subject != control.Subject {
			t.Errorf("%q: headers %q, %d parts, subject %q", device, mail.Names, len(mail.Parts), mail.Subject)
		}

		tags := regexp.MustCompile(`<[^>]*>`)
		if !slices.Equal(tags.FindAllString(mail.Parts[1].Body, -1), tags.FindAllString(control.Parts[1].Body, -1)) {
			t.Errorf("%q: the elements are others than the control's:\n%s", device, mail.Parts[1].Body)
		}
	}
}

// FuzzMail checks that every mail has one recipient, the fixed headers and two formats, for any input.
func FuzzMail(f *testing.F) {
	f.Add("a@konec.test", "Studio", "042137")
	f.Add("a@konec.test\r\nBcc: b@c.d", "<b>\r\n.\r\n", "{{.}}")

	f.Fuzz(func(t *testing.T, to, device, code string) {
		rendered, err := render(SessionEnded, language.Chinese, Content{Device: device, Code: code})
		if err != nil {
			t.Fatal(err)
		}

		s := &SMTP{from: sender, host: "h.test"}

		m, err := s.compose(Outgoing{ID: "id", To: to, Rendered: rendered, Code: code})
		if err != nil {
			return
		}

		var raw bytes.Buffer
		if _, err := m.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}

		recipients, err := m.GetRecipients()
		if err != nil || len(recipients) != 1 || strings.ContainsAny(recipients[0], "\r\n") {
			t.Fatalf("recipients %q, %v", recipients, err)
		}

		mail := smtptest.Message{Data: raw.Bytes()}.Read(t)
		if !slices.Equal(mail.Names, headerNames) || len(mail.Parts) != 2 {
			t.Errorf("headers %q, %d parts", mail.Names, len(mail.Parts))
		}
	})
}
