package delivery

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// T-30: which settings are valid, and that no error contains a secret.
func TestNewSMS(t *testing.T) {
	t.Parallel()

	const canary = "canary-sms-secret"

	good := SMSSettings{AppID: "1400006666", Templates: []string{"sign_in_code:1", "phone_code:2"}, WebhookSecret: whsec}
	with := func(change func(*SMSSettings)) SMSSettings {
		s := good
		s.URL = "tencent://id:" + canary + "@sms.tencentcloudapi.com/ap-guangzhou"
		change(&s)

		return s
	}
	secret := func(bytes int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(canary, 8)[:bytes]))
	}

	for name, s := range map[string]SMSSettings{
		"Nothing":        with(func(s *SMSSettings) { s.URL = "" }),
		"NoHost":         with(func(s *SMSSettings) { s.URL = "https:///" + canary }),
		"AnotherScheme":  with(func(s *SMSSettings) { s.URL = "ftp://id:" + canary + "@h/r" }),
		"NoURL":          with(func(s *SMSSettings) { s.URL = "tencent://id:" + canary + "%zz@h/r" }),
		"NoKeys":         with(func(s *SMSSettings) { s.URL = "tencent://h/ap-guangzhou" }),
		"NoSecretKey":    with(func(s *SMSSettings) { s.URL = "tencent://" + canary + "@h/ap-guangzhou" }),
		"NoRegion":       with(func(s *SMSSettings) { s.URL = "tencent://id:" + canary + "@h" }),
		"TwoRegions":     with(func(s *SMSSettings) { s.URL = "tencent://id:" + canary + "@h/a/b" }),
		"NoAppID":        with(func(s *SMSSettings) { s.AppID = "" }),
		"NoTemplates":    with(func(s *SMSSettings) { s.Templates = nil }),
		"OneTemplate":    with(func(s *SMSSettings) { s.Templates = []string{"phone_code:2", "sign_in_code_global:1"} }),
		"UnknownKey":     with(func(s *SMSSettings) { s.Templates = append(s.Templates, "reset_code:3") }),
		"NoTemplateID":   with(func(s *SMSSettings) { s.Templates = []string{"sign_in_code", "phone_code:2"} }),
		"WordTemplateID": with(func(s *SMSSettings) { s.Templates = []string{"sign_in_code:x", "phone_code:2"} }),
		"UserOfWebhook":  with(func(s *SMSSettings) { s.URL = "https://u:" + canary + "@h/" }),
		"NoSecret":       with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", "" }),
		"NoBase64":       with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", "whsec_"+canary+"!" }),
		"ShortSecret":    with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", secret(23) }),
		"LongSecret":     with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", secret(65) }),
	} {
		if sender, err := NewSMS(s); err == nil || sender != nil || strings.Contains(err.Error(), canary) ||
			s.WebhookSecret != "" && strings.Contains(err.Error(), s.WebhookSecret) {
			t.Errorf("%s: got %v, want a refusal without the secret", name, err)
		}
	}

	for name, s := range map[string]SMSSettings{
		"Tencent": with(func(*SMSSettings) {}),
		"SpacedList": with(func(s *SMSSettings) {
			s.Templates = []string{"sign_in_code:1", " phone_code:1", " phone_code_global:3"}
		}),
		"Webhook":      with(func(s *SMSSettings) { s.URL = "https://h:8443/sms?key=x" }),
		"BareSecret":   with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", whsec[len("whsec_"):] }),
		"MostOfSecret": with(func(s *SMSSettings) { s.URL, s.WebhookSecret = "https://h/", secret(64) }),
	} {
		if _, err := NewSMS(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// gsm is the part of the alphabet of 160-character segments that the texts use.
const gsm = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,"

// Every kind is one segment in both languages, with the code and its lifetime, and without a placeholder left.
func TestTextMessageIsOneSegment(t *testing.T) {
	t.Parallel()

	for kind := range smsWording {
		for _, l := range []language.Language{language.Chinese, language.English} {
			got, err := renderSMS(kind, l, "042137", 15)
			if err != nil {
				t.Fatal(err)
			}

			most := 70
			if l == language.English {
				most = 160

				if strings.Trim(got.Text, gsm) != "" {
					t.Errorf("%s: %q has characters that cost", kind, got.Text)
				}
			}

			// With room for the signature that a provider puts before it, 【…】 of up to 14 characters.
			if n := utf8.RuneCountInString(got.Text) + 14; n > most {
				t.Errorf("%s, %s: %d characters", kind, l, n)
			}

			if strings.Count(got.Text, "042137") != 1 || strings.Count(got.Text, "15") != 1 || strings.ContainsAny(got.Text, "{}\n") ||
				got.HTML != "" || got.Subject == "" {
				t.Errorf("%s, %s: %+v", kind, l, got)
			}
		}
	}

	if _, err := renderSMS(RegistrationCode, language.English, "042137", 10); err == nil {
		t.Error("a mail went as a text message")
	}

	if _, err := render(SignInCode, language.English, Content{Code: "042137"}); err == nil {
		t.Error("a text message went as a mail")
	}
}

// The row records when it was made, a moment after the code was.
func TestMinutesAreWhole(t *testing.T) {
	t.Parallel()

	for life, want := range map[time.Duration]int{
		5 * time.Minute: 5, 5*time.Minute - 12*time.Millisecond: 5, 5*time.Minute - 2*time.Second: 5, 10 * time.Minute: 10, time.Second: 1, -time.Hour: 1,
	} {
		if got := minutes(life); got != want {
			t.Errorf("%s: got %d, want %d", life, got, want)
		}
	}
}
