package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
)

// Webhook sends text messages to a program of the operator, which passes them on. Each is a POST with the headers and
// the signature of Standard Webhooks 1.0.0, so that its libraries verify it; the body is webhookBody. A response of 2xx
// means that the message is accepted; 4xx is final, except 408, 425 and 429; everything else, a redirect too, is
// retried.
//
// A message whose response was lost is sent again with the same webhook-id and the same body. The receiver responds
// with 2xx to an id that it knows, and sends the message once.
type Webhook struct {
	client  *outbound.Client
	address string
	secret  standardwebhook.Secret
}

// The statuses of a proxy that does not know what became of the request.
const (
	statusBadGateway     = 502
	statusGatewayTimeout = 504
)

// webhookBody is the body of a request.
type webhookBody struct {
	ID       string            `json:"id"`
	To       string            `json:"to"` // as in +8613800138000
	Text     string            `json:"text"`
	Code     string            `json:"code,omitempty"` // as in the text, for a template
	Kind     Kind              `json:"kind"`
	Language language.Language `json:"language"`
	At       time.Time         `json:"at"` // when it was requested; the header has the time of the attempt
}

func newWebhook(u *url.URL, secret string) (Sender, error) {
	if u.User != nil || u.Fragment != "" {
		return nil, errors.New("the address of a webhook has no user and no fragment")
	}

	key, err := standardwebhook.ParseSecret(secret)
	if err != nil {
		return nil, fmt.Errorf("the secret of the webhook: %w", err)
	}

	return &Webhook{client: outbound.New(smsLimits), address: u.String(), secret: key}, nil
}

// Send makes one attempt.
func (w *Webhook) Send(ctx context.Context, message Outgoing) error {
	if _, err := account.ParsePhone(message.To); err != nil {
		return fmt.Errorf("%w: the recipient is not a phone number", ErrRefused)
	}

	body, err := json.Marshal(webhookBody{
		ID: message.ID, To: message.To, Text: message.Text, Code: message.Code, Kind: message.Kind,
		Language: message.Language, At: message.Queued.UTC(),
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}

	got, err := w.client.Post(ctx, w.address, standardwebhook.Header(message.ID, message.At, body, w.secret), body)
	if err != nil {
		return notSent(fmt.Errorf("webhook: %w", err))
	}

	err = fmt.Errorf("webhook: status %d", got.Status)

	switch {
	case got.Accepted():
		return nil
	case got.Final():
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case got.Status == statusBadGateway || got.Status == statusGatewayTimeout:
		return err // a proxy before the receiver lost its response
	}

	return notAccepted{err}
}
