package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

const sender = "Toolkit <no-reply@konec.test>"

// trusting returns a sender that trusts the sink's certificate.
func trusting(t *testing.T, url string, roots *x509.CertPool) *SMTP {
	t.Helper()

	s, err := NewSMTP(url, sender, "")
	if err != nil {
		t.Fatal(err)
	}

	if roots != nil {
		if err := s.client.SetTLSConfig(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}); err != nil {
			t.Fatal(err)
		}
	}

	return s
}

func outgoing(t *testing.T, kind Kind, l language.Language, to string, content Content) Outgoing {
	t.Helper()

	rendered, err := render(kind, l, content)
	if err != nil {
		t.Fatal(err)
	}

	return Outgoing{
		ID: "an-id", Channel: Mail, To: to, Rendered: rendered, Code: content.Code,
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// headerNames are all headers of a message. No input adds one.
var headerNames = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To",
}

// R-N1, R-N3, T-20: the result is one message to one recipient, in two formats, in the recipient's language.
func TestSend(t *testing.T) {
	t.Parallel()

	subjects := map[language.Language]map[Kind]string{
		language.Chinese: {
			RegistrationCode: "您的注册验证码", RegistrationTaken: "您已经有 Toolkit 账号", SessionEnded: "您的一个登录会话已被结束",
		},
		language.English: {
			RegistrationCode: "Your registration code", RegistrationTaken: "You already have a Toolkit account",
			SessionEnded: "One of your sessions was ended",
		},
	}

	for l, kinds := range subjects {
		for kind, subject := range kinds {
			t.Run("ArrivesInTwoForms/"+string(l)+"/"+string(kind), func(t *testing.T) {
				t.Parallel()

				sink := smtptest.New(t, smtptest.Options{})
				content := Content{Device: "Studio <b>1</b>", At: time.Unix(0, 0)}

				if kind == RegistrationCode {
					content = Content{Code: "042137"}
				}

				if err := trusting(t, sink.URL(), nil).Send(t.Context(), outgoing(t, kind, l, "a@konec.test", content)); err != nil {
					t.Fatal(err)
				}

				got := sink.Messages()
				if len(got) != 1 || !slices.Equal(got[0].Recipients, []string{"a@konec.test"}) || got[0].From != "no-reply@konec.test" {
					t.Fatalf("on the wire: %+v", got)
				}

				arrived(t, got[0].Read(t), subject, content.Code)
			})
		}
	}

	t.Run("MessageIDIsTheSameAtARepeat", func(t *testing.T) {
		t.Parallel()

		sink := smtptest.New(t, smtptest.Options{})
		message := outgoing(t, RegistrationTaken, language.English, "a@konec.test", Content{})

		for range 2 {
			if err := trusting(t, sink.URL(), nil).Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}

		got := sink.Messages()
		first, second := got[0].Read(t).Header.Get("Message-Id"), got[1].Read(t).Header.Get("Message-Id")

		if first != "<an-id@konec.test>" || second != first {
			t.Errorf("ids %q and %q", first, second)
		}
	})
}

func arrived(t *testing.T, mail smtptest.Read, subject, code string) {
	t.Helper()

	if mail.Subject != subject {
		t.Errorf("subject %q, want %q", mail.Subject, subject)
	}

	if !slices.Equal(mail.Names, headerNames) {
		t.Errorf("headers %q, want %q", mail.Names, headerNames)
	}

	if mail.Header.Get("Auto-Submitted") != "auto-generated" || mail.Header.Get("Date") != "Fri, 02 Jan 2026 03:04:05 +0000" {
		t.Errorf("headers %v", mail.Header)
	}

	if len(mail.Parts) != 2 || mail.Parts[0].Type != "text/plain; charset=UTF-8" || mail.Parts[1].Type != "text/html; charset=UTF-8" {
		t.Fatalf("parts %+v", mail.Parts)
	}

	for _, part := range mail.Parts {
		if !strings.Contains(part.Body, code) || !strings.Contains(part.Body, "Toolkit") {
			t.Errorf("no code %q, or no name, in %s", code, part.Body)
		}
	}

	if html := mail.Parts[1].Body; strings.Contains(html, "<b>") || !strings.Contains(html, subject) {
		t.Errorf("html %s", html)
	}
}

// R-N3: the password of a mail server is never sent unencrypted.
func TestTLS(t *testing.T) {
	t.Parallel()

	message := func(t *testing.T) Outgoing {
		t.Helper()

		return outgoing(t, RegistrationCode, language.English, "a@konec.test", Content{Code: "042137"})
	}

	for name, mode := range map[string]smtptest.TLS{"StartTLS": smtptest.StartTLS, "FromTheStart": smtptest.Implicit} {
		t.Run("CarriesPasswordAndMessage/"+name, func(t *testing.T) {
			t.Parallel()

			sink := smtptest.New(t, smtptest.Options{TLS: mode, Username: "postman", Password: "p%40ss"})
			sink2 := smtptest.New(t, smtptest.Options{TLS: mode, Username: "postman", Password: "right"})

			// In a URL the password is escaped.
			if err := trusting(t, sink.URL(), sink.Roots).Send(t.Context(), message(t)); err == nil {
				t.Error("a wrong password was taken")
			}

			if err := trusting(t, sink2.URL(), sink2.Roots).Send(t.Context(), message(t)); err != nil {
				t.Fatal(err)
			}

			if got := sink2.Messages(); len(got) != 1 || !got[0].TLS || got[0].User != "postman" {
				t.Errorf("got %+v", got)
			}
		})

		t.Run("CertificateOfAStrangerIsRefused/"+name, func(t *testing.T) {
			t.Parallel()

			sink := smtptest.New(t, smtptest.Options{TLS: mode})
			if err := trusting(t, sink.URL(), nil).Send(t.Context(), message(t)); err == nil || errors.Is(err, ErrRefused) {
				t.Errorf("got %v, want a failure that is tried again", err)
			}

			if len(sink.Messages()) != 0 {
				t.Error("it was sent all the same")
			}
		})
	}

	t.Run("ServerWithoutItGetsNothing", func(t *testing.T) {
		t.Parallel()

		sink := smtptest.New(t, smtptest.Options{Username: "postman", Password: "secret"})
		err := trusting(t, "smtp://postman:secret@"+sink.Address(), nil).Send(t.Context(), message(t))

		if err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("got %v, want a failure that is tried again", err)
		}

		if len(sink.Messages()) != 0 {
			t.Error("it was sent all the same")
		}
	})

	t.Run("OptionalTakesWhatThereIs", func(t *testing.T) {
		t.Parallel()

		sink := smtptest.New(t, smtptest.Options{})
		if err := trusting(t, "smtp://"+sink.Address()+"?tls=optional", nil).Send(t.Context(), message(t)); err != nil {
			t.Error(err)
		}
	})
}

