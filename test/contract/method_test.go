package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-J4, F-08: a method that a path does not have gets 405 and the methods that it has.
func TestWrongMethodIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		allow := allowOf(g.Call(o).Path)

		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "FOO"} {
			if slices.Contains(strings.Split(allow, ", "), method) {
				continue
			}

			c := g.Call(o)
			c.Method = method

			got := c.To(t, g.Server)
			if got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %s, Allow %q, want 405 and %q", method, o.Path, got, got.Header.Get("Allow"), allow)
			}

			if method != "HEAD" && got.Problem.Code != "METHOD_NOT_ALLOWED" {
				t.Errorf("%s %s: %s", method, o.Path, got)
			}
		}
	}
}

// allowOf lists the methods of a path as Allow does. HEAD is allowed with a GET that only reads.
func allowOf(path string) string {
	has := map[string]bool{http.MethodOptions: true}

	for _, o := range world.Operations() {
		if world.MatchesPattern(o.Path, path) && (o.Path == path || apptest.Document().Paths.Value(path) == nil || canBe(o, path)) {
			has[o.Method] = true
			has[http.MethodHead] = has[http.MethodHead] || o.Method == http.MethodGet && o.Extensions["x-side-effects"] == nil
		}
	}

	var list []string

	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if has[method] {
			list = append(list, method)
		}
	}

	return strings.Join(list, ", ")
}

// canBe reports whether the values of the operation's parameters in the path are among those of the document.
func canBe(o world.Operation, path string) bool {
	parts := strings.Split(path, "/")

	for _, parameter := range o.Parameters {
		at := slices.Index(strings.Split(o.Path, "/"), "{"+parameter.Value.Name+"}")
		if at >= 0 && parameter.Value.Schema.Value.VisitJSON(parts[at]) != nil {
			return false
		}
	}

	return true
}

// CON-D11: Allow lists no method that can never work. A concrete path comes before a templated one.
func TestAllowIsTrue(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, one := range []struct{ method, path, allow string }{
		{"PUT", "/user/password", "POST, OPTIONS"},
		{"DELETE", "/user/password", "POST, OPTIONS"},
		{"GET", "/api/admin/accounts/assign-group", "POST, OPTIONS"},
		{"DELETE", "/api/admin/accounts/assign-group", "POST, OPTIONS"},
		{"PUT", "/user/phone", "POST, DELETE, OPTIONS"},
		{"PUT", "/user/totp", "GET, POST, DELETE, OPTIONS"},
		{"PUT", "/user/lark", "DELETE, OPTIONS"},
		{"HEAD", "/user/phone_code", "GET, OPTIONS"},
	} {
		c := world.Call{Method: one.method, Path: one.path}.FromBrowser(g.OwnerBrowser)

		got := c.To(t, g.Server)
		if got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != one.allow {
			t.Errorf("%s %s: %s, Allow %q, want 405 and %q", one.method, one.path, got, got.Header.Get("Allow"), one.allow)
		}

		c.Method = http.MethodOptions
		if got := c.To(t, g.Server); got.Status != http.StatusNoContent || got.Header.Get("Allow") != one.allow {
			t.Errorf("OPTIONS %s: %s, Allow %q, want %q", one.path, got, got.Header.Get("Allow"), one.allow)
		}
	}
}

// R-J4, R-J8: a path that resembles one of ours gets 404, and never a redirect.
func TestUnknownPathIsNotFound(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	known := map[string]bool{}
	for _, o := range world.Operations() {
		known[o.Path] = true
	}

	for _, o := range world.Operations() {
		for _, path := range []string{
			o.Path + "/", "/" + o.Path, o.Path + "//", strings.ToUpper(o.Path), "/x/.." + o.Path, "/." + o.Path, o.Path + "/.",
			o.Path + ".json", o.Path + "%00", o.Path + "%20", o.Path + ";x=1", strings.Replace(o.Path, "/api/", "/api//", 1),
			strings.Replace(o.Path, "/api/", "/api%2F", 1), strings.Replace(o.Path, "api", "a%70i", 1), "/" + strings.Replace(o.Path, "/api", "/example.com", 1),
		} {
			if path == o.Path || known[path] {
				continue // the change has no effect on this path
			}

			c := g.Call(o)
			c.Path = path

			// Below a path with a parameter anything is a value of it, and must be an invalid one.
			if got := c.To(t, g.Server); !slices.Contains([]string{"NOT_FOUND", "METHOD_NOT_ALLOWED", "INVALID_REQUEST"}, got.Problem.Code) {
				t.Errorf("%s %s: %s", o.Method, path, got)
			}
		}
	}
}

