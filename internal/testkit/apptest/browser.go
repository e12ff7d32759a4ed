package apptest

import (
	"net/http"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
)

// Browser calls the public surface as the console does: it keeps cookies, and sends the XSRF cookie back as a header.
// Unlike a real browser it sends secure cookies over plain HTTP.
type Browser struct {
	Client *client.ClientWithResponses
	HTTP   *http.Client

	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

// Browser returns a new browser without cookies.
func (s *Server) Browser(tb testing.TB) *Browser {
	tb.Helper()

	b := &Browser{cookies: map[string]*http.Cookie{}}
	b.HTTP = &http.Client{
		Transport:     transport{browser: b, next: s.HTTP.Client().Transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}

	var err error

	b.Client, err = client.NewClientWithResponses(s.URL, client.WithHTTPClient(b.HTTP))
	if err != nil {
		tb.Fatal(err)
	}

	return b
}

// SignedIn returns a new browser that has signed in with an address and Password.
func (s *Server) SignedIn(tb testing.TB, email string) *Browser {
	tb.Helper()

	b := s.Browser(tb)
	b.Load(tb)

	response, err := b.Client.SignInWithResponse(tb.Context(), client.SignInRequest{Email: email, Password: Password})
	if err != nil {
		tb.Fatal(err)
	}

	if response.StatusCode() != http.StatusNoContent {
		tb.Fatalf("sign in: %s: %s", response.Status(), response.Body)
	}

	return b
}

// Load makes the console's first call.
func (b *Browser) Load(tb testing.TB) {
	tb.Helper()

	response, err := b.Client.LoadWithResponse(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}

	if response.StatusCode() != http.StatusOK {
		tb.Fatalf("load: %s: %s", response.Status(), response.Body)
	}
}

// Verify returns the status of GET /verify.
func (b *Browser) Verify(tb testing.TB) int {
	tb.Helper()

	response, err := b.Client.VerifyWithResponse(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}

	return response.StatusCode()
}

// Cookie returns the value of a cookie, or an empty string if there is none.
func (b *Browser) Cookie(name string) string {
	if c := b.Received(name); c != nil {
		return c.Value
	}

	return ""
}

// Received returns a cookie as it was set, or nil if there is none.
func (b *Browser) Received(name string) *http.Cookie {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.cookies[name]
}

// SetCookie stores a cookie; an empty value removes it.
func (b *Browser) SetCookie(name, value string) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if value == "" {
		delete(b.cookies, name)

		return
	}

	b.cookies[name] = &http.Cookie{Name: name, Value: value}
}

// Copy returns another browser with the current cookies.
func (b *Browser) Copy(tb testing.TB, s *Server) *Browser {
	tb.Helper()

	other := s.Browser(tb)

	b.mu.Lock()
	defer b.mu.Unlock()

	for name, cookie := range b.cookies {
		other.cookies[name] = cookie
	}

	return other
}

type transport struct {
	browser *Browser
	next    http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	b := t.browser
	r = r.Clone(r.Context())

	b.mu.Lock()

	for _, cookie := range b.cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}

	if token, there := b.cookies["XSRF-TOKEN"]; there && r.Header["X-Xsrf-Token"] == nil {
		r.Header.Set("X-XSRF-TOKEN", token.Value)
	}

	b.mu.Unlock()

	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	for _, cookie := range response.Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie
		}
	}

	return response, nil
}

// Header returns what the browser adds to a request: its cookies and the XSRF token.
func (b *Browser) Header() http.Header {
	b.mu.Lock()
	defer b.mu.Unlock()

	header := http.Header{}

	for _, cookie := range b.cookies {
		if text := header.Get("Cookie"); text != "" {
			header.Set("Cookie", text+"; "+cookie.Name+"="+cookie.Value)
		} else {
			header.Set("Cookie", cookie.Name+"="+cookie.Value)
		}
	}

	if token, there := b.cookies["XSRF-TOKEN"]; there {
		header.Set("X-XSRF-TOKEN", token.Value)
	}

	return header
}
