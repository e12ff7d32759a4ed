// Package transfer imports accounts from files and exports them: files of the previous gateway and service, as
// mongoexport writes them, files of Firebase, Auth0 and Keycloak, and files in our own form. An imported account obeys every rule for accounts created here. A
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
	Auto     Format = "auto"     // detected from the beginning of the file
	Gateway  Format = "gateway"  // of the previous gateway, by mongoexport
	Public   Format = "public"   // of the public service, by mongoexport
	Firebase Format = "firebase" // by firebase auth:export, as JSON
	Auth0    Format = "auth0"    // by a job that exports users, or of password hashes
	Keycloak Format = "keycloak" // of a realm, with its users
	JSON     Format = "json"     // our own, one object per line
	CSV      Format = "csv"      // our own, with a line of column names
)

// Summary says what a file of another system is, and what of it is not imported. It is empty for the formats of our services.
func (f Format) Summary() string {
	switch f {
	case Firebase:
		return "Firebase's export of users, imported without their ids, claims and identities of other providers"
	case Auth0:
		return "Auth0's export of users or password hashes, imported without metadata, roles and identities of other providers"
	case Keycloak:
		return "Keycloak's export of users, imported without their ids, groups, roles, attributes and identities of other providers"
	}

	return ""
}

// Remark is a remark about one record of a file.
type Remark struct {
	Line     int64  `json:"line"`              // its first
	LastLine int64  `json:"lastLine,omitzero"` // if it has several
	Record   int64  `json:"record,omitzero"`   // its number, in a file whose records do not have a line each
	Account  string `json:"account,omitempty"` // its address or id, if that can be read
	Field    string `json:"field,omitempty"`   // the file's name for it; empty for the whole record
	Reason   string `json:"reason"`
	// Imported reports that the account is imported all the same: the remark is for its administrator.
	Imported bool `json:"imported"`
}

func (r Remark) String() string {
	text := fmt.Sprintf("line %d", r.Line)
	if r.Record > 0 {
		text += fmt.Sprintf(", record %d", r.Record)
	}

	if r.Field != "" {
		text += ": " + r.Field
	}

	return text + ": " + r.Reason
}

// Progress is how far an import is, from the beginning of the file. Every record is imported, present or refused. Where a file has
// a record on each line, every line is one, except for empty ones and the column names of CSV.
type Progress struct {
	Format   Format
	Line     int64 // the number of the last line read
	Imported int64
	Present  int64 // existing, with the same id and address
	Refused  int64
	Position int64 // bytes of the file that are read
	Size     int64 // of the file; 0 if unknown
}
