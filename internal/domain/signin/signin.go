// Package signin verifies a user's credentials and opens a session, for an app or a browser. An account that does not
// exist costs the same as one that does, and gets the same response.
package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyedsem"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

var (
	// ErrInvalidCredentials is returned alike for a wrong password, an unknown address and a disabled account, and for
	// a wrong second factor beside a right password.
	ErrInvalidCredentials = problem.ErrInvalidCredentials
	// ErrTOTPRequired is returned for a right first factor if the member group or the user asks for two, and no second one
	// was sent, and the device is not trusted. See WithMethods for what is accepted.
	ErrTOTPRequired = problem.New(problem.Refused, "TOTP_REQUIRED").WithMethods(ByApp)
)

// What is accepted as the second factor, as clients see it in the error.
const (
	ByApp          = "totp"
	ByRecoveryCode = "recovery_code"
)

// The methods to sign in, as the audit names them. Each counts its own failures.
const (
	methodPassword = password.Factor
	methodSMS      = "sms"
	methodMail     = "mail"
	methodTOTP     = factor.Name
	methodSecond   = "second" // a second factor behind a right first one
)

// Deps are the dependencies of SignIn.
type Deps struct {
	DB         *postgres.DB
	Hasher     *password.Hasher
	Challenges *challenge.Challenges
	Codes      *code.Codes
	Keys       *keyring.Keyring
	Factors    *factor.Factors
	Sessions   *session.Sessions
	Failures   *throttle.Failures
	Devices    *device.Devices
	Queue      *delivery.Queue
	TOTP       bool // whether an authenticator app alone can sign in
	Now        func() time.Time
}

// SignIn opens sessions for credentials.
type SignIn struct {
	Deps

	perPerson *keyedsem.Semaphore // one attempt of a user at a time: each counts as a failure until it succeeds
}

// New returns a SignIn.
func New(d Deps) *SignIn {
	return &SignIn{Deps: d, perPerson: keyedsem.New(1)}
}

// openSession adds the session of one of the two surfaces to the transaction of a sign-in.
type openSession func(ctx context.Context, tx postgres.Tx, o newSession) error

// newSession is what both surfaces know of a session.
type newSession struct {
	accountID, memberGroup, sessionID string

	methods  session.Methods
	openedAt time.Time
	device   device.Token // for the device that signed in
}

// Credentials are what a user signs in with.
type Credentials struct {
	Email  string // in its normal form
	Plain  string
	Second string // a code of the authenticator app or a recovery code; empty if none was sent
}

// App is the sign-in of one app.
type App struct{ signin *SignIn }

// App signs an app in, with one of its methods.
func (s *SignIn) App() App { return App{signin: s} }

// WithPassword signs in with a password.
func (a App) WithPassword(ctx context.Context, credentials Credentials) (session.Tokens, error) {
	o, err := a.signin.withPassword(ctx, credentials, a.open)

	return a.tokens(ctx, o, err)
}

// WithSMS signs in with a code that SendCode sent.
func (a App) WithSMS(ctx context.Context, phone, code, second string) (session.Tokens, error) {
	o, err := a.signin.withSMS(ctx, phone, code, second, a.open)

	return a.tokens(ctx, o, err)
}

// WithMail signs in with a code that SendMailCode sent.
func (a App) WithMail(ctx context.Context, email, code, second string) (session.Tokens, error) {
	o, err := a.signin.withMail(ctx, email, code, second, a.open)

	return a.tokens(ctx, o, err)
}

// WithTOTP signs in with a code of the authenticator app alone, an account that is asked for one factor.
func (a App) WithTOTP(ctx context.Context, email, code string) (session.Tokens, error) {
	o, err := a.signin.withTOTP(ctx, email, code, a.open)

	return a.tokens(ctx, o, err)
}

func (a App) open(ctx context.Context, tx postgres.Tx, o newSession) error {
	return a.signin.Sessions.Open(ctx, tx, o.accountID, o.sessionID, o.methods)
}

func (a App) tokens(ctx context.Context, o newSession, err error) (session.Tokens, error) {
	if err != nil {
		return session.Tokens{}, err
	}

	tokens, err := a.signin.Sessions.Tokens(ctx, token.Grant{
		AccountID: o.accountID, SessionID: o.sessionID, MemberGroup: o.memberGroup, AuthenticatedAt: o.openedAt, Methods: o.methods,
	}, 0)
	tokens.Device = o.device

	return tokens, err
}

// Browser returns the sign-in of one browser. before is the principal signed in there, or nil: that session ends.
type Browser struct {
	signin *SignIn
	before *session.Browser
	cookie session.Cookie
}

// Browser signs a browser in, once, with one of its methods.
func (s *SignIn) Browser(before *session.Browser) Browser {
	return Browser{signin: s, before: before, cookie: session.NewCookie()}
}

// Session is a browser's new session.
type Session struct {
	SessionID string
	Cookie    session.Cookie
	Device    device.Token
}

