package config

import "net/url"

// smsFaults are those of the settings for text messages. Package delivery knows their exact forms, and rejects wrong ones
// when the server starts.
func (c Config) smsFaults() (f faults) {
	if c.SMSURL == "" {
		f.require(c.SMSFallbackURL == "" && c.SMSWebhookSecret == "" && c.SMSAppID == "" && c.SMSSignName == "" && len(c.SMSTemplates) == 0,
			"SMS_URL: required with any other setting for text messages")

		return f
	}

	c.providerFaults(&f, "SMS_URL", c.SMSURL)

	if c.SMSFallbackURL != "" {
		c.providerFaults(&f, "SMS_URL_FALLBACK", c.SMSFallbackURL)
		f.require(c.SMSFallbackURL != c.SMSURL, "SMS_URL_FALLBACK: the same provider as SMS_URL")
	}

	return f
}

// providerFaults adds those of one provider.
func (c Config) providerFaults(f *faults, setting, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		f.require(false, "%s: not of the form tencent://SecretId:SecretKey@host/region or https://host/path", setting)

		return
	}

	switch {
	case u.Scheme == "tencent":
		f.require(c.SMSAppID != "", "SMS_APP_ID: required for tencent://")
		f.require(len(c.SMSTemplates) > 0, "SMS_TEMPLATES: required for tencent://")
	case u.Scheme == "https", u.Scheme == "http" && c.Mode == Development:
		f.require(c.SMSWebhookSecret != "", "SMS_WEBHOOK_SECRET: required for a webhook")
	case u.Scheme == "http":
		// The network could read the code of a sign-in.
		f.require(false, "%s: a webhook must be https; http is for development mode only", setting)
	default:
		f.require(false, "%s: the scheme is neither tencent nor https", setting)
	}
}
