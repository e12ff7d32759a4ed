package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// R-J4, F-08: a method that a path does not have is 405 with those that it has.
func TestWrongMethodIsRefused(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	for _, o := range operations() {
		allow := allowOf(d.call(o).path)

		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "FOO"} {
			if slices.Contains(strings.Split(allow, ", "), method) {
				continue
			}

			c := d.call(o)
			c.method = method

			got := c.to(t, d.Server)
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != allow {
				t.Errorf("%s %s: %s, Allow %q, want 405 and %q", method, o.path, got, got.header.Get("Allow"), allow)
			}

			if method != "HEAD" && got.problem.Code != "METHOD_NOT_ALLOWED" {
				t.Errorf("%s %s: %s", method, o.path, got)
			}
		}
	}
}

// allowOf lists the methods of a path, as Allow has them. HEAD goes with a GET that only reads.
func allowOf(path string) string {
	has := map[string]bool{http.MethodOptions: true}

	for _, o := range operations() {
		if isOfForm(o.path, path) {
			has[o.method] = true
			has[http.MethodHead] = has[http.MethodHead] || o.method == http.MethodGet && o.Extensions["x-side-effects"] == nil
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

// isOfForm says that a path is of the pattern's form: /user/phone is of /user/{key}'s too.
func isOfForm(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")

	for i := range want {
		if len(want) != len(got) || want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}

	return true
}

// R-J4, R-J8: a path that is almost one of ours is 404, and never a redirect.
func TestUnknownPathIsNotFound(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	known := map[string]bool{}
	for _, o := range operations() {
		known[o.path] = true
	}

	for _, o := range operations() {
		for _, path := range []string{
			o.path + "/", "/" + o.path, o.path + "//", strings.ToUpper(o.path), "/x/.." + o.path, "/." + o.path, o.path + "/.",
			o.path + ".json", o.path + "%00", o.path + "%20", o.path + ";x=1", strings.Replace(o.path, "/api/", "/api//", 1),
			strings.Replace(o.path, "/api/", "/api%2F", 1), strings.Replace(o.path, "api", "a%70i", 1), "/" + strings.Replace(o.path, "/api", "/example.com", 1),
		} {
			if path == o.path || known[path] {
				continue // a change that is none here
			}

			c := d.call(o)
			c.path = path

			// Below a path with a parameter anything is its value, and must be none that it takes.
			if got := c.to(t, d.Server); !slices.Contains([]string{"NOT_FOUND", "METHOD_NOT_ALLOWED", "INVALID_REQUEST"}, got.problem.Code) {
				t.Errorf("%s %s: %s", o.method, path, got)
			}
		}
	}
}

// Contract, "HEAD": like GET for the GETs without side effects, without the body.
func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	get := call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+d.tokens.AccessToken)

	for name, c := range map[string]call{
		"signed in": get, "no token": get.without("Authorization"), "bad token": get.with("Authorization", "Bearer e30.e30.e30"),
		"malformed": get.with("Authorization", "Bearer"), "picky": get.with("Accept", "text/html"),
	} {
		head := c
		head.method = http.MethodHead

		want, got := c.to(t, d.Server), head.to(t, d.Server)
		if got.status != want.status || len(got.body) > 0 {
			t.Errorf("%s: %s, want %d and no body", name, got, want.status)
		}

		for header := range want.header {
			if header != "Date" && header != "X-Request-Id" && got.header.Get(header) != want.header.Get(header) {
				t.Errorf("%s: %s is %q, want %q", name, header, got.header.Get(header), want.header.Get(header))
			}
		}
	}
}

// R-H5, R-J4: only the documented content type, and no encoding.
func TestContentTypeDecides(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	for _, o := range operations() {
		if o.RequestBody == nil {
			continue
		}

		media := o.media()
		good := []string{media, media + "; charset=utf-8", media + ";charset=UTF-8", strings.ToUpper(media), media + ` ; charset="utf-8"`}
		bad := []string{
			"", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/problem+json", "text/json",
			"application/json-patch+json", "application/xml", "application/yaml", "application/zip", "application/octet-stream", "*/*",
			media + "; charset=utf-16", media + "; charset=latin1", media + "x", media + "," + media, media + "; charset", "json", ";",
			"application/json, application/x-www-form-urlencoded",
		}

		for _, value := range good {
			if got := d.call(o).with("Content-Type", value).to(t, d.Server); got.status == http.StatusUnsupportedMediaType || got.problem.Code == "INVALID_REQUEST" {
				t.Errorf("%s with %q: %s", o.OperationID, value, got)
			}
		}

		for _, value := range bad {
			expectStatus(t, d, d.call(o).with("Content-Type", value), http.StatusUnsupportedMediaType, value)
		}

		expectStatus(t, d, d.call(o).without("Content-Type"), http.StatusUnsupportedMediaType, "no type")
		expectStatus(t, d, d.call(o).with("Content-Type", media, media), http.StatusUnsupportedMediaType, "two types")

		for _, encoding := range []string{"gzip", "deflate", "br", "identity", "zstd", "gzip, gzip", "x"} {
			expectStatus(t, d, d.call(o).with("Content-Encoding", encoding), http.StatusUnsupportedMediaType, encoding)
		}
	}

	// The contract: a GET may carry a type.
	me := call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+d.tokens.AccessToken)
	expectStatus(t, d, me.with("Content-Type", "application/json"), http.StatusOK, "GET with a type")
}

