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
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
)

// docsPolicy lets the documentation page run its own script and send requests to this server, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Documents serves the document itself and its page: /openapi.yaml, /openapi.json, /docs. assets holds index.html,
// init.js, and scalar.js.gz if the binary was built with the web assets.
func (p *Pipeline) Documents(r chi.Router, yaml []byte, assets fs.FS) {
	r.Get("/openapi.yaml", p.revalidated("application/yaml", func() ([]byte, error) { return yaml, nil }))
	r.Get("/openapi.json", p.revalidated(contentJSON, func() ([]byte, error) { return json.Marshal(p.document) }))

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
}

// served is a text as it is served.
type served struct {
	content, compressed []byte
	tag                 string
}

// prepared returns a text with its compressed form and its tag.
func prepared(content []byte) (*served, error) {
	var compressed bytes.Buffer

	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err == nil {
		_, err = writer.Write(content)
	}

	if err == nil {
		err = writer.Close()
	}

	return &served{content, compressed.Bytes(), fmt.Sprintf("%x", sha256.Sum256(content))[:32]}, err
}

// revalidated serves a text that changes only with the version of the server: compressed if the client accepts that, and not
// at all if the client has it (If-None-Match). The first request prepares it, so that a server does not start later for it.
func (p *Pipeline) revalidated(contentType string, read func() ([]byte, error)) http.HandlerFunc {
	prepare := sync.OnceValues(func() (*served, error) {
		content, err := read()
		if err != nil {
			return nil, err
		}

		return prepared(content)
	})

	return func(w http.ResponseWriter, r *http.Request) {
		text, err := prepare()
		if err != nil {
			p.Fail(w, r, fmt.Errorf("prepare %s: %w", r.URL.Path, err))

			return
		}

		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cache-Control", "no-cache") // a copy is used after asking whether it is the current one
		header.Add("Vary", "Accept-Encoding")

		body, etag := text.content, `"`+text.tag+`"`
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			body, etag = text.compressed, `"`+text.tag+`-gzip"`

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
