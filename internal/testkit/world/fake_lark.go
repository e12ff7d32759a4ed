package world

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The addresses and credentials of FakeLark. Tests of leaks search for the secret and the token.
const (
	UnreachableLark = "https://127.0.0.1:9" // nothing listens there
	larkPage        = "https://accounts.lark.test/authorize"
	larkApp         = "cli_test"
	LarkSecret      = "canary-of-the-app-secret"
	LarkToken       = "canary-of-a-token-"
	larkCallback    = "https://gateway.test/lark"
	LarkConsoleURL  = "https://console.test/app"
	AppRedirect     = "toolkit-studio:/lark"
)

// WithLark returns a setting that lets users sign in with a Lark at the address.
func WithLark(address string) func(*apptest.Settings) {
	return func(c *apptest.Settings) {
		c.LarkAppID, c.LarkAppSecret, c.LarkURL, c.LarkAuthorizeURL, c.ConsoleURL = larkApp, LarkSecret, address, larkPage, LarkConsoleURL
		c.AppRedirectURIs = []string{AppRedirect, "http://127.0.0.1/lark"}
	}
}

// FakeLark behaves as Lark's documentation says, for one app.
type FakeLark struct {
	*httptest.Server

	tb       testing.TB
	mu       sync.Mutex
	grants   map[string]grant          // by code
	tokens   map[string]map[string]any // the person of each token
	requests int
	// instead, if set, responds in place of Lark when it returns true.
	instead func(w http.ResponseWriter, r *http.Request) bool
}

// grant is what a person has approved.
type grant struct {
	challenge string
	person    map[string]any
}

// NewFakeLark starts a Lark that has no grants yet. It stops when the test ends.
func NewFakeLark(tb testing.TB) *FakeLark {
	tb.Helper()

	f := &FakeLark{tb: tb, grants: map[string]grant{}, tokens: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /open-apis/authen/v2/oauth/token", f.token)
	mux.HandleFunc("GET /open-apis/authen/v1/user_info", f.userInfo)
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		tb.Errorf("unexpected request to Lark: %s %s", r.Method, r.URL)
	})

	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests++
		instead := f.instead
		f.mu.Unlock()

		if instead == nil || !instead(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(f.Close)

	return f
}

// LarkPerson returns a person at Lark, with more data than the gateway needs.
func LarkPerson(id string) map[string]any {
	return map[string]any{
		"open_id": "ou_" + id, "union_id": "on_" + id, "tenant_key": "736588c92lxf175d", "user_id": "5d9bdxxx",
		"name": "张三 " + id, "en_name": "Zhang San", "avatar_url": "https://lark.test/" + id + ".png",
		"email": "canary-of-lark@konec.com.au", "mobile": "+8613800000000",
	}
}

// Approve does what Lark's page does when the person agrees. It returns the query with which the browser is sent back.
func (f *FakeLark) Approve(page string, person map[string]any) url.Values {
	f.tb.Helper()

	address, query, _ := strings.Cut(page, "?")

	asked, err := url.ParseQuery(query)
	if err != nil || address != larkPage {
		f.tb.Fatalf("%s is not Lark's page", page)
	}

	for name, want := range map[string]string{
		"client_id": larkApp, "redirect_uri": larkCallback, "response_type": "code", "code_challenge_method": "S256",
	} {
		if asked.Get(name) != want {
			f.tb.Errorf("Lark's page got %s=%q, want %q", name, asked.Get(name), want)
		}
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	code := rand.Text()
	f.grants[code] = grant{asked.Get("code_challenge"), person}

	return url.Values{"code": {code}, "state": {asked.Get("state")}}
}

func (f *FakeLark) token(w http.ResponseWriter, r *http.Request) {
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		f.tb.Errorf("token request to Lark: %v, content type %q", err, r.Header.Get("Content-Type"))
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	given := f.grants[body["code"]]
	digest := sha256.Sum256([]byte(body["code_verifier"]))

	want := map[string]string{
		"grant_type": "authorization_code", "client_id": larkApp, "client_secret": LarkSecret, "redirect_uri": larkCallback,
		"code": body["code"], "code_verifier": body["code_verifier"],
	}

	switch {
	case !maps.Equal(body, want):
		f.tb.Errorf("token request to Lark: %v", body)
		WriteLarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20063, "error": "invalid_request"})
	case given.person == nil:
		WriteLarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20003, "error": "invalid_grant", "error_description": "canary of Lark"})
	case given.challenge != base64.RawURLEncoding.EncodeToString(digest[:]):
		WriteLarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20049, "error": "invalid_grant"})
	default:
		delete(f.grants, body["code"])

		token := LarkToken + rand.Text()
		f.tokens[token] = given.person
		WriteLarkResponse(w, http.StatusOK, map[string]any{
			"code": 0, "access_token": token, "expires_in": 7200, "refresh_token": LarkToken + "refresh", "token_type": "Bearer", "scope": "",
		})
	}
}

