//go:build battery

package attack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// client is a user's app or browser at an address. Its requests go to the two replicas in turn. It keeps cookies as a
// browser does, and sends secure ones over plain HTTP: the proxy that ends TLS is the test.
type client struct {
	g       *gateway
	address string // in X-Forwarded-For
	agent   string
	bearer  string
	refresh string
	device  string   // what X-Device-Token brought
	pinned  *replica // gets all requests, if set

	mu      sync.Mutex
	cookies map[string]string
	turn    atomic.Int64
	sent    atomic.Int64
}

func (g *gateway) client(address string) *client {
	return &client{g: g, address: address, agent: "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0", cookies: map[string]string{}}
}

// reply is a response.
type reply struct {
	status int
	code   string
	wait   time.Duration
	header http.Header
	body   []byte
	value  map[string]any
	took   time.Duration
}

func (r reply) String() string {
	text := strconv.Itoa(r.status)
	if r.code != "" {
		text += " " + r.code
	}

	if r.wait > 0 {
		text += fmt.Sprintf(" Retry-After: %.0f", r.wait.Seconds())
	}

	return text
}

func (r reply) ok() bool { return r.status >= 200 && r.status < 300 }

func (r reply) text(name string) string {
	text, _ := r.value[name].(string)

	return text
}

// call sends a request. A body of type url.Values is a form; any other is JSON. headers are "Name: value".
func (c *client) call(t *testing.T, method, path string, body any, headers ...string) reply {
	t.Helper()

	request := c.request(t, method, path, body, headers...)
	begun := time.Now()

	response, err := c.g.http.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()

	return c.read(t, response, begun)
}

func (c *client) request(t *testing.T, method, path string, body any, headers ...string) *http.Request {
	t.Helper()

	var content []byte

	media := ""

	switch values := body.(type) {
	case nil:
	case url.Values:
		content, media = []byte(values.Encode()), "application/x-www-form-urlencoded"
	case []byte:
		content, media = values, "application/json"
	default:
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}

		media = "application/json"
	}

	replica := c.g.replicas[int(c.turn.Add(1))%len(c.g.replicas)]
	if c.pinned != nil {
		replica = c.pinned
	}

	request, err := http.NewRequestWithContext(t.Context(), method, replica.url+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}

	c.sent.Add(1)
	c.dress(request.Header, media)

	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}

	return request
}

// dress sets what the client sends with every request.
func (c *client) dress(header http.Header, media string) {
	header.Set("Accept-Language", "en")
	header.Set("User-Agent", c.agent)

	for name, value := range map[string]string{"Content-Type": media, "X-Forwarded-For": c.address, "X-Device-Token": c.device} {
		if value != "" {
			header.Set(name, value)
		}
	}

	if c.bearer != "" {
		header.Set("Authorization", "Bearer "+c.bearer)
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	if token := c.cookies["XSRF-TOKEN"]; token != "" && c.bearer == "" {
		header.Set("X-XSRF-TOKEN", token)
	}

	var all []string
	for name, value := range c.cookies {
		all = append(all, name+"="+value)
	}

	if len(all) > 0 {
		header.Set("Cookie", strings.Join(all, "; "))
	}
}

func (c *client) read(t *testing.T, response *http.Response, begun time.Time) reply {
	t.Helper()

	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	r := reply{status: response.StatusCode, header: response.Header, body: body, took: time.Since(begun)}
	_ = json.Unmarshal(body, &r.value)
	r.code = r.text("code")

	if r.ok() {
		r.code = ""
	}

	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		r.wait = time.Duration(seconds) * time.Second
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	for _, cookie := range response.Cookies() {
		if cookie.MaxAge < 0 || cookie.Value == "" {
			delete(c.cookies, cookie.Name)
		} else {
			c.cookies[cookie.Name] = cookie.Value
		}
	}

	if token := response.Header.Get("X-Device-Token"); token != "" {
		c.device = token
	}

	return r
}

// login signs an app in. extra is the second factor, if one is asked for.
func (c *client) login(t *testing.T, email, password string, extra ...string) reply {
	t.Helper()

	form := url.Values{"email": {email}, "password": {password}}
	if len(extra) > 0 {
		form.Set("totp", extra[0])
	}

	bearer := c.bearer
	c.bearer = ""
	r := c.call(t, http.MethodPost, "/api/auth/login", form)
	c.bearer = bearer

	if r.ok() {
		c.bearer, c.refresh = r.text("access_token"), r.text("refresh_token")
	}

	return r
}

// load makes a browser's first call, which brings the cookie against XSRF.
func (c *client) load(t *testing.T) *client {
	t.Helper()

	if r := c.call(t, http.MethodGet, "/", nil); r.status != http.StatusOK {
		t.Fatalf("GET /: %s", r)
	}

	return c
}

// signIn signs a browser in.
func (c *client) signIn(t *testing.T, email, password string) reply {
	t.Helper()

	return c.load(t).call(t, http.MethodPost, "/login", map[string]any{"email": email, "password": password})
}

// must ends the test unless the call succeeded.
func (r reply) must(t *testing.T, what string) reply {
	t.Helper()

	if !r.ok() {
		t.Fatalf("%s: %s %s", what, r, r.body)
	}

	return r
}

// app returns an app at an address that has signed in.
func (g *gateway) app(t *testing.T, email, address string) *client {
	t.Helper()

	c := g.client(address)
	c.login(t, email, secret).must(t, "sign in as "+email)

	return c
}

// browser returns a browser at an address that has signed in.
func (g *gateway) browser(t *testing.T, email, address string) *client {
	t.Helper()

	c := g.client(address)
	c.signIn(t, email, secret).must(t, "sign in as "+email)

	return c
}

// stranger returns a client of an attacker: a browser without any credential.
func (g *gateway) stranger(t *testing.T, address string) *client {
	t.Helper()

	return g.client(address).load(t)
}

// flood runs n calls, at most twelve at once.
func flood(n int, call func(i int)) {
	var running sync.WaitGroup

	slots := make(chan struct{}, 12)

	for i := range n {
		slots <- struct{}{}

		running.Go(func() {
			defer func() { <-slots }()

			call(i)
		})
	}

	running.Wait()
}
