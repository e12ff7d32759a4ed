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

// Reader returns what happened.
type Reader struct {
	db *postgres.DB
}

// NewReader makes a Reader.
func NewReader(database *postgres.DB) *Reader { return &Reader{db: database} }

// SignIn is one that succeeded.
type SignIn struct {
	At        time.Time
	Method    string // password, sms, totp; empty for one from before it was recorded
	Address   netip.Addr
	UserAgent string
}

// LastSignIn returns an account's last one, of either surface; false if there was none.
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
