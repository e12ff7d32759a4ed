package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// SendCode sends a code by SMS if the phone is bound to an account that may sign in. The worker that sends decides
// that, so that the request does the same work for every number.
func (s *SignIn) SendCode(ctx context.Context, phone string) error {
	return s.Challenges.Send(ctx, challenge.Request{Kind: challenge.SignIn, To: phone})
}

// SendMailCode mails a code if the address has an account that may sign in. The worker decides that, as for SendCode.
func (s *SignIn) SendMailCode(ctx context.Context, email string) error {
	return s.Challenges.Send(ctx, challenge.Request{Kind: challenge.SignInMail, To: email})
}

func (s *SignIn) withSMS(ctx context.Context, phone, guess, second string, opener openSession) (newSession, error) {
	found, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountByPhoneRow, error) {
		return db.New(conn).AccountByPhone(ctx, &phone)
	})
	if err != nil && !postgres.IsNotFound(err) {
		return newSession{}, fmt.Errorf("look up phone: %w", err)
	}

	return s.withCode(ctx, sentCode{
		kind: challenge.SignIn, to: phone, guess: guess, active: found.Status == string(account.Active), twoFactors: found.TwoFactors,
		proof: proof{accountID: found.ID, method: methodSMS, methods: session.Methods{session.BySMS}, phone: &phone},
	}, second, opener)
}

func (s *SignIn) withMail(ctx context.Context, email, guess, second string, opener openSession) (newSession, error) {
	found, err := s.credentials(ctx, email)
	if err != nil {
		return newSession{}, err
	}

	return s.withCode(ctx, sentCode{
		kind: challenge.SignInMail, to: email, guess: guess, active: found.Status == string(account.Active), twoFactors: found.TwoFactors,
		proof: proof{accountID: found.ID, method: methodMail, methods: session.Methods{session.ByMail}, email: &email},
	}, second, opener)
}

// sentCode is a guess at a code that was sent, and what a right one proves.
type sentCode struct {
	kind      challenge.Kind
	to, guess string

	active, twoFactors bool // of the account
	proof              proof
}

func (s *SignIn) withCode(ctx context.Context, c sentCode, second string, opener openSession) (newSession, error) {
	answer := challenge.Answer{Kind: c.kind, AccountID: c.proof.accountID, OpensAccount: c.active, To: c.to, Text: c.guess}

	right, err := s.Challenges.Answer(ctx, answer)
	if err != nil {
		return newSession{}, err
	}

	if !c.active {
		return newSession{}, s.Challenges.Refused(ctx, answer)
	}

	p := c.proof
	p.place = right.Place()
	p.use = func(ctx context.Context, tx postgres.Tx) error { return right.Use(ctx, tx) }

	var o newSession
	if c.twoFactors {
		o, err = s.withSecond(ctx, p, factor.Second, second, opener)
	} else {
		o, err = s.open(ctx, p, opener)
	}

	if c.twoFactors && secondFailed(err) {
		s.Challenges.Finish(ctx, right, nil)

		if err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error { return right.Keep(ctx, tx) }); err != nil {
			return newSession{}, err
		}
	}

	switch {
	case errors.Is(err, ErrTOTPRequired):
		s.Challenges.Finish(ctx, right, nil)

		return newSession{}, s.askSecond(ctx, p, c.to, right.Keep)
	case errors.Is(err, errMovedOn), errors.Is(err, code.ErrInvalid):
		return newSession{}, s.Challenges.Refused(ctx, answer)
	}

	s.Challenges.Finish(ctx, right, err)

	return o, err
}

