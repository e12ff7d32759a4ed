package delivery

import (
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

// call is one request that a provider received.
type call struct {
	request *http.Request
	body    []byte
}

// provider is the other side of a sender: it records requests, and responds as the test sets.
type provider struct {
	*httptest.Server

	mu    sync.Mutex
	calls []call
}

func newProvider(t *testing.T, reply http.HandlerFunc) *provider {
	t.Helper()

	p := &provider{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}

		p.mu.Lock()
		p.calls = append(p.calls, call{r, body})
		p.mu.Unlock()

		reply(w, r)
	}))
	p.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // connections are cut on purpose
	p.StartTLS()
	t.Cleanup(p.Close)

	return p
}

func (p *provider) got() []call {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.calls
}

// client returns a client that trusts the provider's certificate.
func (p *provider) client(timeout time.Duration) *outbound.Client {
	trusting := smsLimits
	trusting.Timeout, trusting.Roots = timeout, x509.NewCertPool()
	trusting.Roots.AddCert(p.Certificate())

	return outbound.New(trusting)
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// The secrets of the senders under test. No error may contain one.
const (
	canaryKey  = "canary-tencent-secret-key"
	canaryPath = "canary-in-the-address"
)

// tencent returns a sender whose service is the provider.
func tencent(t *testing.T, p *provider) *Tencent {
	t.Helper()

	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}

	s, err := NewSMS(SMSSettings{
		URL: "tencent://an-id:" + canaryKey + "@" + u.Host + "/ap-guangzhou", AppID: "1400006666", SignName: "科能",
		Templates: []string{"sign_in_code:1110", "phone_code:1111", "sign_in_code_global:2110"},
	})
	if err != nil {
		t.Fatal(err)
	}

	s.(*Tencent).client = p.client(smsLimits.Timeout)

	return s.(*Tencent)
}

// whsec is the secret of the example that the implementations of Standard Webhooks share.
const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// webhook returns a sender whose receiver is the provider.
func webhook(t *testing.T, p *provider) *Webhook {
	t.Helper()

	s, err := NewSMS(SMSSettings{URL: p.URL + "/sms?key=" + canaryPath, WebhookSecret: whsec})
	if err != nil {
		t.Fatal(err)
	}

	s.(*Webhook).client = p.client(smsLimits.Timeout)

	return s.(*Webhook)
}

// senders returns both, with a success response of each.
func senders(t *testing.T, reply http.HandlerFunc) map[string]struct {
	Sender

	provider *provider
	client   **outbound.Client // the sender's
} {
	t.Helper()

	first, second := newProvider(t, reply), newProvider(t, reply)
	one, other := tencent(t, first), webhook(t, second)

	return map[string]struct {
		Sender

		provider *provider
		client   **outbound.Client // the sender's
	}{
		"Tencent": {one, first, &one.client}, "Webhook": {other, second, &other.client},
	}
}

// sms returns a message to a phone, as the worker passes it.
func sms(t *testing.T, kind Kind, to string) Outgoing {
	t.Helper()

	rendered, err := renderSMS(kind, language.English, "042137", 5)
	if err != nil {
		t.Fatal(err)
	}

	return Outgoing{
		ID: "an-id", Channel: SMS, Kind: kind, To: to, Rendered: rendered, Language: language.English, Code: "042137", Minutes: 5,
		Queued: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), At: time.Date(2026, 1, 2, 3, 4, 35, 0, time.UTC),
	}
}

const (
	mainland = "+8613800138000"
	abroad   = "+61412345678"
)

// withoutCanary checks an error of a sender: a log may contain it.
func withoutCanary(t *testing.T, err error) {
	t.Helper()

	if err == nil {
		return
	}

	for _, secret := range []string{canaryKey, canaryPath, whsec[len("whsec_"):], "042137", mainland[1:]} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows %s", err, secret)
		}
	}
}