// R-J4: 406 where Accept leaves no room for JSON, and only there.
func TestAcceptDecides(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	me := call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+d.tokens.AccessToken)

	for _, value := range []string{
		"", "*/*", "application/*", "application/json", "APPLICATION/JSON", "application/json;q=0.001", "text/html, */*;q=0.1",
		"text/html,application/json", "application/json, text/plain, */*", "application/json; charset=utf-8", ";;;", "q=1",
	} {
		expectStatus(t, d, me.with("Accept", value), http.StatusOK, value)
	}

	for _, value := range []string{
		"text/html", "text/*", "application/xml", "image/*", "application/json;q=0", "*/*;q=0", "application/*;q=0.000",
		"application/jsonx", "text/json", "application/problem+json",
	} {
		expectStatus(t, d, me.with("Accept", value), http.StatusNotAcceptable, value)
	}

	expectStatus(t, d, me.with("Accept", "text/html", "application/json"), http.StatusOK, "two headers")
	expectStatus(t, d, me.with("Accept", strings.Repeat("text/html,", 1_400)), http.StatusNotAcceptable, "a long one")
}

// endsSessions says that a good call of the operation ends sessions that other calls would need.
func endsSessions(o operation) bool {
	return slices.Contains([]string{"logout", "signOut", "endOtherSessions", "endOtherUserSessions"}, o.OperationID)
}

// F-10: whatever name the client knows us by.
func TestHostDoesNotMatter(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) { c.FailuresFree = 100 }) // the same person fails at several

	for _, o := range operations() {
		d.staySignedIn(t)

		for _, host := range []string{
			"127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "localhost", "gateway.test", "GATEWAY.test:443", "evil.test", "x.gateway.test.",
		} {
			if endsSessions(o) {
				d.staySignedIn(t)
			}

			c := d.call(o)
			c.host = host

			// Whatever the handler says, it is the handler who says it.
			if got := c.to(t, d.Server); slices.Contains(early, got.problem.Code) {
				t.Errorf("%s %s, %q: %s", o.method, o.path, host, got)
			}
		}
	}
}

func expectStatus(t *testing.T, d *desk, c call, want int, what string) {
	t.Helper()

	if got := c.to(t, d.Server); got.status != want {
		t.Errorf("%s %s, %.60q: %s, want %d", c.method, c.path, what, got, want)
	}
}
