package httpapi

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// docsPolicy lets the documentation page run its own script and send requests to this server, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Documents serves the document itself and its page: /openapi.yaml, /openapi.json, /docs. assets holds index.html,
// init.js, and scalar.js.gz if the binary was built with the web assets.
func (p *Pipeline) Documents(r chi.Router, yaml []byte, assets fs.FS) error {
	text, err := json.Marshal(p.document)
	if err != nil {
		return fmt.Errorf("document as json: %w", err)
	}

	r.Get("/openapi.yaml", static("application/yaml", yaml, nil))
	r.Get("/openapi.json", static(contentJSON, text, nil))

	page := http.Header{"Content-Security-Policy": {docsPolicy}}

	for _, asset := range []struct {
		path, file, content, encoding string
	}{
		{"/docs", "index.html", "text/html; charset=utf-8", ""},
		{"/docs/init.js", "init.js", "text/javascript; charset=utf-8", ""},
		{"/docs/scalar.js", "scalar.js.gz", "text/javascript; charset=utf-8", "gzip"},
	} {
		content, err := fs.ReadFile(assets, asset.file)
		if err != nil {
			continue // built without the web assets; the page shows that
		}

		header := page.Clone()
		if asset.encoding != "" {
			header.Set("Content-Encoding", asset.encoding)
			header.Set("Cache-Control", "public, max-age=3600")
		}

		r.Get(asset.path, static(asset.content, content, header))
	}

	return nil
}

func static(contentType string, content []byte, header http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}

		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(content)
	}
}