// withTOTP signs in with an authenticator app alone. If it cannot sign anyone in here, nothing is counted or compared.
func (s *SignIn) withTOTP(ctx context.Context, email, guess string, opener openSession) (newSession, error) {
	if !s.TOTP {
		return newSession{}, factor.ErrCodeInvalid
	}

	found, err := s.credentials(ctx, email)
	if err != nil {
		return newSession{}, err
	}

	place, err := s.Devices.Place(ctx, found.ID)
	if err != nil {
		return newSession{}, err
	}

	attempt, err := s.Failures.Begin(ctx, methodTOTP, throttle.Person{AccountID: found.ID, Name: email, Place: place})
	if err != nil {
		return newSession{}, err
	}

	o, err := s.compareTOTP(ctx, place, attempt, found, guess, opener)
	if errors.Is(err, errMovedOn) || errors.Is(err, factor.ErrCodeInvalid) {
		return newSession{}, s.refuse(ctx, methodTOTP, found.ID, email, factor.ErrCodeInvalid)
	}

	return o, throttle.RecordRefusal(ctx, s.DB, s.Now(), err, audit.Event{AccountID: found.ID, Subject: email, Method: methodTOTP})
}

func (s *SignIn) compareTOTP(
	ctx context.Context, place device.Place, attempt throttle.Attempt, found db.AccountCredentialsRow, guess string, opener openSession,
) (newSession, error) {
	accountID := found.ID
	if found.Status != string(account.Active) || found.TwoFactors {
		accountID = "" // costs the same, and never matches
	}

	right, err := s.compareCode(ctx, factor.Guess{AccountID: accountID, Role: factor.Alone, Text: guess, Place: place})
	if err != nil {
		return newSession{}, err
	}

	o, err := s.open(ctx, proof{
		accountID: accountID, method: methodTOTP, methods: session.Methods{session.ByTOTP}, place: place,
		use: func(ctx context.Context, tx postgres.Tx) error {
			if err := s.Factors.Redeem(ctx, tx, right); err != nil {
				return err
			}

			return attempt.Succeeded(ctx, tx)
		},
	}, opener)
	attempt.Outage(ctx, err)

	if err == nil || errors.Is(err, problem.ErrUnavailable) {
		_ = s.Factors.Refund(ctx, right) // a budget one too low does no harm
	}

	return o, err
}

// withSecond opens the session for a proof that is not enough by itself, with a code of the authenticator app or, behind
// a password, a recovery code.
func (s *SignIn) withSecond(ctx context.Context, first proof, role factor.Role, second string, opener openSession) (newSession, error) {
	if second == "" {
		return s.openTrusted(ctx, first, opener)
	}

	place, err := s.Devices.Place(ctx, first.accountID)
	if err != nil {
		return newSession{}, err
	}

	// Limits of its own, which only someone with the first factor can spend.
	attempt, err := s.Failures.Begin(ctx, methodSecond, throttle.Person{AccountID: first.accountID, Place: place})
	if err != nil {
		return newSession{}, err
	}

	right, err := s.Factors.Attempt(ctx, factor.Guess{AccountID: first.accountID, Role: role, Text: second})
	if err != nil {
		return newSession{}, err
	}

	both := first
	both.method = first.method + "+" + methodTOTP
	both.methods = session.TwoFactors(first.methods[0], session.ByTOTP)
	both.use = func(ctx context.Context, tx postgres.Tx) error {
		if err := first.use(ctx, tx); err != nil {
			return err
		}

		if err := s.Factors.Redeem(ctx, tx, right); err != nil {
			return err
		}

		return attempt.Succeeded(ctx, tx)
	}

	o, err := s.open(ctx, both, opener)
	attempt.Outage(ctx, err)

	return o, err
}

// secondFailed reports whether the second factor was wrong, or must wait. The first one was right then: it is not a failure,
// or the waits would spread from the one to the other.
func secondFailed(err error) bool {
	return errors.Is(err, factor.ErrCodeInvalid) || errors.Is(err, problem.ErrTooManyRequests)
}

// asInvalidCredentials hides which of the two was wrong from an attacker with the password.
func asInvalidCredentials(err error) error {
	if errors.Is(err, factor.ErrCodeInvalid) {
		return ErrInvalidCredentials
	}

	return err
}
