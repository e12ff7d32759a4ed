package lark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	secret = "canary-of-the-secret"
	token  = "canary-of-the-token"
	code   = "canary-of-the-code"
)

// answer is one of Lark's responses.
type answer struct {
	status int
	body   string
}

var (
	goodToken  = answer{http.StatusOK, `{"code":0,"access_token":"` + token + `","expires_in":7200,"token_type":"Bearer"}`}
	goodPerson = answer{http.StatusOK, `{"code":0,"msg":"success","data":{"open_id":"ou_1","union_id":"on_1","tenant_key":"t1","name":"Zhang","en_name":"San",` +
		`"avatar_url":"https://lark.test/1.png","email":"zhang@konec.test","mobile":"+8613800000000"}}`}
)

// serve runs a server that gives these responses in Lark's place, and counts the requests.
func serve(t *testing.T, tokenSays, personSays answer) (*Client, *atomic.Int64) {
	t.Helper()

	var asked atomic.Int64

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)

		says := tokenSays
		if r.URL.Path == pathProfile {
			says = personSays
		}

		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "https://elsewhere.test/")
		w.WriteHeader(says.status)
		fmt.Fprint(w, says.body)
	}))
	t.Cleanup(server.Close)

	return New(Settings{AppID: "cli_1", AppSecret: secret, URL: server.URL, AuthorizeURL: "https://accounts.test/a", Redirect: "https://gw.test/lark"}), &asked
}

func TestPersonIsKnown(t *testing.T) {
	t.Parallel()

	client, _ := serve(t, goodToken, goodPerson)
	want := Person{OpenID: "ou_1", UnionID: "on_1", TenantKey: "t1", Name: "Zhang", EnName: "San", AvatarURL: "https://lark.test/1.png"}

	if got, err := client.Who(t.Context(), code, "verifier"); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// Contract: an error about the user is the user's, and an error about Lark or the app never is; no error contains a
// secret.
func TestRefusalsAndOutages(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		token, person answer
		refused       bool
	}{
		"unknown code":          {answer{400, `{"code":20003,"error":"invalid_grant","error_description":"` + code + `"}`}, goodPerson, true},
		"old code":              {answer{400, `{"code":20004}`}, goodPerson, true},
		"used code":             {answer{400, `{"code":20065}`}, goodPerson, true},
		"unknown number":        {answer{400, `{"code":29999,"error":"invalid_grant"}`}, goodPerson, true},
		"no right to the app":   {answer{400, `{"code":20010,"error":"access_denied"}`}, goodPerson, true},
		"refused with 200":      {answer{200, `{"code":20003,"error":"invalid_grant"}`}, goodPerson, true},
		"wrong secret":          {answer{400, `{"code":20002,"error":"invalid_client","error_description":"` + secret + `"}`}, goodPerson, false},
		"wrong redirect":        {answer{400, `{"code":20071,"error":"invalid_request"}`}, goodPerson, false},
		"limit":                 {answer{429, `{"code":99991400}`}, goodPerson, false},
		"fault":                 {answer{500, `{"code":20050,"error":"server_error"}`}, goodPerson, false},
		"fault like a refusal":  {answer{503, `{"code":20003,"error":"invalid_grant"}`}, goodPerson, false},
		"no token":              {answer{200, `{"code":0}`}, goodPerson, false},
		"no JSON":               {answer{200, `<html>` + secret}, goodPerson, false},
		"nothing":               {answer{200, ``}, goodPerson, false},
		"another form":          {answer{200, `{"code":"0","access_token":1}`}, goodPerson, false},
		"redirect":              {answer{302, goodToken.body}, goodPerson, false},
		"too long":              {answer{200, `{"code":0,"access_token":"` + strings.Repeat("x", maxAnswer) + `"}`}, goodPerson, false},
		"person with fault":     {goodToken, answer{500, `{"code":1}`}, false},
		"person refused":        {goodToken, answer{400, `{"code":20005,"msg":"` + token + `"}`}, false},
		"person with code":      {goodToken, answer{200, `{"code":20005,"data":{"open_id":"ou_1"}}`}, false},
		"person without id":     {goodToken, answer{200, `{"code":0,"data":{"name":"Zhang"}}`}, false},
		"person with odd id":    {goodToken, answer{200, `{"code":0,"data":{"open_id":"ou 1\u0000"}}`}, false},
		"person with long id":   {goodToken, answer{200, `{"code":0,"data":{"open_id":"` + strings.Repeat("x", 129) + `"}}`}, false},
		"person nowhere":        {goodToken, answer{200, `{"code":0}`}, false},
		"person elsewhere":      {goodToken, answer{302, goodPerson.body}, false},
		"person who is too big": {goodToken, answer{200, `{"code":0,"data":{"open_id":"ou_1","name":"` + strings.Repeat("x", maxAnswer) + `"}}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			client, _ := serve(t, one.token, one.person)

			got, err := client.Who(t.Context(), code, "verifier")
			if err == nil || got != (Person{}) || errors.Is(err, ErrRefused) != one.refused {
				t.Errorf("%+v, %v", got, err)
			}

			if strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// If Lark is unavailable, does not respond, or disconnects, that is an outage that ends in time and reveals no address.
func TestLarkIsAway(t *testing.T) {
	t.Parallel()

	for name, handle := range map[string]http.HandlerFunc{
		"hangs":      func(_ http.ResponseWriter, r *http.Request) { wait(r) },
		"breaks off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"trickles": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"code":`)
			_ = http.NewResponseController(w).Flush()
			wait(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(handle)
			t.Cleanup(server.Close)

			client := New(Settings{URL: server.URL, AppSecret: secret})
			client.asker.timeLimit = 50 * time.Millisecond

			if _, err := client.Who(t.Context(), code, "v"); err == nil || errors.Is(err, ErrRefused) || strings.Contains(err.Error(), server.URL) {
				t.Errorf("got %v", err)
			}
		})
	}

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	if _, err := New(Settings{URL: gone.URL}).Who(t.Context(), code, "v"); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("gone: %v", err)
	}
}

