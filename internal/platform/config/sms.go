package config

import (
	"errors"
	"net/url"
)

// smsFaults are what cannot work among the settings of text messages. Their exact forms are known by
// internal/delivery, which refuses them when the server starts.
func (c Config) smsFaults() []error {
	if c.SMSURL == "" {
		if c.SMSWebhookSecret != "" || c.SMSAppID != "" || c.SMSSignName != "" || len(c.SMSTemplates) > 0 {
			return []error{errors.New("SMS_URL: required with any other setting for text messages")}
		}

		return nil
	}

	u, err := url.Parse(c.SMSURL)
	if err != nil || u.Hostname() == "" {
		return []error{errors.New("SMS_URL: not of the form tencent://SecretId:SecretKey@host/region or https://host/path")}
	}

	var faults []error

	switch {
	case u.Scheme == "tencent":
		if c.SMSAppID == "" {
			faults = append(faults, errors.New("SMS_APP_ID: required for tencent://"))
		}

		if len(c.SMSTemplates) == 0 {
			faults = append(faults, errors.New("SMS_TEMPLATES: required for tencent://"))
		}
	case u.Scheme == "https", u.Scheme == "http" && c.Mode == Development:
		if c.SMSWebhookSecret == "" {
			faults = append(faults, errors.New("SMS_WEBHOOK_SECRET: required for a webhook"))
		}
	case u.Scheme == "http":
		// The code of a sign-in would be there for everybody on the way to read.
		faults = append(faults, errors.New("SMS_URL: a webhook must be https; http is for development mode only"))
	default:
		faults = append(faults, errors.New("SMS_URL: the scheme is neither tencent nor https"))
	}

	return faults
}
