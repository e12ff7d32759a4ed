package world

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// WithCookies adds cookies to those of the call.
func (c Call) WithCookies(cookies string) Call {
	if there := c.Header.Get("Cookie"); there != "" {
		cookies = there + "; " + cookies
	}

	return c.With("Cookie", cookies)
}

// Call is one request.
type Call struct {
	Method, Path string
	Query        string
	Host         string
	Header       http.Header
	Body         string
	Chunked      bool
}

// With sets a header.
func (c Call) With(name string, values ...string) Call {
	c.Header = c.Header.Clone()
	if c.Header == nil {
		c.Header = http.Header{}
	}

	c.Header[http.CanonicalHeaderKey(name)] = values

	return c
}

// FromBrowser sends what a browser would.
func (c Call) FromBrowser(b *apptest.Browser) Call {
	for name, values := range b.Header() {
		c = c.With(name, values...)
	}

	return c
}

func (c Call) Without(name string) Call {
	c.Header = c.Header.Clone()
	c.Header.Del(name)

	return c
}

// Cookies are the values of the cookies of a name.
func (c Call) Cookies(name string) []string {
	var values []string
	for _, cookie := range (&http.Request{Header: c.Header}).CookiesNamed(name) {
		values = append(values, cookie.Value)
	}

	return values
}

// Reply is what came back.
type Reply struct {
	Status  int
	Header  http.Header
	Body    []byte
	Problem struct {
		Success   *bool
		Code      string
		Message   string
		RequestID string
		Errors    []struct{ Field, Message string }
	}
}

func (r Reply) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

// Fields are what an input error blames.
func (r Reply) Fields() []string {
	var names []string
	for _, one := range r.Problem.Errors {
		names = append(names, one.Field)
	}

	return names
}

// To sends the request. It never ends the test, so that goroutines may call it.
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
			tb.Errorf("%s %s answered %s, which is no Error: %v", c.Method, c.Path, r, err)
		}
	}

	return r
}

// InBrowser sends the call as the browser would, and lets the browser keep the cookies of the answer. What the
// call sets itself stands, an empty header for none.
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