// Contract, "HEAD": HEAD works like GET, without the body, if the GET has no side effects.
func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	get := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)

	for name, c := range map[string]world.Call{
		"signed in": get, "no token": get.Without("Authorization"), "bad token": get.With("Authorization", "Bearer e30.e30.e30"),
		"malformed": get.With("Authorization", "Bearer"), "picky": get.With("Accept", "text/html"),
	} {
		head := c
		head.Method = http.MethodHead

		want, got := c.To(t, g.Server), head.To(t, g.Server)
		if got.Status != want.Status || len(got.Body) > 0 {
			t.Errorf("%s: %s, want %d and no body", name, got, want.Status)
		}

		for header := range want.Header {
			if header != "Date" && header != "X-Request-Id" && got.Header.Get(header) != want.Header.Get(header) {
				t.Errorf("%s: %s is %q, want %q", name, header, got.Header.Get(header), want.Header.Get(header))
			}
		}
	}
}

// R-H5, R-J4: only the documented content type is accepted, and no encoding.
func TestContentTypeDecides(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if o.RequestBody == nil {
			continue
		}

		media := o.Media()
		good := []string{media, media + "; charset=utf-8", media + ";charset=UTF-8", strings.ToUpper(media), media + ` ; charset="utf-8"`}
		bad := []string{
			"", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/problem+json", "text/json",
			"application/json-patch+json", "application/xml", "application/yaml", "application/zip", "application/octet-stream", "*/*",
			media + "; charset=utf-16", media + "; charset=latin1", media + "x", media + "," + media, media + "; charset", "json", ";",
			"application/json, application/x-www-form-urlencoded",
		}

		for _, value := range good {
			if got := g.Call(o).With("Content-Type", value).To(t, g.Server); got.Status == http.StatusUnsupportedMediaType || got.Problem.Code == "INVALID_REQUEST" {
				t.Errorf("%s with %q: %s", o.OperationID, value, got)
			}
		}

		for _, value := range bad {
			world.ExpectStatus(t, g, g.Call(o).With("Content-Type", value), http.StatusUnsupportedMediaType, value)
		}

		world.ExpectStatus(t, g, g.Call(o).Without("Content-Type"), http.StatusUnsupportedMediaType, "no type")
		world.ExpectStatus(t, g, g.Call(o).With("Content-Type", media, media), http.StatusUnsupportedMediaType, "two types")

		for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip", "x"} {
			world.ExpectStatus(t, g, g.Call(o).With("Content-Encoding", encoding), http.StatusUnsupportedMediaType, encoding)
		}
	}

	// The contract: a GET may have a content type.
	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)
	world.ExpectStatus(t, g, me.With("Content-Type", "application/json"), http.StatusOK, "GET with a type")
}

// R-J4: a request gets 406 if its Accept excludes JSON, and only then.
func TestAcceptDecides(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)

	for _, value := range []string{
		"", "*/*", "application/*", "application/json", "APPLICATION/JSON", "application/json;q=0.001", "text/html, */*;q=0.1",
		"text/html,application/json", "application/json, text/plain, */*", "application/json; charset=utf-8", ";;;", "q=1",
	} {
		world.ExpectStatus(t, g, me.With("Accept", value), http.StatusOK, value)
	}

	for _, value := range []string{
		"text/html", "text/*", "application/xml", "image/*", "application/json;q=0", "*/*;q=0", "application/*;q=0.000",
		"application/jsonx", "text/json", "application/problem+json",
	} {
		world.ExpectStatus(t, g, me.With("Accept", value), http.StatusNotAcceptable, value)
	}

	world.ExpectStatus(t, g, me.With("Accept", "text/html", "application/json"), http.StatusOK, "two headers")
	world.ExpectStatus(t, g, me.With("Accept", strings.Repeat("text/html,", 1_400)), http.StatusNotAcceptable, "a long one")
}

// endsSessions reports whether a valid call of the operation ends sessions that other calls need.
func endsSessions(o world.Operation) bool {
	return slices.Contains([]string{"logout", "signOut", "endOtherSessions", "endOtherUserSessions", "deleteMe", "deleteUser"}, o.OperationID)
}

// F-10: the Host header does not matter.
func TestHostDoesNotMatter(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 100 }) // the same user fails at several operations

	for _, o := range world.Operations() {
		g.KeepSignedIn(t)

		for _, host := range []string{
			"127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "localhost", "gateway.test", "GATEWAY.test:443", "evil.test", "x.gateway.test.",
		} {
			if endsSessions(o) {
				g.KeepSignedIn(t)
			}

			c := g.Call(o)
			c.Host = host

			// Any response is right that comes from the handler.
			if got := c.To(t, g.Server); slices.Contains(early, got.Problem.Code) {
				t.Errorf("%s %s, %q: %s", o.Method, o.Path, host, got)
			}
		}
	}
}
