package contract_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// DOC-D0: generated clients and HTML forms send an optional member that has no value as `name=`. It is absent.
func TestEmptyOptionalMemberOfAFormIsAbsent(t *testing.T) {
	t.Parallel()

	g, tried := world.NewGateway(t), 0

	for _, o := range world.Operations() {
		if o.RequestBody == nil || o.Media() != "application/x-www-form-urlencoded" {
			continue
		}

		for name := range o.Schema().Properties {
			c := g.Call(o)
			c.Body = withEmpty(t, c.Body, name)

			got := c.To(t, g.Server)
			blamed := slices.Contains(got.Fields(), "/"+name)

			if required := slices.Contains(o.Schema().Required, name); required != blamed || required && got.Status != http.StatusBadRequest && got.Status != http.StatusSeeOther && got.Status != http.StatusOK {
				t.Errorf("%s with %s=: %s, required: %t", o.OperationID, name, got, required)
			}

			tried++
		}
	}

	if tried < 5 {
		t.Errorf("%d tried", tried)
	}

	login := operation(t, "login")

	c := g.Call(login)
	c.Body += "&totp="

	if got := c.To(t, g.Server); got.Status != http.StatusOK {
		t.Errorf("login with totp=: %s", got)
	}

	c.Body += "&totp=123456"
	if got := c.To(t, g.Server); got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"/totp"}) {
		t.Errorf("totp twice, first empty: %s", got)
	}
}

// DOC-D0, for parameters of the query string: the response is the one without the parameter.
func TestEmptyOptionalParameterIsAbsent(t *testing.T) {
	t.Parallel()

	g, tried := world.NewGateway(t), 0

	for _, o := range world.Operations() {
		for _, parameter := range o.Parameters {
			if parameter.Value.In != openapi3.ParameterInQuery {
				continue
			}

			name := parameter.Value.Name
			absent := g.Call(o)
			empty := g.Call(o)
			absent.Query = without(t, absent.Query, name)
			empty.Query = withEmpty(t, empty.Query, name)

			want, got := absent.To(t, g.Server), empty.To(t, g.Server)

			switch {
			case !parameter.Value.Required && (got.Status != want.Status || got.Problem.Code != want.Problem.Code):
				t.Errorf("%s with %s=: %s, without: %s", o.OperationID, name, got, want)
			case parameter.Value.Required && (got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"?" + name})):
				t.Errorf("%s with %s=, which is required: %s", o.OperationID, name, got)
			}

			tried++
		}
	}

	if tried < 40 {
		t.Errorf("%d tried", tried)
	}
}

// DOC-D1: the document lists each key once, and the console of today sends them in lower case.
func TestKeyOfAChangeIsAcceptedInLowerCase(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	change := operation(t, "changeUser")

	for key, want := range map[string]int{
		"Name": http.StatusNoContent, "name": http.StatusNoContent, "NAME": http.StatusBadRequest, "nAME": http.StatusBadRequest, "": http.StatusBadRequest,
	} {
		c := g.Call(change)
		c.Body = change.Encode(map[string]any{"key": key, "name": "Ann <&> 张"})

		got := c.To(t, g.Server)
		if got.Status != want || want == http.StatusBadRequest && !slices.Equal(got.Fields(), []string{"/key"}) {
			t.Errorf("%q: %s, want %d", key, got, want)
		}
	}

	for _, key := range []string{"Avatar", "avatar"} {
		c := g.Call(change)
		c.Body = change.Encode(map[string]any{"key": key, "avatar": "a/b.png"})

		if got := c.To(t, g.Server); got.Status != http.StatusNoContent {
			t.Errorf("%q: %s", key, got)
		}
	}

	for _, key := range []string{"Email", "email"} {
		c := g.Call(change)
		c.Body = change.Encode(map[string]any{"key": key, "email": g.FreeAddress()})

		if got := c.To(t, g.Server); got.Status != http.StatusNoContent && got.Problem.Code != "TOO_MANY_REQUESTS" {
			t.Errorf("%q: %s", key, got)
		}
	}
}

func operation(t *testing.T, id string) world.Operation {
	t.Helper()

	for _, o := range world.Operations() {
		if o.OperationID == id {
			return o
		}
	}

	t.Fatalf("no operation %q", id)

	return world.Operation{}
}

func without(t *testing.T, query, name string) string {
	t.Helper()

	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}

	values.Del(name)

	return values.Encode()
}

