package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
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
func (p *Profiles) NewTOTP(ctx context.Context, who session.Principal) (string, error) {
	return postgres.TxGet(ctx, p.DB, func(ctx context.Context, tx postgres.Tx) (string, error) {
		if _, err := who.Actor(recent).Confirm(ctx, tx, p.Now()); err != nil {
			return "", err
		}

		return p.Factors.Pending(ctx, tx, who.Account.ID, who.Account.Email)
	})
}

// TOTPPicture draws the pending secret as a QR code.
func (p *Profiles) TOTPPicture(ctx context.Context, who session.Principal, format factor.Format) ([]byte, error) {
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

// BindTOTP binds the app, with two codes that it showed one after the other, and returns its recovery codes. They cannot be
// read again.
func (p *Profiles) BindTOTP(ctx context.Context, who session.Principal, url string, codes [2]string) (recovery []string, err error) {
	if err := p.requireRecent(who); err != nil {
		return nil, err
	}

	binding, err := p.Factors.AttemptBinding(ctx, who.Account.ID, url, codes)
	if err == nil {
		err = p.changeTOTP(ctx, who, "bound", func(ctx context.Context, tx postgres.Tx, now time.Time) (*Undo, error) {
			if err := p.Factors.Bind(ctx, tx, binding); err != nil {
				return nil, err
			}

			if err := device.Distrust(ctx, tx, who.Account.ID); err != nil {
				return nil, err
			}

			recovery, err = p.Factors.RecoveryCodes(ctx, tx, who.Account.ID, now)

			return &Undo{What: UndoTOTP, AccountID: who.Account.ID, At: now, Subject: binding.ID()}, err
		})
	}

	if !errors.Is(err, factor.ErrCodeInvalid) {
		return recovery, err
	}

	refused := audit.RecordAlone(ctx, p.DB, p.Now(), audit.Event{
		Action: audit.CodeRefused, AccountID: who.Account.ID, SessionID: who.SessionID, Method: factor.Name,
	})
	if refused != nil {
		return nil, refused
	}

	return nil, err
}

// RecoveryCodes makes new recovery codes and voids the previous ones. They cannot be read again.
func (p *Profiles) RecoveryCodes(ctx context.Context, who session.Principal) ([]string, error) {
	var codes []string

	err := p.changeTOTP(ctx, who, "recovery codes", func(ctx context.Context, tx postgres.Tx, now time.Time) (*Undo, error) {
		var err error
		codes, err = p.Factors.RecoveryCodes(ctx, tx, who.Account.ID, now)

		return &Undo{What: UndoRecoveryCodes, AccountID: who.Account.ID, At: now}, err
	})
	if errors.Is(err, factor.ErrNotActive) {
		return nil, ErrTOTPNotBound
	}

	return codes, err
}

// changeTOTP locks the account before its factors, as every change of a factor does. change returns what undoes it.
func (p *Profiles) changeTOTP(
	ctx context.Context, who session.Principal, what string, change func(ctx context.Context, tx postgres.Tx, now time.Time) (*Undo, error),
) error {
	return p.changeAndNotify(ctx, who.Actor(recent), delivery.TOTPChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		email, err := p.touch(ctx, tx, who, now)
		if err != nil {
			return notice{}, err
		}

		undo, err := change(ctx, tx, now)
		if err != nil {
			return notice{}, err
		}

		return notice{to: email, undo: undo}, p.record(ctx, tx, who, audit.TOTPChanged, what, now)
	})
}

func (p *Profiles) touch(ctx context.Context, tx postgres.Tx, who session.Principal, now time.Time) (string, error) {
	email, err := db.New(tx).AccountTouch(ctx, db.AccountTouchParams{ID: who.Account.ID, Now: now})
	if postgres.IsNotFound(err) {
		return "", problem.ErrTokenInvalid // the account was disabled at this moment
	} else if err != nil {
		return "", fmt.Errorf("change account: %w", err)
	}

	return email, nil
}

// UnbindPhone removes the phone. It is not an error if none is bound.
func (p *Profiles) UnbindPhone(ctx context.Context, who session.Principal) error {
	return p.unbind(ctx, who, who.Actor(recent), delivery.PhoneChanged, func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error) {
		if !ways.Phone {
			return false, nil
		}

		if !ways.Password && !p.totpOpens(ways) && !behindSecond(ways.IdentityOpens, ways) && ways.PhoneOpens {
			return false, ErrLastWayIn
		}

		_, err := db.New(tx).AccountSetPhone(ctx, db.AccountSetPhoneParams{ID: who.Account.ID, Now: now})
		if err != nil {
			return false, fmt.Errorf("unbind phone: %w", err)
		}

		return true, p.record(ctx, tx, who, audit.PhoneChanged, "removed", now)
	})
}

// UnbindTOTP removes the authenticator app and its recovery codes. It refuses if two factors are asked for, and if it is the
// last way in.
func (p *Profiles) UnbindTOTP(ctx context.Context, who session.Principal) error {
	return p.unbind(ctx, who, who.Actor(recent).Alone(), delivery.TOTPChanged, func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error) {
		if ways.TOTP && (ways.TwoFactors || p.totpOpens(ways) && !ways.Password && !ways.PhoneOpens && !ways.IdentityOpens) {
			return false, ErrLastWayIn
		}

		removed, err := factor.Remove(ctx, tx, who.Account.ID)
		if err != nil || !removed {
			return false, err
		}

		if err := device.Distrust(ctx, tx, who.Account.ID); err != nil {
			return false, err
		}

		if _, err := p.touch(ctx, tx, who, now); err != nil {
			return false, err
		}

		return true, p.record(ctx, tx, who, audit.TOTPChanged, "removed", now)
	})
}

// totpOpens reports whether the authenticator app alone can sign in, so that another factor can be removed.
func (p *Profiles) totpOpens(ways db.AccountWaysInRow) bool {
	return ways.TOTPOpens && p.TOTPSignIn && !ways.TwoFactors
}

// behindSecond reports whether a factor that is one of two, or the only one, still opens the account.
func behindSecond(opens bool, ways db.AccountWaysInRow) bool {
	return opens && (!ways.TwoFactors || ways.TOTPOpens)
}

// unbind locks the account, and notifies its owner if something was removed.
func (p *Profiles) unbind(
	ctx context.Context, who session.Principal, actor authority.Actor, kind delivery.Kind,
	remove func(ctx context.Context, tx postgres.Tx, ways db.AccountWaysInRow, now time.Time) (bool, error),
) error {
	return p.changeAndNotify(ctx, actor, kind, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		ways, err := db.New(tx).AccountWaysIn(ctx, who.Account.ID)
		if postgres.IsNotFound(err) {
			return notice{}, problem.ErrTokenInvalid
		} else if err != nil {
			return notice{}, fmt.Errorf("look up account: %w", err)
		}

		removed, err := remove(ctx, tx, ways, now)
		if err != nil || !removed {
			return notice{}, err
		}

		return notice{to: ways.Email}, nil
	})
}
