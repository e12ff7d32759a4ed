package signin_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// refusal is the refusal of a bearer token: status, code and challenge.
type refusal struct {
	status    int
	code      string
	challenge string
}

var (
	refusedMissing   = refusal{http.StatusUnauthorized, "UNAUTHENTICATED", `Bearer`}
	refusedInvalid   = refusal{http.StatusUnauthorized, "TOKEN_INVALID", `Bearer error="invalid_token"`}
	refusedMalformed = refusal{http.StatusBadRequest, "INVALID_REQUEST", `Bearer error="invalid_request"`}
)

// R-F11, R-F12, R-G1 to R-G7, T-19: internal/domain/token refuses the whole corpus of forgeries. Here some of it is
// sent over HTTP to each operation that requires a token.
func TestTokensOverHTTP(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Clock.Stop() // the times of forgeries are one second beyond the leeway
	env.Account(t, "holder@konec.com.au")

	tokens := env.SignIn(t, "holder@konec.com.au")
	forger := world.ForgerOf(t, env, tokens)

	t.Run("ForgeriesAreRefused", func(t *testing.T) {
		t.Parallel()

		tried := 0

		for i, forged := range forger.Forgeries() {
			if i > 300 && i%20 != 0 || len(forged.Token) > 4096 || !sendable(forged.Token) {
				continue
			}

			tried++

			want := refusedInvalid
			if !token68.MatchString(forged.Token) {
				want = refusedMalformed
			}

			expectRefusal(t, env, forged.Name, http.Header{"Authorization": {"Bearer " + forged.Token}}, want)
		}

		if tried < 120 {
			t.Errorf("%d forgeries tried, want at least 120", tried)
		}

		t.Logf("%d forgeries refused by 2 operations", tried)
	})

	t.Run("WrongPlacesAreRefused", func(t *testing.T) {
		t.Parallel()

		bearer := "Bearer " + tokens.AccessToken

		for name, c := range map[string]struct {
			header http.Header
			want   refusal
		}{
			"no credential":     {http.Header{}, refusedMissing},
			"a cookie":          {http.Header{"Cookie": {"access_token=" + tokens.AccessToken}}, refusedMissing},
			"another scheme":    {http.Header{"Authorization": {"Basic " + tokens.AccessToken}}, refusedMissing},
			"no scheme":         {http.Header{"Authorization": {tokens.AccessToken}}, refusedMissing},
			"a refresh token":   {http.Header{"Authorization": {"Bearer " + tokens.RefreshToken}}, refusedInvalid},
			"the header twice":  {http.Header{"Authorization": {bearer, bearer}}, refusedMalformed},
			"two tokens":        {http.Header{"Authorization": {bearer + ", " + bearer}}, refusedMalformed},
			"the scheme twice":  {http.Header{"Authorization": {"Bearer " + bearer}}, refusedMalformed},
			"the scheme alone":  {http.Header{"Authorization": {"Bearer"}}, refusedMalformed},
			"two spaces":        {http.Header{"Authorization": {"Bearer  " + tokens.AccessToken}}, refusedMalformed},
			"a quoted token":    {http.Header{"Authorization": {`Bearer "` + tokens.AccessToken + `"`}}, refusedMalformed},
			"a token parameter": {http.Header{"Authorization": {"Bearer token=" + tokens.AccessToken}}, refusedMalformed},
		} {
			expectRefusal(t, env, name, c.header, c.want)
		}

		status, body, _ := sendBearer(t, env, http.MethodGet, "/api/users/me?access_token="+tokens.AccessToken, http.Header{})
		if status != http.StatusUnauthorized || body.Code != client.ErrorCode(refusedMissing.code) {
			t.Errorf("a token in the query string: %d %s", status, body.Code)
		}

		status, body, _ = sendBearer(t, env, http.MethodGet, "/api/users/me?access_token="+tokens.AccessToken, http.Header{"Authorization": {bearer}})
		if status != http.StatusBadRequest || body.Code != client.ErrorCode(refusedMalformed.code) {
			t.Errorf("a token in two places: %d %s", status, body.Code)
		}
	})

	t.Run("AccessTokenIsNoRefreshToken", func(t *testing.T) {
		t.Parallel()

		for _, token := range []string{tokens.AccessToken, forger.Genuine(), tokens.RefreshToken[:75], tokens.RefreshToken + "="} {
			if status, _ := env.Refresh(t, token); status != http.StatusUnauthorized {
				t.Errorf("refresh with %q: %d, want 401", token, status)
			}
		}
	})

	t.Run("GenuineTokenIsAccepted", func(t *testing.T) {
		t.Parallel()

		// A forgery without a fault, signed with the stolen key, is accepted. So each refusal is due to the fault.
		for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
			status, _, _ := sendBearer(t, env, http.MethodGet, "/api/users/me", http.Header{"Authorization": {scheme + forger.Genuine()}})
			if status != http.StatusOK {
				t.Errorf("a genuine token, %q: %d", scheme, status)
			}
		}
	})
}

// expectRefusal calls the two operations that require a token.
func expectRefusal(t *testing.T, env *apptest.Env, name string, header http.Header, want refusal) {
	t.Helper()

	for operation, path := range map[string]string{http.MethodGet: "/api/users/me", http.MethodPost: "/api/auth/logout"} {
		status, body, responseHeader := sendBearer(t, env, operation, path, header.Clone())
		if got := (refusal{status, string(body.Code), responseHeader.Get("WWW-Authenticate")}); got != want {
			t.Errorf("%s, %s: %+v, want %+v", name, path, got, want)
		}
	}
}

func sendBearer(t *testing.T, env *apptest.Env, method, path string, header http.Header) (int, client.ErrorBody, http.Header) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), method, env.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}

	request.Header = header

	response, err := env.HTTP.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	var body client.ErrorBody

	// A response that is not an error has no code to read.
	_ = json.NewDecoder(response.Body).Decode(&body)

	return response.StatusCode, body, response.Header
}

// sendable reports whether net/http sends the text in a header unchanged.
func sendable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}

	return s == strings.TrimSpace(s)
}

// token68 is the syntax of a bearer token (RFC 9110, section 11.2).
var token68 = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)
