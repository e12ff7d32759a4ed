// Package transfer brings accounts in from files and writes them out again: of the gateway and the service that were
// there before, as mongoexport writes them, and in a form of our own. What it brings in obeys every rule that accounts
// made here obey, and a line that does not is reported, never mended in silence and never dropped. It makes no sign-in,
// checks no password, and tells nobody by mail.
package transfer

import (
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Deps are what a Transfer is made of.
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

// New makes a Transfer.
func New(d Deps) *Transfer { return &Transfer{db: d.DB, keys: d.Keys, now: d.Now} }

// Format is a way to write accounts.
type Format string

// The formats.
const (
	Auto    Format = "auto"    // whichever the first line looks like
	Gateway Format = "gateway" // of the gateway that was there before, by mongoexport
	Public  Format = "public"  // of the public service, by mongoexport
	JSON    Format = "json"    // our own, an object a line
	CSV     Format = "csv"     // our own, with a line of column names
)

// Remark is what there is to say about one line of a file.
type Remark struct {
	Line   int64  `json:"line"`
	Field  string `json:"field,omitempty"` // as the file calls it; empty for the line as a whole
	Reason string `json:"reason"`
	// Imported says that the account is in all the same: the remark is for whoever looks after it.
	Imported bool `json:"imported"`
}

func (r Remark) String() string {
	if r.Field == "" {
		return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
	}

	return fmt.Sprintf("line %d: %s: %s", r.Line, r.Field, r.Reason)
}

// Progress is how far an import is, from the beginning of the file. Every line but empty ones, and the column names of
// CSV, is imported, present or refused.
type Progress struct {
	Line     int64 // the number of the last one dealt with
	Imported int64
	Present  int64 // there already, with the same id and address
	Refused  int64
	Position int64 // bytes of the file that are dealt with
	Size     int64 // of the file; 0 where it is not known
}
