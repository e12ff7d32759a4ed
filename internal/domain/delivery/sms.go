package delivery

import (
	"errors"
	"net/url"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

// SMSSettings are the settings for text messages.
type SMSSettings struct {
	// URL is tencent://SecretId:SecretKey@sms.tencentcloudapi.com/ap-guangzhou, or the https:// address of a Webhook.
	// The check of the settings decides whether http:// is allowed.
	URL string

	WebhookSecret string // of a Webhook

	AppID     string   // of Tencent
	SignName  string   // likewise
	Templates []string // likewise, as KEY:ID; see templates
}

// notSent marks an error of a request that never left this machine.
func notSent(err error) error {
	if errors.Is(err, outbound.ErrNotSent) {
		return notAccepted{err}
	}

	return err
}

// smsLimits are those of one request to a provider. No sender expects a longer response.
var smsLimits = outbound.Settings{Timeout: 15 * time.Second, Handshake: 10 * time.Second, MaxAnswer: 64 << 10}

// NewSMS returns the sender for the settings.
func NewSMS(s SMSSettings) (Sender, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Hostname() == "" {
		// The parser's message quotes the URL, and with it the key.
		return nil, errors.New("not of the form tencent://SecretId:SecretKey@host/region or https://host/path")
	}

	switch u.Scheme {
	case "tencent":
		return newTencent(u, s)
	case "https", "http":
		return newWebhook(u, s.WebhookSecret)
	}

	return nil, errors.New("the scheme is neither tencent nor https")
}
