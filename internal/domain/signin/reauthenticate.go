package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// These have the codes of ErrInvalidCredentials and ErrTOTPRequired, and are invalid input: the caller is signed in and stays
// so, and apps take a 401 for the end of the session.
var (
	errWrongPassword = problem.New(problem.Invalid, ErrInvalidCredentials.Code)
	errCodeMissing   = problem.New(problem.Invalid, ErrTOTPRequired.Code).WithMethods(ByApp, ByRecoveryCode)
)

var textPasswordNeeded = language.Text{Chinese: "此操作需要密码", English: "is required"}

// Confirmation is what a signed-in user confirms a session with. Either may be empty, but not both.
type Confirmation struct {
	Password string
	Code     string // of the authenticator app or, beside the password, a recovery code
}

// ReauthenticateApp makes the sign-in of an app's session a fresh one, and returns an access token that says so; its
// Refresh is empty, because the refresh token stays.
func (s *SignIn) ReauthenticateApp(ctx context.Context, who session.Principal, c Confirmation) (session.Tokens, error) {
	grant, err := s.reauthenticate(ctx, who, c, func(context.Context, postgres.Tx) error { return nil })
	if err != nil {
		return session.Tokens{}, err
	}

	access, expiresIn, err := s.Sessions.Access.Issue(ctx, grant)

	return session.Tokens{Access: access, ExpiresIn: expiresIn}, err
}

// ReauthenticateBrowser does the same for a browser, and returns the new value of its cookie. The value before stays valid
// for session.CookieGrace.
func (s *SignIn) ReauthenticateBrowser(ctx context.Context, who session.Browser, c Confirmation) (session.Cookie, error) {
	fresh := session.NewCookie()

	_, err := s.reauthenticate(ctx, who.Principal, c, func(ctx context.Context, tx postgres.Tx) error {
		return s.Sessions.ReplaceCookie(ctx, tx, who, fresh)
	})

	return fresh, err
}

// reauthenticate compares what was sent, and renews the time and the methods of the sign-in. An account that is asked for
// two factors gives both; one that has no authenticator yet can bind one after its password alone. Failures count in the
// session's own place.
func (s *SignIn) reauthenticate(
	ctx context.Context, who session.Principal, c Confirmation, also func(ctx context.Context, tx postgres.Tx) error,
) (token.Grant, error) {
	found, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountConfirmationRow, error) {
		return db.New(conn).AccountConfirmation(ctx, who.Account.ID)
	})
	if postgres.IsNotFound(err) {
		return token.Grant{}, problem.ErrTokenInvalid
	} else if err != nil {
		return token.Grant{}, fmt.Errorf("look up account: %w", err)
	}

	if c.Password == "" && (found.TwoFactors || c.Code == "") {
		return token.Grant{}, problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/password", Message: textPasswordNeeded})
	}

	p := confirmation{who: who, person: throttle.Person{AccountID: who.Account.ID, SessionID: who.SessionID, Place: device.InSession(who.SessionID)}}

	if c.Password != "" {
		if err := s.confirmPassword(ctx, &p, found.PasswordHash, c.Password); err != nil {
			return token.Grant{}, err
		}
	}

	switch {
	case c.Code != "":
		if err := s.confirmCode(ctx, &p, c.Code); err != nil {
			p.outage(ctx, err)

			if untaken := s.takeBack(ctx, p, err); untaken != nil {
				return token.Grant{}, untaken
			}

			return token.Grant{}, err
		}
	case found.TwoFactors && found.TOTP:
		// The password was right, and is not counted as a failure.
		if err := s.DB.InTx(ctx, p.use); err != nil {
			return token.Grant{}, err
		}

		return token.Grant{}, errCodeMissing
	}

	return s.confirm(ctx, p, also)
}

// takeBack takes back what a right password counted before the code was wrong, or must wait: the waits must not spread.
func (s *SignIn) takeBack(ctx context.Context, p confirmation, err error) error {
	if len(p.uses) == 0 || !secondFailed(err) {
		return nil
	}

	return s.DB.InTx(ctx, p.use)
}

// confirmation is what was right.
type confirmation struct {
	who     session.Principal
	person  throttle.Person
	hash    *string // of the password that was compared
	methods session.Methods
	uses    []func(ctx context.Context, tx postgres.Tx) error
	counted []throttle.Attempt
}

// outage gives back what was counted, if err is an outage.
func (p *confirmation) outage(ctx context.Context, err error) {
	for _, attempt := range p.counted {
		attempt.Outage(ctx, err)
	}
}

