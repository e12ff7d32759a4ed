package world

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// ExpectLimitEvents checks that the audit log has this many events about the limit, each with the account or the name that
// the caller used. A sign-in at Lark has neither.
func ExpectLimitEvents(t *testing.T, env *apptest.Env, limit string, want int) {
	t.Helper()

	var got int

	err := env.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM audit_event
		WHERE action = 'limit.reached' AND detail->>'limit' = $1 AND (account_id IS NOT NULL OR subject <> '' OR method = 'lark')`, limit).Scan(&got)
	if err != nil || got != want {
		t.Errorf("the limit %q has %d audit events, %v, want %d", limit, got, err, want)
	}
}

// ExpectStatus sends a call and checks the status of the response.
func ExpectStatus(t *testing.T, g *Gateway, c Call, want int, what string) {
	t.Helper()

	if got := c.To(t, g.Server); got.Status != want {
		t.Errorf("%s %s, %.60q: %s, want %d", c.Method, c.Path, what, got, want)
	}
}

// CheckCookies checks Set-Cookie lines against as many regular expressions.
func CheckCookies(t *testing.T, what string, lines, want []string) {
	t.Helper()

	if len(lines) != len(want) {
		t.Errorf("%s: got cookies %q, want %d of them", what, lines, len(want))

		return
	}

	for i, line := range lines {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(line) {
			t.Errorf("%s: cookie %q, want %s", what, line, want[i])
		}
	}
}

// CheckAllowedOrigin checks that only a console's origin may read the response (R-H6).
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

// ExpectSignedIn checks whether a browser is signed in.
func ExpectSignedIn(t *testing.T, what string, b *apptest.Browser, want bool) {
	t.Helper()

	if status := b.Verify(t); (status == http.StatusNoContent) != want || !want && status != http.StatusUnauthorized {
		t.Errorf("%s: %d, want signed in %t", what, status, want)
	}
}
