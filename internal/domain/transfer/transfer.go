// Package transfer imports accounts from files and exports them: files of the previous gateway and service, as
// mongoexport writes them, and files in our own form. An imported account obeys every rule for accounts created here. A
// line that does not is reported, never corrected silently and never dropped. It opens no session, checks no password,
// and sends no mail.
package transfer

import (
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Deps are the dependencies of a Transfer.
type Deps struct {
	DB   *postgres.DB
	Keys *keyring.Keyring
	Now  func() time.Time
}

// Transfer imports and exports.
type Transfer struct {
	db   *postgres.DB
	keys *keyring.Keyring
	now  func() time.Time
}

// New returns a Transfer.
func New(d Deps) *Transfer { return &Transfer{db: d.DB, keys: d.Keys, now: d.Now} }

// Format is a file format of accounts.
type Format string

// The formats.
const (
	Auto    Format = "auto"    // detected from the first line
	Gateway Format = "gateway" // of the previous gateway, by mongoexport
	Public  Format = "public"  // of the public service, by mongoexport
	JSON    Format = "json"    // our own, one object per line
	CSV     Format = "csv"     // our own, with a line of column names
)

// Remark is a remark about one line of a file.
type Remark struct {
	Line   int64  `json:"line"`
	Field  string `json:"field,omitempty"` // the file's name for it; empty for the whole line
	Reason string `json:"reason"`
	// Imported reports that the account is imported all the same: the remark is for its administrator.
	Imported bool `json:"imported"`
}

func (r Remark) String() string {
	if r.Field == "" {
		return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
	}

	return fmt.Sprintf("line %d: %s: %s", r.Line, r.Field, r.Reason)
}

// Progress is how far an import is, from the beginning of the file. Every line, except empty ones and the column names
// of CSV, is imported, present or refused.
type Progress struct {
	Line     int64 // the number of the last line read
	Imported int64
	Present  int64 // existing, with the same id and address
	Refused  int64
	Position int64 // bytes of the file that are read
	Size     int64 // of the file; 0 if unknown
}
