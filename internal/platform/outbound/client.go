// Package outbound makes HTTP requests to other systems: no redirect, no proxy from the environment, no connection kept for
// the next request, a time limit for each request and a size limit for each answer. Its errors never show the address, which
// may hold a secret. It does not know what it sends, and never repeats a request.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// maxHeader is the limit for the header of an answer, in bytes.
const maxHeader = 64 << 10

var errTooLong = errors.New("the answer is too long")

// ErrNotSent reports that the request never left this machine: the other system did not accept the connection.
var ErrNotSent = errors.New("no connection")

// Settings are the limits of one Client.
type Settings struct {
	Timeout   time.Duration  // of a request, from the first packet to the end of the answer
	Handshake time.Duration  // of TLS, which is part of that
	MaxAnswer int            // bytes of an answer that are read
	Roots     *x509.CertPool // the certificate authorities to trust; nil for those of the system
}

// Client makes requests.
type Client struct {
	settings Settings
	policy   *Policy // nil: each address is the operator's
	client   *http.Client
}

// New makes a Client for addresses from the server's own settings.
func New(s Settings) *Client { return newClient(nil, s) }

// NewGuarded makes a Client for addresses that someone else chose (server-side request forgery): the policy is applied to the
// address, and to what its name resolves to when the connection is made. An error is a NoAnswer, because the person who chose the
// address reads it.
func NewGuarded(policy Policy, s Settings) *Client { return newClient(&policy, s) }

func newClient(policy *Policy, s Settings) *Client {
	transport := &http.Transport{
		TLSHandshakeTimeout:    s.Handshake,
		MaxResponseHeaderBytes: maxHeader,
		// A request on a connection that went stale while idle may have arrived or not: no one could tell.
		DisableKeepAlives: true,
	}

	if s.Roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	}

	if policy != nil {
		transport.DialContext = (&net.Dialer{Timeout: s.Timeout, Control: policy.control}).DialContext
	}

	return &Client{settings: s, policy: policy, client: &http.Client{
		Timeout:       s.Timeout,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is the response.
type Answer struct {
	Status int
	Body   []byte // its first Settings.MaxAnswer bytes
	Cut    error  // why Body is incomplete; nil if it is complete
}

// Accepted reports whether the other system accepted the request: 2xx.
func (a Answer) Accepted() bool { return a.Status/100 == 2 }

// Final reports whether a repeat would be refused as well: 4xx, except the three statuses that are about the moment.
func (a Answer) Final() bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}

	return a.Status/100 == 4
}

// Get makes one GET request.
func (c *Client) Get(ctx context.Context, address string, header map[string]string) (Answer, error) {
	return c.do(ctx, http.MethodGet, address, header, nil)
}

// Post makes one POST request.
func (c *Client) Post(ctx context.Context, address string, header map[string]string, body []byte) (Answer, error) {
	return c.do(ctx, http.MethodPost, address, header, body)
}

func (c *Client) do(ctx context.Context, method, address string, header map[string]string, body []byte) (Answer, error) {
	// The policy may have changed since the address was stored.
	if c.policy != nil {
		if err := c.policy.Check(address); err != nil {
			return Answer{}, err
		}
	}

	var connected atomic.Bool

	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})

	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, ErrAddress // the library's error quotes it
	}

	request.Header.Set("User-Agent", "toolkit-gateway")

	for name, value := range header {
		request.Header.Set(name, value)
	}

	response, err := c.client.Do(request)
	if err != nil {
		return Answer{}, c.failure(err, connected.Load())
	}
	defer response.Body.Close()

	answer := Answer{Status: response.StatusCode}

	// One byte more than the limit distinguishes a response that is too long from one that just fits.
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, int64(c.settings.MaxAnswer)+1))

	switch {
	case len(answer.Body) > c.settings.MaxAnswer:
		answer.Body, answer.Cut = answer.Body[:c.settings.MaxAnswer], errTooLong
	case err != nil:
		answer.Cut = fmt.Errorf("the answer broke off: %w", err)
	}

	return answer, nil
}

// NoAnswer is the error of a guarded request without an answer. Its text is always the same: a name that does not exist, a closed
// port, a silent one and one that does not use TLS would otherwise differ, and webhooks would scan a network.
type NoAnswer struct {
	Reason string // in our own words, for the operator's log only
}

func (NoAnswer) Error() string { return "no answer" }

// failure is the error for a request without an answer. connected reports whether the request may have been sent.
func (c *Client) failure(err error, connected bool) error {
	if c.policy != nil {
		return NoAnswer{Reason: c.reason(err)}
	}

	if withAddress, ok := errors.AsType[*url.Error](err); ok {
		err = withAddress.Err
	}

	if !connected {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}

	return fmt.Errorf("no answer: %w", err)
}

// reason describes the error in our own words: the library's text names the resolver, and quotes the response.
func (c *Client) reason(err error) string {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		dial        *net.OpError
		call        *url.Error
	)

	switch {
	case errors.Is(err, ErrInside):
		return ErrInside.Error()
	case errors.As(err, &name):
		return "the name was not found"
	case errors.As(err, &certificate):
		return "the certificate is not valid"
	case errors.As(err, &call) && call.Timeout():
		return fmt.Sprintf("none within %s", c.settings.Timeout)
	case errors.As(err, &dial) && dial.Op == "dial":
		return "the connection was refused"
	}

	return "the connection broke"
}
