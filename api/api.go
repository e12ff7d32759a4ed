// Package api holds what we promise: the OpenAPI document, and the page that shows it.
package api

import (
	"embed"
	"io/fs"
)

// Document is openapi.yaml as its readers see it.
//
//go:embed openapi.yaml
var Document []byte

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
