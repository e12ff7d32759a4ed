//go:build battery && linux

package failover_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/konec/toolkit-gateway/gen/client"
)

const (
	users     = 20
	sessions  = 10 // of each user
	secret    = "correct horse battery staple"
	userAgent = "Toolkit Desktop"
)

// load is users of the apps, who call the gateways through HAProxy, and a record of their calls.
type load struct {
	cluster *cluster
	http    http.Client
	ended   chan struct{}
	work    sync.WaitGroup

	mu           sync.Mutex
	calls        []*call
	acknowledged map[string]int64 // by session: the generation of the newest refresh token that its client has received
	registered   []string
	signedOut    int
}

// call is a request and what became of it. It has not ended if ended is zero.
type call struct {
	operation    string
	began, ended time.Time
	result       string // ok, a status and what it is about, or "no response"
}

const ok = "ok"

// startLoad signs the users in. Each session then refreshes every 1 to 20 seconds. One user registers every two seconds,
// and signs in.
func startLoad(t *testing.T, c *cluster) *load {
	t.Helper()

	l := newLoad(t, c)

	for i := range users * sessions {
		l.work.Go(func() { l.useSession(address(i / sessions)) })
	}

	l.work.Go(func() { l.register(t) })

	return l
}

// newLoad imports the users.
func newLoad(t *testing.T, c *cluster) *load {
	t.Helper()

	l := &load{
		cluster: c, ended: make(chan struct{}), acknowledged: map[string]int64{},
		http: http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: users * sessions}},
	}

	l.importUsers(t)
	t.Cleanup(l.stop)

	return l
}

func address(user int) string { return fmt.Sprintf("user%d@konec.test", user) }

func (l *load) stop() {
	l.mu.Lock()
	select {
	case <-l.ended:
	default:
		close(l.ended)
	}
	l.mu.Unlock()
	l.work.Wait()
}

// pause waits between two calls. It returns false when the load is to stop.
func (l *load) pause(d time.Duration) bool {
	select {
	case <-l.ended:
		return false
	case <-time.After(d):
		return true
	}
}

func (l *load) importUsers(t *testing.T) {
	t.Helper()

	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}

	var lines strings.Builder
	for i := range users {
		fmt.Fprintf(&lines, "{\"email\": %q, \"name\": \"User\", \"passwordHash\": %q}\n", address(i), hash)
	}

	if _, err := l.cluster.try(lines.String(), "gateway", "account", "import", "--format", "json", "-"); err != nil {
		t.Fatal(err)
	}
}

// useSession signs in, and refreshes and reads the account until the load stops.
func (l *load) useSession(email string) {
	tokens := l.signIn(email)

	for l.pause(time.Second + rand.N(19*time.Second)) {
		var next client.Tokens

		status := l.post("refresh", "/api/auth/refresh", client.RefreshRequest{RefreshToken: tokens.RefreshToken}, &next)

		// A client repeats what had no response, with the same token.
		for status != http.StatusOK && status != http.StatusUnauthorized && l.pause(2*time.Second) {
			status = l.post("refresh again", "/api/auth/refresh", client.RefreshRequest{RefreshToken: tokens.RefreshToken}, &next)
		}

		switch status {
		case http.StatusOK:
			tokens = next
			l.acknowledge(tokens.RefreshToken)
		case http.StatusUnauthorized:
			l.countSignedOut()
			tokens = l.signIn(email)
		}

		request, _ := http.NewRequest(http.MethodGet, balancer+"/api/users/me", http.NoBody)
		request.Header.Set("Authorization", "Bearer "+tokens.AccessToken)

		if l.send("me", request, nil) == http.StatusUnauthorized {
			l.countSignedOut()
		}
	}
}

// signIn signs in, however often it takes.
func (l *load) signIn(email string) (tokens client.Tokens) {
	for {
		form := url.Values{"email": {email}, "password": {secret}}.Encode()
		request, _ := http.NewRequest(http.MethodPost, balancer+"/api/auth/login", strings.NewReader(form))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")

		if l.send("sign-in", request, &tokens) == http.StatusOK {
			l.acknowledge(tokens.RefreshToken)

			return tokens
		}

		if !l.pause(time.Second + rand.N(time.Second)) {
			return tokens
		}
	}
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// register registers one user after the other, each with the code of the mail, and signs in as every fifth of them.
func (l *load) register(t *testing.T) {
	for i := 0; l.pause(2 * time.Second); i++ {
		email := fmt.Sprintf("newcomer%d@konec.test", i)

		if l.post("send-code", "/api/users/register/send-code", client.SendCodeRequest{Email: email}, nil) != http.StatusOK {
			continue
		}

		body := client.RegisterRequest{Username: "Newcomer", Email: email, Password: secret, VerificationCode: l.code(t, email)}

		status := l.post("register", "/api/users/register", body, nil)
		for (status == 0 || status >= 500) && l.pause(2*time.Second) {
			status = l.post("register again", "/api/users/register", body, nil)
		}

		if status != http.StatusCreated {
			continue
		}

		l.mu.Lock()
		l.registered = append(l.registered, email)
		l.mu.Unlock()

		if i%5 == 0 {
			l.signIn(email)
		}
	}
}

// code returns the code of the mail, or "" if none arrives within a minute.
func (l *load) code(t *testing.T, email string) string {
	for range 600 {
		if messages := l.cluster.mails.To(email); len(messages) > 0 {
			return sixDigits.FindString(messages[0].Read(t).Parts[0].Body)
		}

		if !l.pause(100 * time.Millisecond) {
			break
		}
	}

	return ""
}

func (l *load) post(operation, path string, body, into any) int {
	text, _ := json.Marshal(body)
	request, _ := http.NewRequest(http.MethodPost, balancer+path, bytes.NewReader(text))
	request.Header.Set("Content-Type", "application/json")

	return l.send(operation, request, into)
}

// send sends the request and records the call. It returns 0 if there was no response.
func (l *load) send(operation string, request *http.Request, into any) int {
	request.Header.Set("User-Agent", userAgent)

	one := &call{operation: operation, began: time.Now()}

	l.mu.Lock()
	l.calls = append(l.calls, one)
	l.mu.Unlock()

	status, body := 0, []byte(nil)

	if response, err := l.http.Do(request); err == nil {
		if body, err = io.ReadAll(response.Body); err == nil {
			status = response.StatusCode
		}

		response.Body.Close()
	}

	if status == http.StatusOK && into != nil {
		_ = json.Unmarshal(body, into)
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	one.ended, one.result = time.Now(), resultOf(status, body)

	return status
}

func resultOf(status int, body []byte) string {
	var failure struct{ Code string }

	switch {
	case status == 0:
		return "no response"
	case status < http.StatusBadRequest:
		return ok
	case json.Unmarshal(body, &failure) != nil || failure.Code == "":
		return fmt.Sprintf("%d of HAProxy", status)
	}

	return fmt.Sprintf("%d %s", status, failure.Code)
}

// acknowledge records the generation of a refresh token that was received. See package token for its form.
func (l *load) acknowledge(token string) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < 25 {
		panic("not a refresh token: " + token)
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	l.acknowledged[base64.RawURLEncoding.EncodeToString(raw[1:17])] = int64(binary.BigEndian.Uint64(raw[17:25]))
}

func (l *load) countSignedOut() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.signedOut++
}
