package audit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Reader reads what the log says of an account.
type Reader struct {
	db *postgres.DB
}

// NewReader returns a Reader.
func NewReader(database *postgres.DB) *Reader { return &Reader{db: database} }

// SignIn is a successful sign-in.
type SignIn struct {
	At        time.Time
	Method    string // password, sms, totp; empty if it is from before methods were recorded
	Address   netip.Addr
	UserAgent string
}

// LastSignIn returns an account's last sign-in, on either surface; false if there was none.
func (r *Reader) LastSignIn(ctx context.Context, accountID string) (SignIn, bool, error) {
	row, err := postgres.Get(ctx, r.db, func(ctx context.Context, conn *pgxpool.Conn) (db.AuditEventLastSignInRow, error) {
		return db.New(conn).AuditEventLastSignIn(ctx, &accountID)
	})
	if postgres.IsNotFound(err) {
		return SignIn{}, false, nil
	} else if err != nil {
		return SignIn{}, false, fmt.Errorf("last sign-in: %w", err)
	}

	found := SignIn{At: row.At, Method: row.Method, UserAgent: row.UserAgent}
	if row.Address != nil {
		found.Address = *row.Address
	}

	return found, true, nil
}
