package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

var (
	// ErrTOTPNotBound reports that there is no authenticator app for recovery codes.
	ErrTOTPNotBound = problem.New(problem.Invalid, "TOTP_NOT_BOUND")
	// ErrTOTPNotPending reports that no secret waits to be bound.
	ErrTOTPNotPending = problem.New(problem.Invalid, "TOTP_NOT_PENDING")
)

// NewTOTP makes a secret for an authenticator app and returns its URL; BindTOTP binds it.
func (p *Profiles) NewTOTP(ctx context.Context, who session.Browser) (string, error) {
	return postgres.TxGet(ctx, p.DB, func(ctx context.Context, tx postgres.Tx) (string, error) {
		if _, err := who.Actor(recent).Confirm(ctx, tx, p.Now()); err != nil {
			return "", err
		}

		return p.Factors.Pending(ctx, tx, who.Account.ID, who.Account.Email)
	})
}

// TOTPPicture draws the pending secret as a QR code.
func (p *Profiles) TOTPPicture(ctx context.Context, who session.Browser, format factor.Format) ([]byte, error) {
	if err := p.requireRecent(who); err != nil {
		return nil, err
	}

	url, err := p.Factors.PendingURL(ctx, who.Account.ID)
	if errors.Is(err, factor.ErrNoPending) {
		return nil, ErrTOTPNotPending
	} else if err != nil {
		return nil, err
	}

	return factor.QR(url, format)
}

// BindTOTP binds the app, with two codes that it showed one after the other.
func (p *Profiles) BindTOTP(ctx context.Context, who session.Browser, url string, codes [2]string) error {
	if err := p.requireRecent(who); err != nil {
		return err
	}

	binding, err := p.Factors.AttemptBinding(ctx, who.Account.ID, url, codes)
	if err == nil {
		err = p.changeTOTP(ctx, who, "bound", func(ctx context.Context, tx postgres.Tx) error {
			return p.Factors.Bind(ctx, tx, binding)
		})
	}

	if !errors.Is(err, factor.ErrCodeInvalid) {
		return err
	}

	refused := audit.RecordAlone(ctx, p.DB, p.Now(), audit.Event{
		Action: audit.CodeRefused, AccountID: who.Account.ID, SessionID: who.SessionID, Method: factor.Name,
	})
	if refused != nil {
		return refused
	}

	return err
}

// RecoveryCodes makes new recovery codes and voids the previous ones. They cannot be read again.
func (p *Profiles) RecoveryCodes(ctx context.Context, who session.Browser) ([]string, error) {
	var codes []string

	err := p.changeTOTP(ctx, who, "recovery codes", func(ctx context.Context, tx postgres.Tx) error {
		var err error
		codes, err = p.Factors.RecoveryCodes(ctx, tx, who.Account.ID)

		return err
	})
	if errors.Is(err, factor.ErrNotActive) {
		return nil, ErrTOTPNotBound
	}

	return codes, err
}

// changeTOTP locks the account before its factors, as every change of a factor does.
func (p *Profiles) changeTOTP(
	ctx context.Context, who session.Browser, what string, change func(ctx context.Context, tx postgres.Tx) error,
) error {
	return p.changeAndNotify(ctx, who.Actor(recent), delivery.TOTPChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (string, error) {
		email, err := p.touch(ctx, tx, who, now)
		if err != nil {
			return "", err
		}

		if err := change(ctx, tx); err != nil {
			return "", err
		}

		return email, p.record(ctx, tx, who, audit.TOTPChanged, what, now)
	})
}

func (p *Profiles) touch(ctx context.Context, tx postgres.Tx, who session.Browser, now time.Time) (string, error) {
	email, err := db.New(tx).AccountTouch(ctx, db.AccountTouchParams{ID: who.Account.ID, Now: now})
	if postgres.IsNotFound(err) {
		return "", problem.ErrTokenInvalid // the account was disabled at this moment
	} else if err != nil {
		return "", fmt.Errorf("change account: %w", err)
	}

	return email, nil
}

// UnbindPhone removes the phone. It is not an error if none is bound.
func (p *Profiles) UnbindPhone(ctx context.Context, who session.Browser) error {
	return p.unbind(ctx, who, delivery.PhoneChanged, func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error) {
		if !ways.Phone {
			return false, nil
		}

		if !ways.Password && !p.totpOpens(ways) && !identityOpens(ways) {
			return false, ErrLastWayIn
		}

		_, err := db.New(tx).AccountSetPhone(ctx, db.AccountSetPhoneParams{ID: who.Account.ID, Now: now})
		if err != nil {
			return false, fmt.Errorf("unbind phone: %w", err)
		}

		return true, p.record(ctx, tx, who, audit.PhoneChanged, "removed", now)
	})
}

// UnbindTOTP removes the authenticator app and its recovery codes. It refuses if the member group requires a second
// factor and another way to sign in would be left without one.
func (p *Profiles) UnbindTOTP(ctx context.Context, who session.Browser) error {
	return p.unbind(ctx, who, delivery.TOTPChanged, func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error) {
		if ways.TOTP && (ways.RequiresTOTP || p.TOTPSignIn && !ways.Password && !ways.Phone && !ways.Identity) {
			return false, ErrLastWayIn
		}

		removed, err := factor.Remove(ctx, tx, who.Account.ID)
		if err != nil || !removed {
			return false, err
		}

		if _, err := p.touch(ctx, tx, who, now); err != nil {
			return false, err
		}

		return true, p.record(ctx, tx, who, audit.TOTPChanged, "removed", now)
	})
}

// totpOpens reports whether the authenticator app alone can sign in, so that another factor can be removed.
func (p *Profiles) totpOpens(ways db.AccountWaysInRow) bool { return ways.TOTP && p.TOTPSignIn }

// identityOpens reports the same of an identity, which has no second factor beside it.
func identityOpens(ways db.AccountWaysInRow) bool { return ways.Identity && !ways.RequiresTOTP }

// unbind locks the account, and notifies its owner if something was removed.
func (p *Profiles) unbind(
	ctx context.Context, who session.Browser, kind delivery.Kind,
	remove func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error),
) error {
	return p.changeAndNotify(ctx, who.Actor(recent), kind, func(ctx context.Context, tx postgres.Tx, now time.Time) (string, error) {
		ways, err := db.New(tx).AccountWaysIn(ctx, who.Account.ID)
		if postgres.IsNotFound(err) {
			return "", problem.ErrTokenInvalid
		} else if err != nil {
			return "", fmt.Errorf("look up account: %w", err)
		}

		removed, err := remove(ctx, tx, ways, now)
		if err != nil || !removed {
			return "", err
		}

		return ways.Email, nil
	})
}
