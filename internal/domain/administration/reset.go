package administration

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Factor is a way to sign in that can be removed.
type Factor string

// The factors.
const (
	Password Factor = password.Factor
	Phone    Factor = "phone"
	TOTP     Factor = factor.Name
	Lark     Factor = lark.Provider
)

// changedBy is the audit's name for the change of each factor.
var changedBy = map[Factor]audit.Action{
	Password: audit.PasswordChanged, Phone: audit.PhoneChanged, TOTP: audit.TOTPChanged, Lark: audit.LarkChanged,
}

// ResetFactor removes a way to sign in that the user has lost, and notifies the user. The address stays: with a code
// sent to it the user sets a new password. A factor that does not exist is not an error. With the authenticator, the user's
// own choice of two factors goes, which could not be fulfilled any more.
func (a *Administration) ResetFactor(ctx context.Context, c authority.Change, which Factor) (Details, error) {
	notice := delivery.NewID()

	return a.change(ctx, c, func(ctx context.Context, tx postgres.Tx, _ authority.Rights, h lockedAccount, now time.Time) (audit.Event, error) {
		there, err := details(ctx, tx, h.ID)
		if err != nil {
			return audit.Event{}, err
		}

		chosen := int64(0)
		if which == TOTP {
			if chosen, err = db.New(tx).AccountUndoSecondFactor(ctx, db.AccountUndoSecondFactorParams{ID: h.ID}); err != nil {
				return audit.Event{}, fmt.Errorf("take back two factors: %w", err)
			}
		}

		if !there.Factors.has(which) && chosen == 0 {
			return audit.Event{}, nil
		}

		if err := a.remove(ctx, tx, h.ID, which); err != nil {
			return audit.Event{}, err
		}

		if err := db.New(tx).AccountBump(ctx, db.AccountBumpParams{ID: h.ID, Now: now}); err != nil {
			return audit.Event{}, fmt.Errorf("change account: %w", err)
		}

		err = a.queue.Enqueue(ctx, tx, notice, delivery.Message{
			Kind: delivery.FactorReset, Channel: delivery.Mail, To: h.Email, Language: language.Chinese,
			Content: delivery.Content{Factor: string(which), At: now},
		})

		return audit.Event{Action: changedBy[which], Detail: map[string]string{"change": "reset"}}, err
	})
}

func (f Factors) has(which Factor) bool {
	return map[Factor]bool{Password: f.Password != "", Phone: f.Phone, TOTP: f.TOTP, Lark: f.Lark != ""}[which]
}

func (a *Administration) remove(ctx context.Context, tx postgres.Tx, id string, which Factor) (err error) {
	queries := db.New(tx)

	switch which {
	case Password:
		if err := a.distrust(ctx, tx, id, "password reset"); err != nil {
			return err
		}

		err = queries.AccountRemovePassword(ctx, id)
	case Phone:
		err = queries.AccountRemovePhone(ctx, id)
	case TOTP:
		if _, err = factor.Remove(ctx, tx, id); err == nil {
			err = device.Distrust(ctx, tx, id)
		}
	case Lark:
		_, err = queries.IdentityRemove(ctx, db.IdentityRemoveParams{AccountID: id, Provider: lark.Provider})
	}

	if err != nil {
		return fmt.Errorf("remove %s: %w", which, err)
	}

	return nil
}

// WaitNames returns the names under which an account's failures are counted: its id and, from before it existed, its
// address.
func WaitNames(id, email string) []string { return []string{id, email} }

// Unlock forgets an account's failures, and the codes that its address and phone have received: neither the next attempt
// nor the next code need wait. What strangers have spent of the budgets over all accounts stays.
func (a *Administration) Unlock(ctx context.Context, c authority.Change) error {
	event := audit.Event{Action: audit.WaitLifted, AccountID: c.Target.ID, ActorID: c.Actor.AccountID}

	return authority.Recorded(ctx, a.db, a.now(), c.Actor, &event, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) error {
		locked, err := lock(ctx, tx, rights, c.Target)
		if err != nil {
			return err
		}

		if err := throttle.Forget(ctx, tx, WaitNames(locked.ID, locked.Email)...); err != nil {
			return err
		}

		destinations := []string{locked.Email}
		if locked.Phone != nil {
			destinations = append(destinations, *locked.Phone)
		}

		return challenge.Lift(ctx, tx, locked.ID, destinations...)
	})
}
