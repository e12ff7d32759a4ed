// Package account owns what an account is: the normal forms of its e-mail address, name and phone, its id, and its row.
// It opens no session and checks no password; package administration changes accounts.
package account

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// GroupNone is the member group of a new account, until an administrator assigns one.
const GroupNone = group.None

// Status is whether an account may sign in.
type Status string

// The statuses.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
	Deleted  Status = "deleted" // kept for a while; an administrator can make it active again
)

// Account is one person's account, shared by both surfaces.
type Account struct {
	ID          string // 24 lower-case hex digits
	Email       string // in its normal form, see ParseEmail
	Name        string
	MemberGroup string
	Avatar      int32
	Status      Status
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Version     int32 // 0 at creation, one more at each change
}

// NewID returns an id in the form of an ObjectID: four bytes of time, so that ids sort by age and indexes grow at one
// end, then eight random bytes.
func NewID(now time.Time) string {
	id := binary.BigEndian.AppendUint32(nil, uint32(now.Unix())) //nolint:gosec // good until 2106

	return hex.EncodeToString(append(id, randomid.Bytes(8)...))
}

// fromRow converts a row to an Account. Every query that returns accounts lists the same columns, so its row has this
// type.
func fromRow(row db.AccountByIDRow) Account {
	return Account{
		ID:          row.ID,
		Email:       row.Email,
		Name:        row.Name,
		MemberGroup: row.MemberGroup,
		Avatar:      row.Avatar,
		Status:      Status(row.Status),
		CreatedAt:   row.CreatedAt,
		UpdatedAt:   row.UpdatedAt,
		Version:     row.Version,
	}
}
