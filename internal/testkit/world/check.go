package world

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// PayloadOf is what a token says.
func PayloadOf(t *testing.T, token string) string {
	t.Helper()

	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// EventExists is what a statement answers.
func EventExists[T any](t *testing.T, pool *pgxpool.Pool, statement string, args ...any) (answer T) {
	t.Helper()

	if err := pool.QueryRow(t.Context(), statement, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}

	return answer
}

// StatusAndCode is what a call got: the status, and the code of the error, or of the error that a redirect brings.
func StatusAndCode(got Reply) string {
	reason := got.Problem.Code

	if got.Status/100 == 3 {
		if to, err := url.Parse(got.Header.Get("Location")); err == nil {
			reason = to.Query().Get("error")
		}
	}

	return strings.TrimSpace(fmt.Sprintf("%d %s", got.Status, reason))
}

// RetryAfter is what an answer says; zero where it says nothing.
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

func RecoveryCode(t *testing.T, b *apptest.Browser) string {
	t.Helper()

	made, err := b.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, made.Body)
	}

	return made.JSON200.Codes[0]
}

// ExpectLimitEvents wants the audit log to say so many times that somebody met the limit, and who; at Lark nobody knows.
func ExpectLimitEvents(t *testing.T, env *apptest.Env, limit string, want int) {
	t.Helper()

	var got int

	err := env.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM audit_event
		WHERE action = 'limit.reached' AND detail->>'limit' = $1 AND (account_id IS NOT NULL OR subject <> '' OR method = 'lark')`, limit).Scan(&got)
	if err != nil || got != want {
		t.Errorf("the limit %q was written down %d times, %v, want %d", limit, got, err, want)
	}
}

func ExpectStatus(t *testing.T, d *Gateway, c Call, want int, what string) {
	t.Helper()

	if got := c.To(t, d.Server); got.Status != want {
		t.Errorf("%s %s, %.60q: %s, want %d", c.Method, c.Path, what, got, want)
	}
}

func CheckCookies(t *testing.T, what string, lines, want []string) {
	t.Helper()

	if len(lines) != len(want) {
		t.Errorf("%s: cookies %q, want %d", what, lines, len(want))

		return
	}

	for i, line := range lines {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(line) {
			t.Errorf("%s: cookie %q, want %s", what, line, want[i])
		}
	}
}

// CheckAllowedOrigin says who may read the answer (R-H6).
func CheckAllowedOrigin(t *testing.T, what, origin string, got Reply) {
	t.Helper()

	want := [2]string{}
	if origin == ConsoleOrigin || origin == "https://other.konec.test" {
		want = [2]string{origin, "true"}
	}

	if is := [2]string{got.Header.Get("Access-Control-Allow-Origin"), got.Header.Get("Access-Control-Allow-Credentials")}; is != want {
		t.Errorf("%s from %q: allows %q, want %q", what, origin, is, want)
	}

	if !slices.Equal(got.Header.Values("Vary"), []string{"Origin"}) {
		t.Errorf("%s from %q: Vary %q", what, origin, got.Header.Values("Vary"))
	}
}

// ExpectSignedIn says whether a browser is.
func ExpectSignedIn(t *testing.T, what string, b *apptest.Browser, want bool) {
	t.Helper()

	if status := b.Verify(t); (status == http.StatusNoContent) != want || !want && status != http.StatusUnauthorized {
		t.Errorf("%s: %d, want signed in %t", what, status, want)
	}
}
