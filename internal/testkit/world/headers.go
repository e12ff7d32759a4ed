package world

import (
	"net/http"
	"slices"
	"testing"
)

// always stand on every answer, whatever it is.
var always = map[string]string{
	"Strict-Transport-Security":  "max-age=63072000; includeSubDomains",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Content-Security-Policy":    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cache-Control":              "no-store",
}

// sometimes may stand beside them; anything else tells too much.
var sometimes = []string{
	"Content-Type", "Content-Length", "Date", "X-Request-Id", "Connection", "Retry-After", "Www-Authenticate", "Allow",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
}

// sometimesConsole may stand on an answer to a console too, which has cookies, and pages that it answers and
// others.
var sometimesConsole = []string{"Set-Cookie", "Vary", "Access-Control-Allow-Credentials", "Location", "Etag"}

// styles are the digests of what pages look like.
var styles = map[string]string{
	"showEmailConfirmation":    "x+hjC2YPunULBFWAIU6HIYEbG52xXwiSTx2z3lN8XkA=",
	"showFirstRun":             "8g8XlJ5Pq2t8skGjP9YIc2tPHQN1gle09L+7cuvIZAo=",
	"createFirstAdministrator": "8g8XlJ5Pq2t8skGjP9YIc2tPHQN1gle09L+7cuvIZAo=",
}

// ofPage are the headers that a page has otherwise: it has a style, and posts a form to us.
func ofPage(style string) map[string]string {
	return map[string]string{
		"Referrer-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + style + "'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
}

// otherMedia are the types of what is not JSON.
var otherMedia = map[string][]string{
	"getTOTPPicture":           {"image/svg+xml", "image/png"},
	"showEmailConfirmation":    {"text/html; charset=utf-8"},
	"showFirstRun":             {"text/html; charset=utf-8"},
	"createFirstAdministrator": {"text/html; charset=utf-8"},
}

// CheckHeaders looks at an answer of an operation, or of none.
func CheckHeaders(t *testing.T, what string, o *Operation, got Reply) {
	t.Helper()

	page := map[string]string{}
	if o != nil && styles[o.OperationID] != "" && got.Status == http.StatusOK {
		page = ofPage(styles[o.OperationID])
	}

	for name, value := range always {
		if page[name] != "" {
			value = page[name]
		}

		if values := got.Header.Values(name); !slices.Equal(values, []string{value}) {
			t.Errorf("%s: %s is %q, want %q", what, name, values, value)
		}
	}

	for name := range got.Header {
		if _, fixed := always[name]; !fixed && !slices.Contains(sometimes, name) && !(o != nil && o.IsConsole() && slices.Contains(sometimesConsole, name)) {
			t.Errorf("%s: %s is %q, and should not be there", what, name, got.Header.Get(name))
		}
	}

	media := got.Header.Get("Content-Type")
	if o != nil && otherMedia[o.OperationID] != nil && got.Status == http.StatusOK {
		if !slices.Contains(otherMedia[o.OperationID], media) {
			t.Errorf("%s: a body of %q", what, media)
		}
	} else if len(got.Body) > 0 && media != "application/json" {
		t.Errorf("%s: a body of %q", what, media)
	}

	id := got.Header.Get("X-Request-Id")
	if id == "" || got.Problem.Code != "" && got.Problem.RequestID != id {
		t.Errorf("%s: request id %q in the header and %q in the body", what, id, got.Problem.RequestID)
	}
}