// use uses up what was right, in the transaction of what it allows.
func (p *confirmation) use(ctx context.Context, tx postgres.Tx) error {
	for _, use := range p.uses {
		if err := use(ctx, tx); err != nil {
			return err
		}
	}

	return nil
}

func (s *SignIn) confirmPassword(ctx context.Context, p *confirmation, stored *string, plain string) error {
	slot, err := s.Hasher.Slot(ctx)
	if err != nil {
		return err
	}
	defer slot.Release()

	attempt, err := s.Failures.Begin(ctx, password.Factor, p.person)
	if err != nil {
		return err
	}

	hash := ""
	if stored != nil {
		hash = *stored
	}

	match, _, err := slot.Verify(hash, plain)
	if err != nil {
		return fmt.Errorf("verify password: %w", err)
	}

	if !match {
		return s.unconfirmed(ctx, p.who, audit.PasswordRefused, errWrongPassword)
	}

	p.hash, p.methods = &hash, session.Methods{session.ByPassword}
	p.counted = append(p.counted, attempt)
	p.uses = append(p.uses, func(ctx context.Context, tx postgres.Tx) error { return attempt.Succeeded(ctx, tx) })

	return nil
}

func (s *SignIn) confirmCode(ctx context.Context, p *confirmation, text string) error {
	attempt, err := s.Failures.Begin(ctx, methodSecond, p.person)
	if err != nil {
		return err
	}

	role := factor.Second
	if p.hash != nil {
		role = factor.BehindPassword
	}

	right, err := s.Factors.Attempt(ctx, factor.Guess{AccountID: p.who.Account.ID, Role: role, Text: text})
	if errors.Is(err, factor.ErrCodeInvalid) {
		return s.unconfirmed(ctx, p.who, audit.CodeRefused, factor.ErrCodeInvalid)
	} else if err != nil {
		return err
	}

	p.counted = append(p.counted, attempt)
	p.methods = session.Methods{session.ByTOTP}
	if p.hash != nil {
		p.methods = session.TwoFactors(session.ByPassword, session.ByTOTP)
	}

	p.uses = append(p.uses, func(ctx context.Context, tx postgres.Tx) error {
		if err := s.Factors.Redeem(ctx, tx, right); err != nil {
			return err
		}

		return attempt.Succeeded(ctx, tx)
	})

	return nil
}

// unconfirmed records a failure and returns the error.
func (s *SignIn) unconfirmed(ctx context.Context, who session.Principal, action audit.Action, answer error) error {
	err := audit.RecordAlone(ctx, s.DB, s.Now(), audit.Event{
		Action: action, AccountID: who.Account.ID, SessionID: who.SessionID, Method: "reauthenticate",
	})
	if err != nil {
		return err
	}

	return answer
}

// confirm runs the transaction of a re-authentication.
func (s *SignIn) confirm(ctx context.Context, p confirmation, also func(ctx context.Context, tx postgres.Tx) error) (token.Grant, error) {
	who, now := p.who, s.Now()
	grant := token.Grant{AccountID: who.Account.ID, SessionID: who.SessionID, AuthenticatedAt: now, Methods: p.methods}

	event := audit.Event{Action: audit.Reauthenticated, AccountID: who.Account.ID, SessionID: who.SessionID, Method: p.methods.String()}

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		// It protects the account: a thief who makes all the changes of the minute keeps no one from it.
		_, err := who.Actor(0).Unlimited().Confirm(ctx, tx, now)
		if err != nil {
			return err
		}

		if tx.Repeated {
			if done, err := audit.Recorded(ctx, tx, now, event); done || err != nil {
				grant.MemberGroup = who.Account.MemberGroup

				return err
			}
		}

		grant.MemberGroup, err = db.New(tx).SessionReauthenticate(ctx, db.SessionReauthenticateParams{
			ID: who.SessionID, AMR: p.methods, PasswordHash: p.hash, Now: now,
		})
		if postgres.IsNotFound(err) {
			return errWrongPassword // it was changed at this moment
		} else if err != nil {
			return fmt.Errorf("renew sign-in: %w", err)
		}

		if err := also(ctx, tx); err != nil {
			return err
		}

		if err := audit.Record(ctx, tx, now, event); err != nil {
			return err
		}

		// Last, as in a sign-in.
		return p.use(ctx, tx)
	})
	p.outage(ctx, err)

	if errors.Is(err, factor.ErrCodeInvalid) { // of two concurrent calls with one code
		return grant, s.unconfirmed(ctx, who, audit.CodeRefused, factor.ErrCodeInvalid)
	}

	return grant, err
}
