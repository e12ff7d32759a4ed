// Package inbox shows sent messages in development mode, on a page for people and as JSON for
// programs, so that the product can be tried without a mail server. It keeps messages in memory, and
// does not exist in release mode.
package inbox

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/delivery"
)

// kept is how many messages the inbox remembers.
const kept = 500

// Inbox shows what was sent.
type Inbox struct {
	mu       sync.Mutex
	messages []Message // newest first
}

// Message is one message as /dev/inbox returns it.
type Message struct {
	Channel string    `json:"channel"` // mail or sms
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Code    string    `json:"code"` // empty if the message has none
	Link    string    `json:"link"` // likewise
	HTML    string    `json:"html"` // likewise
	At      time.Time `json:"at"`
}

// New returns an empty Inbox.
func New() *Inbox { return &Inbox{} }

// After returns a sender that sends with next, and then shows the message. Without a next, it only
// shows it.
func (i *Inbox) After(next delivery.Sender) delivery.Sender { return sender{inbox: i, next: next} }

type sender struct {
	inbox *Inbox
	next  delivery.Sender
}

func (s sender) Send(ctx context.Context, message delivery.Outgoing) error {
	if s.next != nil {
		if err := s.next.Send(ctx, message); err != nil {
			return err //nolint:wrapcheck // the inbox is transparent
		}
	}

	s.inbox.add(message)

	return nil
}

func (i *Inbox) add(message delivery.Outgoing) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.messages = append([]Message{{
		Channel: string(message.Channel), To: message.To, Subject: message.Subject,
		Text: message.Text, Code: message.Code, Link: message.Link, HTML: message.HTML, At: message.At.UTC(),
	}}, i.messages...)
	i.messages = i.messages[:min(len(i.messages), kept)]
}

// Messages returns the sent messages, newest first.
func (i *Inbox) Messages() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()

	return slices.Clone(i.messages)
}

//go:embed inbox.html
var page string

var pageTemplate = template.Must(template.New("inbox").Parse(page))

// ServeHTTP writes the page, or the JSON list for `Accept: application/json`.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	messages := i.Messages()

	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		if messages == nil {
			messages = []Message{}
		}

		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(messages) // the client has gone: no one reads the error

		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	_ = pageTemplate.Execute(w, messages) // likewise: no one reads the error
}