// WithPassword signs in with a password.
func (b Browser) WithPassword(ctx context.Context, credentials Credentials) (Session, error) {
	o, err := b.signin.withPassword(ctx, credentials, b.open)

	return b.session(o), err
}

// WithSMS signs in with a code that SendCode sent.
func (b Browser) WithSMS(ctx context.Context, phone, code, second string) (Session, error) {
	o, err := b.signin.withSMS(ctx, phone, code, second, b.open)

	return b.session(o), err
}

// WithMail signs in with a code that SendMailCode sent.
func (b Browser) WithMail(ctx context.Context, email, code, second string) (Session, error) {
	o, err := b.signin.withMail(ctx, email, code, second, b.open)

	return b.session(o), err
}

// WithTOTP signs in with a code of the authenticator app alone, an account that is asked for one factor.
func (b Browser) WithTOTP(ctx context.Context, email, code string) (Session, error) {
	o, err := b.signin.withTOTP(ctx, email, code, b.open)

	return b.session(o), err
}

func (b Browser) session(o newSession) Session {
	return Session{SessionID: o.sessionID, Cookie: b.cookie, Device: o.device}
}

func (b Browser) open(ctx context.Context, tx postgres.Tx, o newSession) error {
	sessions := b.signin.Sessions

	// The old session ends before the new one is counted, or the limit would end another browser's.
	if b.before != nil {
		if err := sessions.EndReplaced(ctx, tx, b.before.Principal); err != nil {
			return err
		}
	}

	return sessions.OpenBrowser(ctx, tx, o.accountID, o.sessionID, o.methods, b.cookie)
}

// proof is what a sign-in rests on: the account, the method, and what its transaction must still find true.
type proof struct {
	accountID string
	method    string          // as the audit names it
	methods   session.Methods // as the session has it
	hash      *string         // the password's hash that was compared
	phone     *string         // the phone that the code went to
	email     *string         // the address that the code went to
	place     device.Place
	trusted   bool // the device stands for the second factor
	// use uses up what was compared: a code, an attempt.
	use func(ctx context.Context, tx postgres.Tx) error
}

// errMovedOn reports that the account has changed since the proof was compared: another sign-in hashed the password
// anew, the password, phone or status has changed, or two factors are asked for.
var errMovedOn = errors.New("signin: the account has changed meanwhile")

// open runs the transaction of a sign-in: it counts, opens and records, or does nothing.
func (s *SignIn) open(ctx context.Context, p proof, opener openSession) (newSession, error) {
	o := newSession{
		accountID: p.accountID, sessionID: session.NewID(), methods: p.methods, openedAt: s.Now(), device: device.NewToken(),
	}

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		group, done, err := s.Sessions.Opened(ctx, tx, o.sessionID)
		if done || err != nil {
			o.memberGroup = group

			return err
		}

		now := s.Now()

		row, err := db.New(tx).AccountSignIn(ctx, db.AccountSignInParams{
			ID: p.accountID, PasswordHash: p.hash, Phone: p.phone, Email: p.email, Second: p.methods.HaveTwoFactors() || p.trusted, Now: &now,
		})
		if postgres.IsNotFound(err) {
			return errMovedOn
		} else if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}

		o.memberGroup = row.MemberGroup

		if err := opener(ctx, tx, o); err != nil {
			return err
		}

		if err := s.Devices.Remember(ctx, tx, p.accountID, o.device, p.methods.HaveTwoFactors()); err != nil {
			return err
		}

		err = audit.Record(ctx, tx, now, audit.Event{
			Action: audit.SignInSucceeded, AccountID: p.accountID, SessionID: o.sessionID, Method: p.method,
		})
		if err != nil {
			return err
		}

		// The first sign-in of an account comes from nowhere that the user knows.
		if row.SignInCount > 1 && p.place == device.Strangers {
			if err := s.notifyNewDevice(ctx, tx, row.Email, now); err != nil {
				return err
			}
		}

		// Last, because it locks the row of the whole network until the transaction ends.
		return p.use(ctx, tx)
	})

	return o, err
}

// notifyNewDevice notifies the user of a sign-in from a device and a network that had not signed in before.
func (s *SignIn) notifyNewDevice(ctx context.Context, tx postgres.Tx, email string, now time.Time) error {
	content := delivery.Content{Device: origin.From(ctx).UserAgent, At: now}
	if origin.From(ctx).Address.IsValid() {
		content.Address = origin.From(ctx).Address.String()
	}

	return s.Queue.Enqueue(ctx, tx, delivery.NewID(), delivery.Message{
		Kind: delivery.NewDevice, Channel: delivery.Mail, To: email, Language: origin.From(ctx).Language, Content: content,
	})
}

// refuse records a failure and returns the error.
func (s *SignIn) refuse(ctx context.Context, method, accountID, name string, answer error) error {
	err := audit.RecordAlone(ctx, s.DB, s.Now(), audit.Event{
		Action: audit.SignInFailed, AccountID: accountID, Subject: name, Method: method,
	})
	if err != nil {
		return err
	}

	return answer
}
