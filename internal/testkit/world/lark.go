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

const (
	UnreachableLark = "https://127.0.0.1:9" // no Lark answers there
	larkPage        = "https://accounts.lark.test/authorize"
	larkApp         = "cli_test"
	LarkSecret      = "canary-of-the-app-secret"
	LarkToken       = "canary-of-a-token-"
	larkCallback    = "https://gateway.test/lark"
	ConsoleOfLark   = "https://console.test/app"
)

// WithLark lets people sign in with a Lark at the address.
func WithLark(address string) func(*apptest.Settings) {
	return func(c *apptest.Settings) {
		c.LarkAppID, c.LarkAppSecret, c.LarkURL, c.LarkAuthorizeURL, c.ConsoleURL = larkApp, LarkSecret, address, larkPage, ConsoleOfLark
	}
}

// FakeLark is Lark as its documentation says, for one app.
type FakeLark struct {
	*httptest.Server

	tb     testing.TB
	mu     sync.Mutex
	grants map[string]grant          // by their code
	people map[string]map[string]any // by their token
	asked  int
	// instead, if it is set, answers in place of Lark, where it returns true.
	instead func(w http.ResponseWriter, r *http.Request) bool
}

// grant is what a person agreed to.
type grant struct {
	challenge string
	person    map[string]any
}

func NewFakeLark(tb testing.TB) *FakeLark {
	tb.Helper()

	f := &FakeLark{tb: tb, grants: map[string]grant{}, people: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /open-apis/authen/v2/oauth/token", f.token)
	mux.HandleFunc("GET /open-apis/authen/v1/user_info", f.userInfo)
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { tb.Errorf("Lark was asked %s %s", r.Method, r.URL) })

	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked++
		instead := f.instead
		f.mu.Unlock()

		if instead == nil || !instead(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(f.Close)

	return f
}

// LarkPerson is a person at Lark, with more about them than anybody needs.
func LarkPerson(id string) map[string]any {
	return map[string]any{
		"open_id": "ou_" + id, "union_id": "on_" + id, "tenant_key": "736588c92lxf175d", "user_id": "5d9bdxxx",
		"name": "张三 " + id, "en_name": "Zhang San", "avatar_url": "https://lark.test/" + id + ".png",
		"email": "canary-of-lark@konec.com.au", "mobile": "+8613800000000",
	}
}

// Agree is what Lark's page does when the person agrees: it sends the browser back with this query.
func (f *FakeLark) Agree(page string, person map[string]any) url.Values {
	f.tb.Helper()

	address, query, _ := strings.Cut(page, "?")

	asked, err := url.ParseQuery(query)
	if err != nil || address != larkPage {
		f.tb.Fatalf("not Lark's page: %s", page)
	}

	for name, want := range map[string]string{
		"client_id": larkApp, "redirect_uri": larkCallback, "response_type": "code", "code_challenge_method": "S256",
	} {
		if asked.Get(name) != want {
			f.tb.Errorf("Lark's page is asked with %s=%q, want %q", name, asked.Get(name), want)
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
		f.tb.Errorf("Lark was asked for a token with %v, %q", err, r.Header.Get("Content-Type"))
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
		f.tb.Errorf("Lark was asked for a token with %v", body)
		LarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20063, "error": "invalid_request"})
	case given.person == nil:
		LarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20003, "error": "invalid_grant", "error_description": "canary of Lark"})
	case given.challenge != base64.RawURLEncoding.EncodeToString(digest[:]):
		LarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20049, "error": "invalid_grant"})
	default:
		delete(f.grants, body["code"])

		token := LarkToken + rand.Text()
		f.people[token] = given.person
		LarkResponse(w, http.StatusOK, map[string]any{
			"code": 0, "access_token": token, "expires_in": 7200, "refresh_token": LarkToken + "refresh", "token_type": "Bearer", "scope": "",
		})
	}
}

func (f *FakeLark) userInfo(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()

	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if person := f.people[token]; bearer && person != nil {
		LarkResponse(w, http.StatusOK, map[string]any{"code": 0, "msg": "success", "data": person})

		return
	}

	f.tb.Errorf("Lark was asked for a person with %q", r.Header.Get("Authorization"))
	LarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20005, "msg": "invalid token"})
}

func LarkResponse(w http.ResponseWriter, status int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// Answer lets Lark answer so from now on.
func (f *FakeLark) Answer(instead func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.instead = instead
}

// Requests is how often Lark was asked.
func (f *FakeLark) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.asked
}

// LarkGateway is a desk and its Lark.
func LarkGateway(tb testing.TB, change ...func(*apptest.Settings)) (*Gateway, *FakeLark) {
	tb.Helper()

	f := NewFakeLark(tb)

	return NewGateway(tb, append([]func(*apptest.Settings){WithLark(f.URL)}, change...)...), f
}

// StartLark sends a browser to Lark, and answers where it went.
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

// ReturnFromLark brings a browser back with a query, as a browser would that another site sends, and answers
// where it went from there.
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

// Travel goes to Lark and back as a person.
func (f *FakeLark) Travel(b *apptest.Browser, action client.LarkStateAction, person map[string]any) string {
	f.tb.Helper()

	return ReturnFromLark(f.tb, b, f.Agree(StartLark(f.tb, b, action), person))
}

// LarkFailed is where a journey ends that came to nothing. The locale is empty where nobody can know it.
func LarkFailed(locale, code string) string {
	if locale != "" {
		locale += "/"
	}

	return ConsoleOfLark + "/" + locale + "?error=" + code + "#/unauthorize"
}

const (
	LarkLogin = client.LarkStateActionLogin
	LarkBind  = client.LarkStateActionBind
)

// BindOwner binds a person at Lark to the owner's account.
func (f *FakeLark) BindOwner(tb testing.TB, d *Gateway, person map[string]any) {
	tb.Helper()

	if to := f.Travel(d.OwnerBrowser, LarkBind, person); to != ConsoleOfLark+"/zh-Hans/#/authorized" {
		tb.Fatalf("bind: %s", to)
	}
}
