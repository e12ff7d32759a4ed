package app

import (
	"fmt"

	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// senders are how messages leave: by SMTP and SMS where those are configured, and into the inbox.
func (a *App) senders(box *inbox.Inbox) (map[delivery.Channel]delivery.Sender, error) {
	senders := map[delivery.Channel]delivery.Sender{}

	if a.config.SMTPURL != "" {
		smtp, err := delivery.NewSMTP(a.config.SMTPURL, a.config.MailFrom)
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL, MAIL_FROM: %w", err)
		}

		senders[delivery.Mail] = smtp
	} else if box == nil {
		a.log.Warn("SMTP_URL is not set: no mail will be sent, and nobody can register")
	}

	if a.config.SMSURL != "" {
		sms, err := delivery.NewSMS(delivery.SMSSettings{
			URL: a.config.SMSURL, WebhookSecret: a.config.SMSWebhookSecret,
			AppID: a.config.SMSAppID, SignName: a.config.SMSSignName, Templates: a.config.SMSTemplates,
		})
		if err != nil {
			return nil, fmt.Errorf("SMS_URL and the SMS settings with it: %w", err)
		}

		senders[delivery.SMS] = sms
	} else if box == nil {
		a.log.Warn("SMS_URL is not set: no text message will be sent, and nobody can use a phone")
	}

	if box != nil {
		senders[delivery.Mail] = box.After(senders[delivery.Mail])
		senders[delivery.SMS] = box.After(senders[delivery.SMS])
	}

	return senders, nil
}

// smsSpent is the alarm of the daily ceiling: either many people sign in by SMS, or somebody spends our money.
func (a *App) smsSpent() {
	a.metrics.smsSpent.Inc()
	a.log.Error("the last text message of the day is taken: nobody gets one until the day's window ends", "setting", "SMS_PER_DAY", "most", a.config.SMSPerDay)
}