func withEmpty(t *testing.T, query, name string) string {
	t.Helper()

	rest := without(t, query, name)
	if rest != "" {
		rest += "&"
	}

	return rest + name + "="
}

// CON-D5: a member that appears twice is refused in the JSON of a parameter, too.
func TestDuplicateMemberOfAParameterIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for state, field := range map[string]string{
		`{"action":"login","action":"bind"}`: "?state/action",
		`{"action":"login"} {}`:              "?state",
		`{"action":"login"`:                  "?state/action",
		`{"action":"login\u0000"}`:           "?state/action",
	} {
		c := g.Call(operation(t, "authorizeLark"))
		c.Query = url.Values{"state": {state}}.Encode()

		if got := c.To(t, g.Server); got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{field}) {
			t.Errorf("%s: %s, want %s", state, got, field)
		}
	}
}

// CON-D4: a request that fits the document is not refused for the size of its header. Each parameter of the query string is
// as long as the document allows, and escaped.
func TestLongestQueryFitsTheHeader(t *testing.T) {
	t.Parallel()

	for _, o := range world.Operations() {
		size := len(o.Path)

		for _, parameter := range o.Parameters {
			if parameter.Value.In != openapi3.ParameterInQuery || parameter.Value.Schema == nil {
				continue
			}

			schema, character := parameter.Value.Schema.Value, len("%E6%B1%89")
			if schema.Pattern != "" && schema.VisitJSON("汉") != nil {
				character = len("%7E")
			}

			if schema.MaxLength != nil {
				size += len(parameter.Value.Name) + len("&=") + int(*schema.MaxLength)*character
			}
		}

		if most := httpapi.MaxHeader + 4<<10 - 2<<10; size > most { // net/http adds 4 KiB; 2 KiB are for the headers
			t.Errorf("%s: a query string of %d bytes, and at most %d fit", o.OperationID, size, most)
		}
	}
}

// CON-D12: the example of each parameter of the query string works in the documentation page, alone. A cursor has none: each
// belongs to its list. The statistics of a time need its end, too, because they span 92 days at most.
func TestExamplesOfTheQueryWork(t *testing.T) {
	t.Parallel()

	g, tried := world.NewGateway(t), 0

	for _, o := range world.Operations() {
		for _, parameter := range o.Parameters {
			example := parameter.Value.Example
			if parameter.Value.In != openapi3.ParameterInQuery || example == nil || o.OperationID == "getStatistics" && parameter.Value.Name == "from" {
				continue
			}

			c := g.Call(o)
			c.Query = url.Values{parameter.Value.Name: {fmt.Sprint(example)}}.Encode()

			got := c.To(t, g.Server)
			if got.Problem.Code == "INVALID_REQUEST" && slices.Contains(got.Fields(), "?"+parameter.Value.Name) {
				t.Errorf("%s with %s: %s", o.OperationID, c.Query, got)
			}

			tried++
		}
	}

	if tried < 40 {
		t.Errorf("%d tried", tried)
	}
}

// IN-K12: mail programs, chats and search engines add parameters to the links that people follow, and probes their own. The
// response is the one without them.
func TestPagesIgnoreWhatLinksCollect(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, page := range []string{
		"/", "/lark?code=x&state=y", "/confirm_email?token=x", "/reset?token=x", "/sign-up?token=x", "/first_run?token=x",
		"/console", "/console/accounts", "/docs", "/openapi.json", "/openapi.yaml", "/.well-known/jwks.json", "/healthz", "/readyz", "/readyz?verbose",
	} {
		path, query, _ := strings.Cut(page, "?")
		c := world.Call{Method: http.MethodGet, Path: path, Query: query}.With("Accept", "*/*")

		if strings.HasPrefix(path, "/lark") {
			c = c.FromBrowser(g.Visitor)
		}

		want := c.To(t, g.Server)

		for _, more := range []string{"utm_source=mail&utm_medium=x", "fbclid=IwAR0", "gclid=a&msclkid=b", "_ga=2.1.1-1", "mc_cid=1&mc_eid=2", "x=%E6%98%8E", "utm_source=a&utm_source=b", "spm=a1z10", "from=singlemessage&isappinstalled=0"} {
			c.Query = strings.TrimPrefix(query+"&"+more, "&")

			if got := c.To(t, g.Server); got.Status != want.Status || got.Problem.Code != want.Problem.Code || got.Header.Get("Location") != want.Header.Get("Location") {
				t.Errorf("%s?%s: %s %s, want %s", path, c.Query, got, got.Header.Get("Location"), want)
			}
		}
	}
}