func (f *FakeLark) userInfo(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()

	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if person := f.tokens[token]; bearer && person != nil {
		WriteLarkResponse(w, http.StatusOK, map[string]any{"code": 0, "msg": "success", "data": person})

		return
	}

	f.tb.Errorf("person request to Lark with the authorization %q", r.Header.Get("Authorization"))
	WriteLarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20005, "msg": "invalid token"})
}

// WriteLarkResponse writes a response in Lark's form.
func WriteLarkResponse(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Override makes a function respond in place of Lark whenever it returns true. Nil restores Lark.
func (f *FakeLark) Override(instead func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.instead = instead
}

// Requests returns how many requests Lark has received.
func (f *FakeLark) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.requests
}

// LarkGateway starts a Gateway and its Lark.
func LarkGateway(tb testing.TB, change ...func(*apptest.Settings)) (*Gateway, *FakeLark) {
	tb.Helper()

	f := NewFakeLark(tb)

	return NewGateway(tb, append([]func(*apptest.Settings){WithLark(f.URL)}, change...)...), f
}

// StartLark begins a sign-in or a binding in a browser and returns the address of Lark's page.
func StartLark(tb testing.TB, b *apptest.Browser, action client.LarkStateAction) string {
	tb.Helper()

	locale := "zh-Hans"

	got, err := b.Client.AuthorizeLarkWithResponse(tb.Context(), &client.AuthorizeLarkParams{
		State: &client.LarkState{Action: action, Locale: &locale},
	})
	if err != nil || got.StatusCode() != http.StatusFound {
		tb.Fatalf("authorize: %v, %s %s", err, got.Status(), got.Body)
	}

	return got.HTTPResponse.Header.Get("Location")
}

// ReturnFromLark brings a browser back from Lark's site with a query and returns where the gateway redirects it.
func ReturnFromLark(tb testing.TB, b *apptest.Browser, query url.Values) string {
	tb.Helper()

	var params client.ReturnFromLarkParams

	params.State = query.Get("state")
	if query.Has("code") {
		params.Code = new(query.Get("code"))
	}

	if query.Has("error") {
		params.Error = new(query.Get("error"))
	}

	got, err := b.Client.ReturnFromLarkWithResponse(tb.Context(), &params, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Referer", "https://accounts.lark.test/")

		return nil
	})
	if err != nil || got.StatusCode() != http.StatusFound {
		tb.Fatalf("return: %v, %s %s", err, got.Status(), got.Body)
	}

	return got.HTTPResponse.Header.Get("Location")
}

// Authorize sends a browser to Lark and back as a person. It returns where the gateway redirects the browser.
func (f *FakeLark) Authorize(b *apptest.Browser, action client.LarkStateAction, person map[string]any) string {
	f.tb.Helper()

	return ReturnFromLark(f.tb, b, f.Approve(StartLark(f.tb, b, action), person))
}

// LarkFailed returns where a failed sign-in ends. The locale is empty if the gateway cannot know it.
func LarkFailed(locale, code string) string {
	if locale != "" {
		locale += "/"
	}

	return LarkConsoleURL + "/" + locale + "?error=" + code + "#/unauthorize"
}

// The two things a browser goes to Lark for.
const (
	LarkLogin = client.LarkStateActionLogin
	LarkBind  = client.LarkStateActionBind
)

// BindOwner binds a person at Lark to the owner's account.
func (f *FakeLark) BindOwner(tb testing.TB, g *Gateway, person map[string]any) {
	tb.Helper()

	if to := f.Authorize(g.OwnerBrowser, LarkBind, person); to != LarkConsoleURL+"/zh-Hans/#/authorized" {
		tb.Fatalf("bind: %s", to)
	}
}
