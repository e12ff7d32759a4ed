//go:build battery

package attack_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// provider is a provider of text messages, which accepts all.
type provider struct {
	*httptest.Server

	mu    sync.Mutex
	texts []text
}

// text is a text message.
type text struct{ To, Text, Code string }

func newProvider(t *testing.T) *provider {
	t.Helper()

	p := &provider{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}

		var received text
		if json.Unmarshal(body, &received) == nil {
			p.mu.Lock()
			p.texts = append(p.texts, received)
			p.mu.Unlock()
		}
	}))
	t.Cleanup(p.Close)

	return p
}

// certificate returns the file of the provider's certificate, for SSL_CERT_FILE.
func (p *provider) certificate(t *testing.T) string {
	t.Helper()

	return pemFile(t, p.Certificate().Raw)
}

// to returns the messages to a number, the oldest first.
func (p *provider) to(phone string) (found []text) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for _, one := range p.texts {
		if one.To == phone {
			found = append(found, one)
		}
	}

	return found
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return len(p.texts)
}

// mail is what a user reads in a mail.
type mail struct{ subject, body, code, link string }

var (
	codeInMail = regexp.MustCompile(`(?m)^\s+(\d{6})\s*$`)
	linkInMail = regexp.MustCompile(`https?://localhost:8080/\S+token=\S+`)
)

// mailsTo returns the mails to an address, the oldest first.
func (g *gateway) mailsTo(t *testing.T, address string) (found []mail) {
	t.Helper()

	for _, message := range g.mails.To(address) {
		read := message.Read(t)

		for _, part := range read.Parts {
			if !strings.HasPrefix(part.Type, "text/plain") {
				continue
			}

			one := mail{subject: read.Subject, body: part.Body, link: linkInMail.FindString(part.Body)}
			if match := codeInMail.FindStringSubmatch(part.Body); match != nil {
				one.code = match[1]
			}

			found = append(found, one)
		}
	}

	return found
}

// mailAfter waits for a mail beyond the first n, and returns the newest.
func (g *gateway) mailAfter(t *testing.T, address string, n int) (newest mail) {
	t.Helper()

	eventually(t, "a mail to "+address, func() bool { return len(g.mails.To(address)) > n })

	found := g.mailsTo(t, address)

	return found[len(found)-1]
}

// delivered waits until no mail to an address is under way, and returns how many there were so far.
func (g *gateway) delivered(t *testing.T, address string) int {
	t.Helper()

	eventually(t, "the mails to "+address+" are sent", func() bool {
		return one[int](t, g, "SELECT count(*) FROM delivery WHERE state = 'queued' AND recipient = $1", address) == 0
	})

	return len(g.mails.To(address))
}
