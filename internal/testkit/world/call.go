package world

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// Call is one HTTP request to a gateway.
type Call struct {
	Method, Path string
	Query        string
	Host         string // replaces the gateway's own, unless empty
	Header       http.Header
	Body         string
	Chunked      bool // sends the body in chunks, without Content-Length
}

// With returns the call with a header set.
func (c Call) With(name string, values ...string) Call {
	c.Header = c.Header.Clone()
	if c.Header == nil {
		c.Header = http.Header{}
	}

	c.Header[http.CanonicalHeaderKey(name)] = values

	return c
}

// WithCookies returns the call with cookies added to its own.
func (c Call) WithCookies(cookies string) Call {
	if there := c.Header.Get("Cookie"); there != "" {
		cookies = there + "; " + cookies
	}

	return c.With("Cookie", cookies)
}

// FromBrowser returns the call with the headers and cookies that the browser would send.
func (c Call) FromBrowser(b *apptest.Browser) Call {
	for name, values := range b.Header() {
		c = c.With(name, values...)
	}

	return c
}

// Without returns the call with a header removed.
func (c Call) Without(name string) Call {
	c.Header = c.Header.Clone()
	c.Header.Del(name)

	return c
}

// Cookies returns the values of all cookies with this name.
func (c Call) Cookies(name string) []string {
	var values []string
	for _, cookie := range (&http.Request{Header: c.Header}).CookiesNamed(name) {
		values = append(values, cookie.Value)
	}

	return values
}

// To sends the request and returns its response. It never ends the test, so that goroutines may call it.
func (c Call) To(tb testing.TB, s *apptest.Server) Reply {
	tb.Helper()

	var body io.Reader = strings.NewReader(c.Body)
	if c.Chunked {
		body = io.MultiReader(body) // hides the length
	}

	request, err := http.NewRequestWithContext(tb.Context(), c.Method, s.URL+c.Path, body)
	if err != nil {
		tb.Errorf("%s %s: %v", c.Method, c.Path, err)

		return Reply{}
	}

	request.URL.RawQuery = c.Query
	request.Host = c.Host

	for name, values := range c.Header {
		request.Header[name] = values
	}

	response, err := s.HTTP.Client().Transport.RoundTrip(request)
	if err != nil {
		tb.Errorf("%s %s: %v", c.Method, c.Path, err)

		return Reply{}
	}
	defer response.Body.Close()

	r := Reply{Status: response.StatusCode, Header: response.Header}

	if r.Body, err = io.ReadAll(response.Body); err != nil {
		tb.Errorf("%s %s: %v", c.Method, c.Path, err)
	}

	if r.Status >= http.StatusBadRequest && len(r.Body) > 0 {
		if err := json.Unmarshal(r.Body, &r.Problem); err != nil {
			tb.Errorf("%s %s: the response %s is not an ErrorBody: %v", c.Method, c.Path, r, err)
		}
	}

	return r
}

// InBrowser sends the call as the browser would and lets the browser keep the cookies of the response. Headers of the
// call itself take precedence; an empty value removes one.
func (c Call) InBrowser(tb testing.TB, s *apptest.Server, b *apptest.Browser) Reply {
	tb.Helper()

	sent := c.FromBrowser(b)
	for name, values := range c.Header {
		sent = sent.With(name, values...)
	}

	got := sent.To(tb, s)

	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		b.SetCookie(cookie.Name, cookie.Value)
	}

	return got
}
