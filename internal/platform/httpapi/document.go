package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

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

	r.Get("/openapi.yaml", revalidated("application/yaml", yaml))
	r.Get("/openapi.json", revalidated(contentJSON, text))

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

// revalidated serves a text that changes only with the version of the server: compressed if the client accepts that, and not
// at all if the client has it (If-None-Match).
func revalidated(contentType string, content []byte) http.HandlerFunc {
	var packed bytes.Buffer

	writer, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = writer.Write(content)
	_ = writer.Close()

	tag := fmt.Sprintf("%x", sha256.Sum256(content))[:32]

	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cache-Control", "no-cache") // a copy is used after asking whether it is the current one
		header.Add("Vary", "Accept-Encoding")

		body, etag := content, `"`+tag+`"`
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			body, etag = packed.Bytes(), `"`+tag+`-gzip"`

			header.Set("Content-Encoding", "gzip")
		}

		header.Set("ETag", etag)
		r.Header.Del("Range") // no client needs a part of it
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}

// acceptsGzip reports whether a client accepts gzip (RFC 9110, section 12.5.3).
func acceptsGzip(headers []string) bool {
	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, parameters, _ := strings.Cut(strings.ToLower(one), ";")

		if coding = strings.TrimSpace(coding); coding == "gzip" || coding == "x-gzip" {
			weight, weighted := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")

			return !weighted || strings.Trim(weight, "0.") != ""
		}
	}

	return false
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
