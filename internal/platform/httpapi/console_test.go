package httpapi

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"
)

// consoleOf serves files as a console.
func consoleOf(t *testing.T, files fs.FS) http.Handler {
	t.Helper()

	p, r := &Pipeline{log: slog.New(slog.DiscardHandler), observe: func(Observation) {}}, chi.NewRouter()
	r.Use(p.identify, headers)

	if err := p.Console(r, files); err != nil {
		t.Fatal(err)
	}

	return r
}

func get(handler http.Handler, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))

	return recorder
}

var built = fstest.MapFS{
	"index.html":            {Data: []byte(`<meta nonce="NONCE"><script src="/console/assets/index-1.js"></script>`)},
	"assets/index-1.js.gz":  {Data: packed("run()")},
	"assets/index-2.css.gz": {Data: packed("a {}")},
}

func packed(text string) []byte {
	var packed bytes.Buffer

	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(text))
	_ = writer.Close()

	return packed.Bytes()
}

// Every path without an asset returns the application's page, with a policy that lets it run only its own files, and a
// new nonce each time.
func TestConsolePage(t *testing.T) {
	t.Parallel()

	handler := consoleOf(t, built)
	nonce := regexp.MustCompile(`^<meta nonce="([A-Z2-7]{26})">`)
	seen := map[string]bool{}

	for _, path := range []string{"/console", "/console/", "/console/queue", "/console/accounts/68ca4a3d9f1c2b7e5a0d4c61", "/console/index.html", "/console/x.js", "/console/queue"} {
		got := get(handler, path)

		found := nonce.FindStringSubmatch(got.Body.String())
		if got.Code != http.StatusOK || found == nil || seen[found[1]] {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}

		seen[found[1]] = true
		policy := "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + found[1] + "'; img-src 'self' data:; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "",
		} {
			if value := got.Header().Get(name); value != want {
				t.Errorf("%s: %s is %q, want %q", path, name, value, want)
			}
		}
	}
}

// The content of an asset's name never changes, so that a browser requests it once; a missing asset is not the page.
func TestConsoleAssets(t *testing.T) {
	t.Parallel()

	handler := consoleOf(t, built)

	for path, want := range map[string]struct{ content, kind string }{
		"/console/assets/index-1.js":  {"run()", "text/javascript; charset=utf-8"},
		"/console/assets/index-2.css": {"a {}", "text/css; charset=utf-8"},
	} {
		got := get(handler, path)

		reader, err := gzip.NewReader(got.Body)
		if err != nil {
			t.Fatalf("%s: %d %v", path, got.Code, err)
		}

		var content bytes.Buffer
		if _, err := content.ReadFrom(reader); err != nil || content.String() != want.content {
			t.Errorf("%s: %q %v", path, content.String(), err)
		}

		if h := got.Header(); h.Get("Content-Type") != want.kind || h.Get("Content-Encoding") != "gzip" || h.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %v", path, h)
		}
	}

	for _, path := range []string{
		"/console/assets/", "/console/assets/index-0.js", "/console/assets/index-1.js.gz", "/console/assets/../index.html",
		"/console/assets/%2e%2e/index.html", "/console/assets/index-1.js/", "/console/assets//index-1.js",
	} {
		if got := get(handler, path); got.Code != http.StatusNotFound || got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
}

// A binary without the console shows how to get one with it; a build that the server cannot serve does not start.
func TestConsoleMissing(t *testing.T) {
	t.Parallel()

	if got := get(consoleOf(t, fstest.MapFS{".gitignore": {}}), "/console"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "make build") {
		t.Errorf("%d %s", got.Code, got.Body)
	}

	if err := (&Pipeline{}).Console(chi.NewRouter(), fstest.MapFS{"assets/x.exe.gz": {Data: packed("")}}); err == nil {
		t.Error("an asset of no known type is served")
	}
}
