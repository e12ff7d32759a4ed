package session

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrNotFound is returned for an id that no live session of the account has.
var ErrNotFound = problem.New(problem.NotFound, "SESSION_NOT_FOUND")

// Session is a live session, as its user sees it.
type Session struct {
	ID        string
	Surface   string // toolkit or public
	Device    string
	Label     string     // the name that its user gave it, or empty
	Client    string     // the app, or empty
	Address   netip.Addr // not valid if unknown
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
}

// List returns an account's live sessions, of both surfaces, the last used first.
func (s *Sessions) List(ctx context.Context, accountID string) ([]Session, error) {
	rows, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]db.SessionListRow, error) {
		return db.New(conn).SessionList(ctx, db.SessionListParams{AccountID: accountID, Now: s.Now()})
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}

	list := make([]Session, len(rows))
	for i, row := range rows {
		list[i] = Session{
			ID: row.ID, Surface: row.Surface, Device: row.Device, Label: row.Label, Client: row.Client, CreatedAt: row.CreatedAt, SeenAt: row.SeenAt, ExpiresAt: row.ExpiresAt,
		}

		if row.Address != nil {
			list[i].Address = *row.Address
		}
	}

	return list, nil
}

// Label gives one of the caller's sessions a name; nil removes it. It returns ErrNotFound for another id.
func (s *Sessions) Label(ctx context.Context, who Principal, id string, label *string) error {
	event := audit.Event{Action: audit.SessionLabelled, AccountID: who.Account.ID, SessionID: id}
	now := s.Now()

	return authority.Recorded(ctx, s.DB, now, who.Actor(0), &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		found, err := db.New(tx).SessionLabel(ctx, db.SessionLabelParams{ID: id, AccountID: who.Account.ID, Label: label, Now: now})
		if err != nil {
			return fmt.Errorf("label session: %w", err)
		} else if found == 0 {
			return ErrNotFound
		}

		return nil
	})
}

// EndOne ends one of the caller's sessions, or returns ErrNotFound.
func (s *Sessions) EndOne(ctx context.Context, who Principal, id string) error {
	event := audit.Event{Action: audit.SessionEnded, AccountID: who.Account.ID, SessionID: id}
	now := s.Now()

	return authority.Recorded(ctx, s.DB, now, who.Actor(0).Unlimited(), &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		ended, err := db.New(tx).SessionRevokeOwn(ctx, db.SessionRevokeOwnParams{
			ID: id, AccountID: who.Account.ID, Now: now, Reason: "ended by the owner",
		})
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		} else if ended == 0 {
			return ErrNotFound
		}

		return nil
	})
}

// EndOthers ends every session of the account except the caller's.
func (s *Sessions) EndOthers(ctx context.Context, who Principal) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if _, err := who.Actor(0).Unlimited().Confirm(ctx, tx, s.Now()); err != nil {
			return err
		}

		return s.EndAllBut(ctx, tx, who.Account.ID, who.SessionID, "ended by the owner")
	})
}

// EndAllBut ends an account's sessions on both surfaces except keep (empty for none), in the transaction of the change
// that ends them.
func (s *Sessions) EndAllBut(ctx context.Context, tx postgres.Tx, accountID, keep, reason string) error {
	now := s.Now()

	ended, err := db.New(tx).SessionRevokeOthers(ctx, db.SessionRevokeOthersParams{AccountID: accountID, Keep: keep, Now: now, Reason: reason})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}

	for _, id := range ended {
		if err := audit.Record(ctx, tx, now, audit.Event{Action: audit.SessionEnded, AccountID: accountID, SessionID: id}); err != nil {
			return err
		}
	}

	return nil
}
