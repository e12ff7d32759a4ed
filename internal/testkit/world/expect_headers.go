package world

import (
	"net/http"
	"slices"
	"testing"
)

// requiredHeaders are on every response.
var requiredHeaders = map[string]string{
	"Strict-Transport-Security":  "max-age=63072000; includeSubDomains",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Content-Security-Policy":    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cache-Control":              "no-store",
}

// allowedHeaders may be on a response too. Any other header would reveal something.
var allowedHeaders = []string{
	"Content-Type", "Content-Length", "Date", "X-Request-Id", "X-Device-Token", "Connection", "Retry-After", "Www-Authenticate", "Allow",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
}

// allowedConsoleHeaders may also be on a response to a console: it uses cookies, reads responses across origins and is
// redirected.
var allowedConsoleHeaders = []string{"Set-Cookie", "Vary", "Access-Control-Allow-Credentials", "Location", "Etag"}

// pageStyles are the digests of the style sheets of pages, by operation.
var pageStyles = map[string]string{
	"showEmailConfirmation":    "x+hjC2YPunULBFWAIU6HIYEbG52xXwiSTx2z3lN8XkA=",
	"showFirstRun":             "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
	"createFirstAdministrator": "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
	"showReset":                "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
	"resetWithLink":            "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
	"showSignUp":               "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
	"registerWithLink":         "zFrHFxOGidsvGeL9+uB39HjR00i5JkIUBj82Sq2uqCQ=",
}

// pageHeaders returns the headers in which a page differs: it has a style sheet and posts a form to the gateway.
func pageHeaders(style string) map[string]string {
	return map[string]string{
		"Referrer-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + style + "'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
}

// otherMedia are the media types of responses that are not JSON, by operation.
var otherMedia = map[string][]string{
	"getTOTPPicture":           {"image/svg+xml", "image/png"},
	"getMyTOTPPicture":         {"image/svg+xml", "image/png"},
	"showEmailConfirmation":    {"text/html; charset=utf-8"},
	"showFirstRun":             {"text/html; charset=utf-8"},
	"createFirstAdministrator": {"text/html; charset=utf-8"},
	"showReset":                {"text/html; charset=utf-8"},
	"resetWithLink":            {"text/html; charset=utf-8"},
	"showSignUp":               {"text/html; charset=utf-8"},
	"registerWithLink":         {"text/html; charset=utf-8"},
}

// CheckHeaders checks the headers of a response. The operation is nil for a path or method that the document lacks.
func CheckHeaders(t *testing.T, what string, o *Operation, got Reply) {
	t.Helper()

	page := map[string]string{}
	if o != nil && pageStyles[o.OperationID] != "" && got.Status == http.StatusOK {
		page = pageHeaders(pageStyles[o.OperationID])
	}

	for name, value := range requiredHeaders {
		if page[name] != "" {
			value = page[name]
		}

		if values := got.Header.Values(name); !slices.Equal(values, []string{value}) {
			t.Errorf("%s: %s is %q, want %q", what, name, values, value)
		}
	}

	for name := range got.Header {
		if _, fixed := requiredHeaders[name]; !fixed && !slices.Contains(allowedHeaders, name) && !(o != nil && o.IsConsole() && slices.Contains(allowedConsoleHeaders, name)) {
			t.Errorf("%s: %s is %q, want no such header", what, name, got.Header.Get(name))
		}
	}

	media := got.Header.Get("Content-Type")
	if o != nil && otherMedia[o.OperationID] != nil && got.Status == http.StatusOK {
		if !slices.Contains(otherMedia[o.OperationID], media) {
			t.Errorf("%s: the body has the media type %q", what, media)
		}
	} else if len(got.Body) > 0 && media != "application/json" {
		t.Errorf("%s: the body has the media type %q", what, media)
	}

	id := got.Header.Get("X-Request-Id")
	if id == "" || got.Problem.Code != "" && got.Problem.RequestID != id {
		t.Errorf("%s: request id %q in the header and %q in the body", what, id, got.Problem.RequestID)
	}
}
