package webhook

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// message is the body of a call, in the form that the specification recommends. It is built for each attempt from the
// event, which never changes. Members are added to it, and never removed.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // of the event, as in its at
	Data      event  `json:"data"`
}

// event is the document's AuditEvent.
type event struct {
	ID        int64             `json:"id"`
	At        string            `json:"at"`
	Action    string            `json:"action"`
	AccountID string            `json:"accountId"`
	ActorID   string            `json:"actorId"`
	SessionID string            `json:"sessionId"`
	Subject   string            `json:"subject"`
	Method    string            `json:"method"`
	Address   string            `json:"address"`
	Location  location          `json:"location"`
	UserAgent string            `json:"userAgent"`
	RequestID string            `json:"requestId"`
	Detail    map[string]string `json:"detail"`
}

type location struct {
	Country string `json:"country,omitempty"`
	City    string `json:"city,omitempty"`
}

// timestamp returns the time in the form of the document's Timestamp.
const timestamp = "2006-01-02T15:04:05.000Z"

// messageID is the same for every attempt and every replay of an event, so that the receiver detects duplicates.
func messageID(eventID int64) string { return "evt_" + strconv.FormatInt(eventID, 10) }

func (w *Worker) payload(row db.WebhookDeliveryAttemptRow) ([]byte, error) {
	at := row.At.UTC().Format(timestamp)
	data := event{
		ID: row.ID, At: at, Action: row.Action, AccountID: orEmpty(row.AccountID), ActorID: orEmpty(row.ActorID), SessionID: orEmpty(row.SessionID),
		Subject: row.Subject, Method: row.Method, UserAgent: row.UserAgent, RequestID: row.RequestID, Detail: map[string]string{},
	}

	if row.Address != nil {
		data.Address = row.Address.String()
		data.Location = locate(w.places, *row.Address)
	}

	if row.Detail != nil {
		if err := json.Unmarshal(row.Detail, &data.Detail); err != nil {
			return nil, fmt.Errorf("detail of event %d: %w", row.ID, err)
		}
	}

	body, err := json.Marshal(message{Type: row.Action, Timestamp: at, Data: data})
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", row.ID, err)
	}

	return body, nil
}

// locate names places in Chinese, as every response does to a request without a language.
func locate(places *geo.Locator, address netip.Addr) location {
	country, city := places.Locate(address, language.Parse(""))

	return location{Country: country, City: city}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}

	return *s
}
