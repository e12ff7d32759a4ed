package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Leave deletes the caller's account: every session ends, and the mail has a link that brings the account back until it is
// erased, after Deps.Retention. It returns group.ErrLastAdministrator if no administrator would be left.
func (p *Profiles) Leave(ctx context.Context, who session.Principal) error {
	actor := who.Actor(recent).Alone()

	return p.changeAndNotify(ctx, actor, delivery.AccountLeft, func(ctx context.Context, tx postgres.Tx, now time.Time) (told notice, err error) {
		err = group.KeepAdministrator(ctx, tx, actor, func() error {
			told.to, err = db.New(tx).AccountLeave(ctx, db.AccountLeaveParams{ID: who.Account.ID, Now: now})
			if postgres.IsNotFound(err) {
				return problem.ErrTokenInvalid // deleted at this moment
			} else if err != nil {
				return fmt.Errorf("delete account: %w", err)
			}

			return nil
		})
		if err != nil {
			return notice{}, err
		}

		if err := p.Sessions.EndAllBut(ctx, tx, who.Account.ID, "", "account deleted"); err != nil {
			return notice{}, err
		}

		if err := challenge.Void(ctx, tx, who.Account.ID); err != nil {
			return notice{}, err
		}

		told.at = now.Add(p.Retention)
		told.undo = &Undo{What: UndoDeletion, AccountID: who.Account.ID, At: now}

		return told, p.record(ctx, tx, who, audit.AccountDeleted, "", now)
	})
}

// RecordExport records that the caller exports their data, before it is read.
func (p *Profiles) RecordExport(ctx context.Context, who session.Principal) error {
	event := audit.Event{Action: audit.AccountExported, AccountID: who.Account.ID, SessionID: who.SessionID}

	return authority.Recorded(ctx, p.DB, p.Now(), who.Actor(recent), &event, func(context.Context, postgres.Tx, authority.Rights) error { return nil })
}
