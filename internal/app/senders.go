package app

import (
	"context"
	"fmt"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// senders returns how messages leave: by SMTP and SMS if these are configured, and into the inbox in development mode.
func (a *App) senders(box *inbox.Inbox) (map[delivery.Channel]delivery.Sender, error) {
	senders := map[delivery.Channel]delivery.Sender{}

	if a.config.SMTPURL != "" {
		smtp, err := delivery.NewSMTP(a.config.SMTPURL, a.config.MailFrom, a.config.Hello())
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL, MAIL_FROM: %w", err)
		}

		senders[delivery.Mail] = smtp
	} else if box == nil {
		a.log.Warn("SMTP_URL is not set: no mail is sent, and no user can register")
	}

	if a.config.SMSURL != "" {
		sms, err := a.smsSender()
		if err != nil {
			return nil, err
		}

		senders[delivery.SMS] = sms
	} else if box == nil {
		a.log.Warn("SMS_URL is not set: no text message is sent, and no user can use a phone number")
	}

	if box != nil {
		senders[delivery.Mail] = box.After(senders[delivery.Mail])
		senders[delivery.SMS] = box.After(senders[delivery.SMS])
	}

	return senders, nil
}

// smsSender returns the provider of text messages, with the one that takes over.
func (a *App) smsSender() (delivery.Sender, error) {
	settings := delivery.SMSSettings{
		URL: a.config.SMSURL, WebhookSecret: a.config.SMSWebhookSecret,
		AppID: a.config.SMSAppID, SignName: a.config.SMSSignName, Templates: a.config.SMSTemplates,
	}

	first, err := delivery.NewSMS(settings)
	if err != nil {
		return nil, fmt.Errorf("SMS_URL and the SMS settings with it: %w", err)
	}

	if a.config.SMSFallbackURL == "" {
		return first, nil
	}

	settings.URL = a.config.SMSFallbackURL

	second, err := delivery.NewSMS(settings)
	if err != nil {
		return nil, fmt.Errorf("SMS_URL_FALLBACK and the SMS settings with it: %w", err)
	}

	return delivery.NewFallback(first, second, a.now), nil
}

// alarm tells that half of a day's budget is spent, or all of it: many users are busy, or an attacker is.
func (a *App) alarm(ctx context.Context, alarm throttle.Alarm) {
	a.metrics.budgetAlarms.WithLabelValues(alarm.Budget).Inc()
	a.log.Error("a daily budget is being spent: `toolkit-gateway limits` shows what is left", "budget", alarm.Budget, "used", alarm.Used, "max", alarm.Max)

	// The alarm was raised in the log; an event that is lost does no further harm.
	_ = audit.RecordAlone(ctx, a.db, a.now(), audit.Event{Action: audit.BudgetAlarm, Subject: alarm.Budget, Detail: map[string]string{
		"used": fmt.Sprint(alarm.Used), "max": fmt.Sprint(alarm.Max),
	}})
}
