package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrIdentityTaken is returned for an identity that is bound to another account.
var ErrIdentityTaken = problem.New(problem.Invalid, "IDENTITY_TAKEN")

// MayBindLark reports, before the browser goes to Lark, whether the sign-in is recent enough for BindLark.
func (p *Profiles) MayBindLark(who session.Principal) bool { return p.requireRecent(who) == nil }

// BindLark binds a person's identity at Lark, in place of the one that is bound: subject is their id
// there, and told what Lark tells of them, in JSON. use uses up what led to it, in the same transaction.
func (p *Profiles) BindLark(
	ctx context.Context, who session.Principal, subject string, told []byte, use func(ctx context.Context, tx postgres.Tx) error,
) error {
	return p.changeAndNotify(ctx, who.Actor(recent), delivery.LarkChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		email, err := p.touch(ctx, tx, who, now)
		if err != nil {
			return notice{}, err
		}

		queries := db.New(tx)

		_, err = queries.IdentityRemove(ctx, db.IdentityRemoveParams{AccountID: who.Account.ID, Provider: lark.Provider, Keep: subject})
		if err != nil {
			return notice{}, fmt.Errorf("replace identity: %w", err)
		}

		bound, err := queries.IdentityBind(ctx, db.IdentityBindParams{
			Provider: lark.Provider, Subject: subject, AccountID: who.Account.ID, Profile: told, Now: now,
		})
		if err != nil {
			return notice{}, fmt.Errorf("bind identity: %w", err)
		} else if bound == 0 {
			return notice{}, ErrIdentityTaken
		}

		if err := use(ctx, tx); err != nil {
			return notice{}, err
		}

		undo := &Undo{What: UndoLark, AccountID: who.Account.ID, At: now, Subject: subject}

		return notice{to: email, undo: undo}, p.record(ctx, tx, who, audit.LarkChanged, "bound", now)
	})
}

// UnbindLark removes the identity. It is not an error if none is bound.
func (p *Profiles) UnbindLark(ctx context.Context, who session.Principal) error {
	return p.unbind(ctx, who, who.Actor(recent), delivery.LarkChanged, func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error) {
		if !ways.Identity {
			return false, nil
		}

		if !ways.Password && !behindSecond(ways.PhoneOpens, ways) && !p.totpOpens(ways) && ways.IdentityOpens {
			return false, ErrLastWayIn
		}

		removed, err := db.New(tx).IdentityRemove(ctx, db.IdentityRemoveParams{AccountID: who.Account.ID, Provider: lark.Provider})
		if err != nil {
			return false, fmt.Errorf("unbind identity: %w", err)
		} else if removed == 0 {
			return false, nil
		}

		if _, err := p.touch(ctx, tx, who, now); err != nil {
			return false, err
		}

		return true, p.record(ctx, tx, who, audit.LarkChanged, "removed", now)
	})
}
