// Package outbound makes HTTP requests to other systems: no redirect, no proxy that the environment names, no connection
// that is kept, a time limit for each request and a size limit for each answer. Its errors never show an address, which may
// hold a secret. It does not know what is sent, and does not try again.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Timeout bounds one call, from the first packet to the end of the answer.
const Timeout = 10 * time.Second

// maxAnswer is how much of an answer is read. Nothing in it is looked at.
const maxAnswer = 4 << 10

// Client calls webhooks. It follows no redirect and uses no proxy: either would lead around the Policy.
type Client struct {
	policy Policy
	client *http.Client
}

// NewClient makes a Client.
func NewClient(policy Policy) *Client {
	dialer := &net.Dialer{Timeout: Timeout, Control: policy.control}

	return &Client{policy, &http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			// A connection that went stale while it was idle would leave it open whether a call has arrived.
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Call makes one call, and answers the status. Its errors show neither the address, which may hold a secret, nor
// anything of the answer.
func (c *Client) Call(ctx context.Context, address string, header map[string]string, body []byte) (int, error) {
	// The settings may be others than when the address was taken.
	if err := c.policy.Check(address); err != nil {
		return 0, err
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, ErrAddress // the library's error quotes it
	}

	request.Header.Set("User-Agent", "toolkit-gateway")

	for name, value := range header {
		request.Header.Set(name, value)
	}

	response, err := c.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("no answer: %s", reason(err))
	}
	defer response.Body.Close()

	// So that the receiver is not cut off in the middle of a short answer. What comes of it does not matter.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))

	return response.StatusCode, nil
}

// reason says in our own words what went wrong: the library's name the resolver, and quote what came.
func reason(err error) string {
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
		return fmt.Sprintf("none within %s", Timeout)
	case errors.As(err, &dial) && dial.Op == "dial":
		return "the connection was refused"
	}

	return "the connection broke"
}
