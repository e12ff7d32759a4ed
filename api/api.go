// Package api holds what we promise: the OpenAPI document, in parts, and the page that shows it.
package api

import (
	"embed"
	"io/fs"

	"github.com/konec/toolkit-gateway/gen"
)

// Document is the bundle of openapi.yaml and its parts, which `make generate` writes.
var Document = gen.Document

//go:embed all:docs
var docs embed.FS

// Docs are the files of the documentation page. scalar.js.gz is among them only where `make build`
// put it there.
func Docs() fs.FS {
	sub, err := fs.Sub(docs, "docs")
	if err != nil {
		panic(err) // only for an invalid path
	}

	return sub
}
