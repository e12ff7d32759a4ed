package administration

import (
	"context"
	"errors"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// CreateFor creates an account for a user whose address an administrator vouches for. It has no password. With an
// invitation, in the language that invite names, the user receives a mail and sets a password with a code.
func (a *Administration) CreateFor(ctx context.Context, change authority.Change, c account.Creation, invite language.Language) (Details, error) {
	id, invitation := account.NewID(a.now()), delivery.NewID()

	created, err := authority.Once(ctx, a.db, a.now(), change, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Details, error) {
		granted, err := db.New(tx).MemberGroupRights(ctx, c.MemberGroup)
		if postgres.IsNotFound(err) {
			return Details{}, account.ErrUnknownGroup
		} else if err != nil {
			return Details{}, fmt.Errorf("look up group: %w", err)
		}

		if !rights.Include(authority.RightsOf(granted)) {
			return Details{}, problem.ErrRightMissing
		}

		_, err = account.Insert(ctx, tx, a.now(), id, c)
		if errors.Is(err, account.ErrTaken) {
			return Details{}, account.ErrEmailTaken
		} else if err != nil {
			return Details{}, err
		}

		err = audit.Record(ctx, tx, a.now(), audit.Event{
			Action: audit.AccountCreated, AccountID: id, ActorID: change.Actor.AccountID, Subject: c.Email, Detail: map[string]string{"group": c.MemberGroup},
		})
		if err != nil {
			return Details{}, err
		}

		if invite != "" {
			if err := a.countInvitation(ctx, tx, change.Actor); err != nil {
				return Details{}, err
			}

			err = a.queue.Enqueue(ctx, tx, invitation, delivery.Message{
				Kind: delivery.Invitation, Channel: delivery.Mail, To: c.Email, Language: invite, Content: delivery.Content{At: a.now()},
			})
			if err != nil {
				return Details{}, err
			}
		}

		return details(ctx, tx, id)
	})

	return created, throttle.RecordRefusal(ctx, a.db, a.now(), err, audit.Event{
		ActorID: change.Actor.AccountID, Subject: c.Email, Method: string(delivery.Invitation),
	})
}

// countInvitation refuses an administrator who has sent too many mails in the hour: an account that was taken over, or a
// script, must not mail any number of strangers. Commands have no limit.
func (a *Administration) countInvitation(ctx context.Context, tx postgres.Tx, who authority.Actor) error {
	if who.AccountID == "" || a.Sends.Max == 0 {
		return nil
	}

	return throttle.Consume(ctx, tx, a.now(), a.Sends, who.AccountID)
}
