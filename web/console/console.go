// Package console holds the administration console: a web application that npm builds and the binary carries.
package console

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are what `make build` has put there: index.html, and assets/ packed with gzip. Without it there are none.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid path
	}

	return sub
}
