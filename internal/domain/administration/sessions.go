package administration

import (
	"context"
	"fmt"
	"strconv"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// EndSessions ends every session of an account, for an administrator.
func (a *Administration) EndSessions(ctx context.Context, c authority.Change) error {
	return a.endSessions(ctx, c, "", func(ctx context.Context, tx postgres.Tx) (map[string]string, error) {
		ended, err := db.New(tx).SessionRevokeAll(ctx, db.SessionRevokeAllParams{AccountID: c.Target.ID, Now: a.now(), Reason: "administrator"})
		if err != nil {
			return nil, fmt.Errorf("end sessions: %w", err)
		}

		return map[string]string{"sessions": strconv.FormatInt(ended, 10)}, nil
	})
}

// EndSession ends one of them, or returns session.ErrNotFound.
func (a *Administration) EndSession(ctx context.Context, c authority.Change, id string) error {
	return a.endSessions(ctx, c, id, func(ctx context.Context, tx postgres.Tx) (map[string]string, error) {
		ended, err := db.New(tx).SessionRevokeOwn(ctx, db.SessionRevokeOwnParams{
			ID: id, AccountID: c.Target.ID, Now: a.now(), Reason: "administrator",
		})
		if err != nil {
			return nil, fmt.Errorf("end session: %w", err)
		} else if ended == 0 {
			return nil, session.ErrNotFound
		}

		return nil, nil
	})
}

// endSessions ends sessions in one transaction, under the account's lock, and records one event. id is the session in
// the event; empty for all sessions of the account.
func (a *Administration) endSessions(
	ctx context.Context, c authority.Change, id string, end func(ctx context.Context, tx postgres.Tx) (map[string]string, error),
) error {
	event := audit.Event{Action: audit.SessionEnded, AccountID: c.Target.ID, ActorID: c.Actor.AccountID, SessionID: id}

	return authority.Recorded(ctx, a.db, a.now(), c.Actor, &event, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (err error) {
		if _, err := lock(ctx, tx, rights, c.Target); err != nil {
			return err
		}

		event.Detail, err = end(ctx, tx)

		return err
	})
}
