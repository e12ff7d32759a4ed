package config

import (
	"slices"
	"strings"
	"testing"
)

// T-30: every error about text messages names the setting and shows no value.
func TestTextMessages(t *testing.T) {
	t.Parallel()

	const (
		canary  = "CaNaRy"
		tencent = "tencent://id:" + canary + "@sms.tencentcloudapi.com/ap-guangzhou"
		webhook = "https://sms.test/send?key=" + canary
	)

	for name, c := range map[string]struct {
		given map[string]string
		named []string // none: it is fine
	}{
		"Nothing":            {given: map[string]string{}},
		"Tencent":            {given: map[string]string{"SMS_URL": tencent, "SMS_APP_ID": "1", "SMS_TEMPLATES": "sign_in_code:1,phone_code:2"}},
		"Webhook":            {given: map[string]string{"SMS_URL": webhook, "SMS_WEBHOOK_SECRET": canary}},
		"PlainWebhook":       {given: map[string]string{"MODE": Development, "SMS_URL": "http://127.0.0.1:9/", "SMS_WEBHOOK_SECRET": canary}},
		"PlainIsForDevelop":  {map[string]string{"SMS_URL": "http://127.0.0.1:9/" + canary, "SMS_WEBHOOK_SECRET": canary}, []string{"SMS_URL"}},
		"TencentAlone":       {map[string]string{"SMS_URL": tencent}, []string{"SMS_APP_ID", "SMS_TEMPLATES"}},
		"WebhookAlone":       {map[string]string{"SMS_URL": webhook}, []string{"SMS_WEBHOOK_SECRET"}},
		"AnotherScheme":      {map[string]string{"SMS_URL": "twilio://u:" + canary + "@h/"}, []string{"SMS_URL"}},
		"NoURL":              {map[string]string{"SMS_URL": "tencent://u:" + canary + "%zz@h/"}, []string{"SMS_URL"}},
		"NoHost":             {map[string]string{"SMS_URL": canary}, []string{"SMS_URL"}},
		"SecretWithoutURL":   {map[string]string{"SMS_WEBHOOK_SECRET": canary}, []string{"SMS_URL"}},
		"AppIDWithoutURL":    {map[string]string{"SMS_APP_ID": "1"}, []string{"SMS_URL"}},
		"SignWithoutURL":     {map[string]string{"SMS_SIGN_NAME": "x"}, []string{"SMS_URL"}},
		"FallbackWithoutURL": {map[string]string{"SMS_URL_FALLBACK": webhook, "SMS_WEBHOOK_SECRET": canary}, []string{"SMS_URL"}},
		"FallbackAlone":      {map[string]string{"SMS_URL": webhook, "SMS_WEBHOOK_SECRET": canary, "SMS_URL_FALLBACK": tencent}, []string{"SMS_APP_ID"}},
		"SameFallback":       {map[string]string{"SMS_URL": webhook, "SMS_WEBHOOK_SECRET": canary, "SMS_URL_FALLBACK": webhook}, []string{"SMS_URL_FALLBACK"}},
		"PlainFallback": {
			map[string]string{"SMS_URL": webhook, "SMS_WEBHOOK_SECRET": canary, "SMS_URL_FALLBACK": "http://sms.test/" + canary}, []string{"SMS_URL_FALLBACK"},
		},
		"Both": {given: map[string]string{
			"SMS_URL": tencent, "SMS_APP_ID": "1", "SMS_TEMPLATES": "sign_in_code:1,phone_code:2", "SMS_URL_FALLBACK": webhook, "SMS_WEBHOOK_SECRET": canary,
		}},
		"ListWithoutURL": {map[string]string{"SMS_TEMPLATES": "x:1"}, []string{"SMS_URL"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			read, err := Load(complete(c.given))
			if (err == nil) != (c.named == nil) {
				t.Fatalf("got %v", err)
			}

			for _, setting := range c.named {
				if !strings.Contains(err.Error(), setting+":") || strings.Contains(err.Error(), canary) {
					t.Errorf("%v", err)
				}
			}

			for _, setting := range read.Settings() {
				if strings.Contains(setting.Value, canary) {
					t.Errorf("%s is shown", setting.Name)
				}
			}
		})
	}

	c, err := Load(complete(map[string]string{"SMS_URL": tencent, "SMS_APP_ID": "1", "SMS_TEMPLATES": "sign_in_code:1,phone_code:2"}))
	if err != nil || !slices.Equal(c.SMSTemplates, []string{"sign_in_code:1", "phone_code:2"}) {
		t.Errorf("got %q, %v", c.SMSTemplates, err)
	}
}
