package config

import "net/url"

// smsFaults are those of the settings for text messages. Package delivery knows their exact forms, and rejects wrong ones
// when the server starts.
func (c Config) smsFaults() (f faults) {
	if c.SMSURL == "" {
		f.require(c.SMSWebhookSecret == "" && c.SMSAppID == "" && c.SMSSignName == "" && len(c.SMSTemplates) == 0,
			"SMS_URL: required with any other setting for text messages")

		return f
	}

	u, err := url.Parse(c.SMSURL)
	if err != nil || u.Hostname() == "" {
		f.require(false, "SMS_URL: not of the form tencent://SecretId:SecretKey@host/region or https://host/path")

		return f
	}

	switch {
	case u.Scheme == "tencent":
		f.require(c.SMSAppID != "", "SMS_APP_ID: required for tencent://")
		f.require(len(c.SMSTemplates) > 0, "SMS_TEMPLATES: required for tencent://")
	case u.Scheme == "https", u.Scheme == "http" && c.Mode == Development:
		f.require(c.SMSWebhookSecret != "", "SMS_WEBHOOK_SECRET: required for a webhook")
	case u.Scheme == "http":
		// The network could read the code of a sign-in.
		f.require(false, "SMS_URL: a webhook must be https; http is for development mode only")
	default:
		f.require(false, "SMS_URL: the scheme is neither tencent nor https")
	}

	return f
}
