// Package migrations holds the schema's history, forward only: a file that has landed is never
// changed (migrations.sum says what landed), a change is a new file.
package migrations

import "embed"

// FS holds the SQL files, in the form that goose and sqlc read.
//
//go:embed *.sql
var FS embed.FS
