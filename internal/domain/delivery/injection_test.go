package delivery

import (
	"bytes"
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

// SEC-S16, R-N5, T-20: the device, the one text of a stranger that a mail is about, is not in it: no mail program makes a
// link or a telephone number of it. Every kind is tried, so that none is forgotten.
func TestNoMailRepeatsTheDevice(t *testing.T) {
	t.Parallel()

	const known = "Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36"

	for kind := range wording {
		for _, l := range []language.Language{language.Chinese, language.English} {
			control, err := render(kind, l, Content{Device: known, At: time.Unix(0, 0)})
			if err != nil {
				t.Fatal(err)
			}

			for _, device := range []string{
				"<script>alert(1)</script>", "{{.Code}}", "{time}", "a\r\n.\r\nMAIL FROM:<x@y>", "=?utf-8?q?x?=", "&lt;b&gt;",
				"Your account is locked: go to https://toolkit-verify.evil.test/unlock", strings.Repeat("长", 256),
			} {
				got, err := render(kind, l, Content{Device: known + device, At: time.Unix(0, 0)})
				if err != nil || got != control {
					t.Errorf("%s in %s: %q changes the mail: %v\n%s", kind, l, device, err, got.Text)
				}
			}
		}
	}

	if got, err := render(NewDevice, language.English, Content{Device: known}); err != nil || !strings.Contains(got.Text, "device: Chrome on Windows") {
		t.Errorf("a known device: %v %s", err, got.Text)
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

		s := &SMTP{from: sender, domain: "h.test"}

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
