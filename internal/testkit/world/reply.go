package world

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Reply is the response to a Call. Problem is filled if the response is an error.
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

// String returns the status and the body, for messages of failed tests.
func (r Reply) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

// Fields returns the names of the fields that an input error reports.
func (r Reply) Fields() []string {
	var names []string
	for _, one := range r.Problem.Errors {
		names = append(names, one.Field)
	}

	return names
}

// StatusAndCode returns the status of a response and the code of its error. The code of a redirect is in its query string.
func StatusAndCode(got Reply) string {
	reason := got.Problem.Code

	if got.Status/100 == 3 {
		if to, err := url.Parse(got.Header.Get("Location")); err == nil {
			reason = to.Query().Get("error")
		}
	}

	return strings.TrimSpace(fmt.Sprintf("%d %s", got.Status, reason))
}

// RetryAfter returns the Retry-After of a response, or zero if it has none.
func RetryAfter(t *testing.T, got Reply) time.Duration {
	t.Helper()

	text := got.Header.Get("Retry-After")
	if text == "" {
		return 0
	}

	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Errorf("Retry-After: %q", text)
	}

	return time.Duration(seconds) * time.Second
}

// Visible returns everything of a response that a stranger sees, without what differs each time. Of random values it
// keeps the length.
func (r Reply) Visible() string {
	header := r.Header.Clone()
	header.Del("Date")
	header.Del("X-Request-Id")

	for i, line := range header["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		header["Set-Cookie"][i] = fmt.Sprintf("%s=(%d characters);%s", name, len(value), attributes)
	}

	var seen bytes.Buffer

	fmt.Fprintln(&seen, r.Status)
	_ = header.Write(&seen) // sorted by name

	body := r.Body
	if r.Problem.RequestID != "" {
		body = bytes.ReplaceAll(body, []byte(r.Problem.RequestID), []byte("ID"))
	}

	seen.Write(body)

	return seen.String()
}

// PayloadOf returns the decoded payload of an access token.
func PayloadOf(t *testing.T, token string) string {
	t.Helper()

	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}