// wait ends when the client disconnects, which the server notices once it has read the body.
func wait(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// While Lark does not respond, only a limited number of requests wait for it; the others fail at once.
func TestFewWaitAtOnce(t *testing.T) {
	t.Parallel()

	client, asked := serve(t, goodToken, goodPerson)

	leave := make([]func(), maxAsking)
	for i := range leave {
		var err error
		if leave[i], err = client.asker.enter(); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := client.Who(t.Context(), code, "v"); !errors.Is(err, errBusy) || asked.Load() != 0 {
		t.Errorf("got %v, and Lark was asked %d times", err, asked.Load())
	}

	leave[0]()

	if _, err := client.Who(context.WithoutCancel(t.Context()), code, "v"); err != nil {
		t.Errorf("with a free place: %v", err)
	}
}

func TestPersonIsTidied(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("长", maxName+1)

	for name, one := range map[string]struct{ from, want Person }{
		"line breaks":     {Person{Name: "a\r\nb\x00\u0085c"}, Person{Name: "abc"}},
		"long names":      {Person{Name: long, EnName: long}, Person{Name: long[:3*maxName], EnName: long[:3*maxName]}},
		"script":          {Person{AvatarURL: "javascript:alert(1)"}, Person{}},
		"plain picture":   {Person{AvatarURL: "http://lark.test/1.png"}, Person{}},
		"no address":      {Person{AvatarURL: "https://"}, Person{}},
		"long address":    {Person{AvatarURL: "https://lark.test/" + strings.Repeat("x", maxPicture)}, Person{}},
		"broken address":  {Person{AvatarURL: "https://lark.test/%zz"}, Person{}},
		"ids of any text": {Person{UnionID: "on 1", TenantKey: "<t>"}, Person{}},
	} {
		if got := one.from.tidy(); got != one.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
