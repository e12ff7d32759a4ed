package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrNotSuspended reports that a password reset has not suspended the factor.
var ErrNotSuspended = problem.New(problem.Invalid, "NOT_SUSPENDED")

// Security is what protects an account beside its password.
type Security struct {
	Suspended    []Undoable        // factors that a password reset has suspended, until their user keeps or removes them
	SecondFactor bool              // the user asks for two factors
	Required     bool              // the member group asks for two factors
	Language     language.Language // of the account's messages; empty for that of each request
}

// Profile is what the account page shows beside the account.
type Profile struct {
	Picture     string // an object key or a URL, or empty
	SignIns     int64
	Phone, TOTP bool         // whether one is bound
	Lark        *lark.Person // nil if none is bound

	Security
}

// Profile returns the profile of the caller.
func (p *Profiles) Profile(ctx context.Context, who session.Principal) (Profile, error) {
	row, err := postgres.Get(ctx, p.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountProfileRow, error) {
		return db.New(conn).AccountProfile(ctx, who.Account.ID)
	})
	if postgres.IsNotFound(err) {
		return Profile{}, problem.ErrTokenInvalid // erased at this moment
	} else if err != nil {
		return Profile{}, fmt.Errorf("look up profile: %w", err)
	}

	person, err := lark.ParsePerson(row.Lark)
	if err != nil {
		return Profile{}, err
	}

	security, err := p.Security(ctx, who.Account.ID)

	return Profile{Picture: row.Picture, SignIns: row.SignInCount, Phone: row.Phone, TOTP: row.TOTP, Lark: person, Security: security}, err
}

// Security returns what protects an account.
func (p *Profiles) Security(ctx context.Context, accountID string) (Security, error) {
	row, err := postgres.Get(ctx, p.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.FactorSuspendedRow, error) {
		return db.New(conn).FactorSuspended(ctx, accountID)
	})
	if err != nil {
		return Security{}, fmt.Errorf("look up factors: %w", err)
	}

	found := Security{Suspended: []Undoable{}, SecondFactor: row.SecondFactor, Required: row.RequiresTOTP, Language: language.Language(row.Language)}

	for _, one := range []struct {
		suspended bool
		what      Undoable
	}{{row.Phone, UndoPhone}, {row.TOTP, UndoTOTP}, {row.Identity, UndoLark}, {row.RecoveryCodes, UndoRecoveryCodes}} {
		if one.suspended {
			found.Suspended = append(found.Suspended, one.what)
		}
	}

	return found, nil
}

// Keep lets a suspended factor open the account again: its user says that they bound it. To remove it instead, they
// unbind it.
func (p *Profiles) Keep(ctx context.Context, who session.Principal, what Undoable) error {
	now := p.Now()
	event := audit.Event{Action: audit.FactorKept, AccountID: who.Account.ID, SessionID: who.SessionID, Method: string(what)}

	return authority.Recorded(ctx, p.DB, now, who.Actor(recent), &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		kept, err := keep(ctx, tx, who.Account.ID, what)
		if err != nil {
			return fmt.Errorf("keep %s: %w", what, err)
		} else if kept == 0 {
			return ErrNotSuspended
		}

		if err := db.New(tx).AccountBump(ctx, db.AccountBumpParams{ID: who.Account.ID, Now: now}); err != nil {
			return fmt.Errorf("change account: %w", err)
		}

		return nil
	})
}

func keep(ctx context.Context, tx postgres.Tx, id string, what Undoable) (int64, error) {
	queries := db.New(tx)

	switch what {
	case UndoPhone:
		return queries.AccountKeepPhone(ctx, id) //nolint:wrapcheck // the caller does
	case UndoTOTP:
		return queries.TOTPKeep(ctx, id) //nolint:wrapcheck // the caller does
	case UndoLark:
		return queries.IdentityKeep(ctx, db.IdentityKeepParams{AccountID: id, Provider: lark.Provider}) //nolint:wrapcheck // the caller does
	default:
		return queries.RecoveryCodeKeep(ctx, id) //nolint:wrapcheck // the caller does
	}
}

// SetSecondFactor sets whether the user's sign-ins ask for two factors, whatever the member group says, and notifies the
// user. To ask for them takes an authenticator app that is not suspended.
func (p *Profiles) SetSecondFactor(ctx context.Context, who session.Principal, enabled bool) error {
	return p.changeAndNotify(ctx, who.Actor(recent), delivery.TOTPChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		ways, err := db.New(tx).AccountWaysIn(ctx, who.Account.ID)
		if postgres.IsNotFound(err) {
			return notice{}, problem.ErrTokenInvalid
		} else if err != nil {
			return notice{}, fmt.Errorf("look up account: %w", err)
		}

		if enabled && !ways.TOTPOpens {
			return notice{}, ErrTOTPNotBound
		}

		changed, err := db.New(tx).AccountSetSecondFactor(ctx, db.AccountSetSecondFactorParams{ID: who.Account.ID, Enabled: enabled, Now: now})
		if err != nil {
			return notice{}, fmt.Errorf("set second factor: %w", err)
		} else if changed == 0 {
			return notice{}, nil
		}

		what := "off"
		if enabled {
			what = "on"
		}

		if err := device.Distrust(ctx, tx, who.Account.ID); err != nil {
			return notice{}, err
		}

		return notice{to: ways.Email}, audit.Record(ctx, tx, now, audit.Event{
			Action: audit.SecondFactorSet, AccountID: who.Account.ID, SessionID: who.SessionID, Method: what,
		})
	})
}