// T-10: which failures are retried, and which are final.
func TestOutcome(t *testing.T) {
	t.Parallel()

	message := func(t *testing.T) Outgoing {
		t.Helper()

		return outgoing(t, RegistrationCode, language.English, "a@konec.test", Content{Code: "042137"})
	}

	for name, c := range map[string]struct {
		conduct smtptest.Conduct
		sent    bool
		final   bool
	}{
		"AcceptedIsSent":                {conduct: smtptest.Accepts, sent: true},
		"AcceptedThenCutIsSent":         {conduct: smtptest.CutsBehind, sent: true},
		"CutWithoutAWordIsTriedAgain":   {conduct: smtptest.Cuts},
		"GoneIsTriedAgain":              {conduct: smtptest.Gone},
		"BusyIsTriedAgain":              {conduct: smtptest.Busy},
		"ShutDownIsTriedAgain":          {conduct: smtptest.ShutsDown},
		"UnknownRecipientIsTheLastWord": {conduct: smtptest.Refuses, final: true},
		"UnwantedMessageIsTheLastWord":  {conduct: smtptest.Quotes, final: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			sink := smtptest.New(t, smtptest.Options{})
			sink.Set(c.conduct)

			err := trusting(t, sink.URL(), nil).Send(t.Context(), message(t))
			if (err == nil) != c.sent || errors.Is(err, ErrRefused) != c.final {
				t.Errorf("got %v", err)
			}
		})
	}

	t.Run("HangingServerIsGivenUp", func(t *testing.T) {
		t.Parallel()

		sink := smtptest.New(t, smtptest.Options{})
		sink.Set(smtptest.Hangs)

		s := trusting(t, sink.URL(), nil)
		if err := mail.WithTimeout(500 * time.Millisecond)(s.client); err != nil {
			t.Fatal(err)
		}

		if err := s.Send(t.Context(), message(t)); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("got %v, want a failure that is tried again", err)
		}
	})

	t.Run("ReasonIsOneLineWithoutTheCode", func(t *testing.T) {
		t.Parallel()

		sink := smtptest.New(t, smtptest.Options{})
		sink.Set(smtptest.Quotes)

		err := trusting(t, sink.URL(), nil).Send(t.Context(), message(t))
		if !strings.Contains(err.Error(), "042137") {
			t.Fatalf("got %v, and the sink should quote the code", err)
		}

		got := withoutSecrets(err, "042137")
		if strings.Contains(got, "042137") || !strings.Contains(got, "[code]") || strings.ContainsAny(got, "\x00\x1b\r\n") {
			t.Errorf("reason %q", got)
		}
	})
}

// T-30: which values of SMTP_URL are valid, and that its error contains no password.
func TestNewSMTP(t *testing.T) {
	t.Parallel()

	const canary = "canary-smtp-password"

	for _, url := range []string{
		"", "localhost", "http://u:" + canary + "@h", "smtp://", "smtp://u:" + canary + "@h:port", "smtp://u:" + canary + "@h?tls=maybe",
		"smtps://u:" + canary + "@h?tls=none", "smtp://u:" + canary + "%zz@h", "smtp://u:" + canary + "@h:99999999",
		"smtp://u:" + canary + "@h\r\n",
	} {
		if _, err := NewSMTP(url, sender, ""); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v, want a refusal without the password", url, err)
		}
	}

	for _, from := range []string{"", "no address", "a@b\r\nBcc: c@d", "a@b, c@d"} {
		if _, err := NewSMTP("smtp://localhost", from, ""); err == nil {
			t.Errorf("sender %q: accepted", from)
		}
	}

	for _, url := range []string{"smtp://h", "smtp://u:p@h:2525", "smtps://h:465", "smtp://h?tls=none", "smtp://h?tls=required", "smtp://[::1]:25"} {
		if _, err := NewSMTP(url, sender, ""); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}
