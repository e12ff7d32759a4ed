// Package account owns what an account is: the normal forms of its e-mail address, name and phone, its id, and its row.
// It opens no session and checks no password; package administration changes accounts.
package account

import (
	"encoding/binary"
	"encoding/hex"
	"math"
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

// NewID returns an id in the form of an ObjectID, for an account that is created now: time first, so that ids sort by age and
// indexes grow at one end, then random bits.
func NewID(now time.Time) string { return NewIDAt(now, binary.BigEndian.Uint64(randomid.Bytes(8))) }

// ordinalBits are the bits of an id behind its time: four bytes of seconds and ten bits of milliseconds.
const ordinalBits = 54

// NewIDAt returns an id for an account that was created elsewhere at that time. Of two ids of one millisecond the one with the
// lower ordinal sorts first. Only the lowest 54 bits of the ordinal count, and the caller makes it unique.
func NewIDAt(created time.Time, ordinal uint64) string {
	seconds := min(max(created.Unix(), 0), math.MaxUint32)     // the last one is in 2106
	ms := uint64(created.Nanosecond() / int(time.Millisecond)) //nolint:gosec // below 1000

	id := binary.BigEndian.AppendUint32(nil, uint32(seconds))
	id = binary.BigEndian.AppendUint64(id, ms<<ordinalBits|ordinal&(1<<ordinalBits-1))

	return hex.EncodeToString(id)
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
