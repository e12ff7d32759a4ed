package httpapi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// consolePolicy lets the console run its own files and send requests to this server. The style elements that its
// components create carry the nonce; the QR code, a picture from a response, is a data: URL.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// nonceMark is the placeholder of the nonce in index.html.
const nonceMark = "NONCE"

// consoleMissing is the page of a binary that was built without the console.
const consoleMissing = `<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Toolkit Gateway</title></head>
<body>
  <h1>Toolkit Gateway</h1>
  <p lang="zh-CN">此程序构建时未包含管理控制台，请用 <code>make build</code> 重新构建。</p>
  <p lang="en">This binary was built without the console. Build it with <code>make build</code>.</p>
</body>
</html>
`

// contentOf are the types of the console's assets.
var contentOf = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".md":  "text/markdown; charset=utf-8", // the licences of the bundled packages
}

// Console serves the web application at /console. files holds index.html and assets/, whose names change with their
// content. The application selects its page by the path, so all paths except those of assets get the same response.
func (p *Pipeline) Console(r chi.Router, files fs.FS) error {
	index, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		index = []byte(consoleMissing)
	} else if err != nil {
		return fmt.Errorf("console: %w", err)
	}

	assets, err := consoleAssets(files)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}

	page := consolePage(string(index))
	r.Get("/console", page)
	r.Get("/console/*", page)
	r.Get("/console/assets/*", func(w http.ResponseWriter, r *http.Request) {
		if answer := assets[r.URL.Path]; answer != nil {
			answer(w, r)
		} else {
			p.Fail(w, r, problem.ErrNotFound)
		}
	})

	return nil
}

// consolePage returns the page with a fresh nonce, which no one can predict.
func consolePage(index string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		nonce := rand.Text()

		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf(consolePolicy, nonce))
		_, _ = w.Write([]byte(strings.ReplaceAll(index, nonceMark, nonce)))
	}
}

// consoleAssets returns the responses for all assets, by path. The build compresses them, and every browser
// decompresses them.
func consoleAssets(files fs.FS) (map[string]http.HandlerFunc, error) {
	packed, err := fs.Glob(files, "assets/*.gz")
	if err != nil {
		return nil, err
	}

	assets := map[string]http.HandlerFunc{}

	for _, file := range packed {
		content, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}

		name := strings.TrimSuffix(file, ".gz")

		kind := contentOf[path.Ext(name)]
		if kind == "" {
			return nil, fmt.Errorf("%s is of no known type", name)
		}

		assets["/console/"+name] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(content)
		}
	}

	return assets, nil
}
