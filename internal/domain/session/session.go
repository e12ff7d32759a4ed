// Package session owns sessions: it opens them, authenticates each call, renews them by refresh token, and ends them.
// It never verifies a password or a factor.
package session

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// surfaceToolkit marks the sessions of bearer tokens. A session of one surface is never valid on the other.
const surfaceToolkit = "toolkit"

// Limits are how long sessions live, and how many an account may have.
type Limits struct {
	Idle     time.Duration // since the last refresh
	Absolute time.Duration // since the sign-in
	PerUser  int32
}

// Tokens are what a client receives, at sign-in and at each refresh.
type Tokens struct {
	Access    string
	ExpiresIn time.Duration // of Access
	Refresh   string
	Device    device.Token // of a sign-in; empty for a refresh
}

// Principal is the caller of an operation: a live session and its account, read together.
type Principal struct {
	SessionID       string
	Account         account.Account
	AuthenticatedAt time.Time // when the user signed in, or confirmed the session

	changes int32 // in a minute
}

// Actor is the caller as the actor of a change that asks for a sign-in of at most that age; 0 for any.
func (p Principal) Actor(maxAge time.Duration) authority.Actor {
	return authority.Actor{AccountID: p.Account.ID, SessionID: p.SessionID, MaxAge: maxAge, PerMinute: p.changes}
}

// Deps are the dependencies of Sessions.
type Deps struct {
	DB       *postgres.DB
	Access   *token.Access
	Refresh  *token.Refresh
	Codes    *code.Codes
	Queue    *delivery.Queue
	Limits   Limits        // of the apps' sessions
	Browsers Limits        // of the browsers' sessions
	Patience time.Duration // how long a refresh waits for the database
	Room     int           // how many refreshes wait for it at once

	CountRival func() // called for each rival that is opened; may be nil

	Changes int32 // that an account makes in a minute while it is signed in; 0 for any number
	Now     func() time.Time
}

// Sessions opens, checks, renews and ends sessions.
type Sessions struct {
	Deps

	waiting *waitingRoom
}

// New returns Sessions.
func New(d Deps) *Sessions {
	return &Sessions{Deps: d, waiting: newWaitingRoom(d.Room)}
}

// NewID returns a session id before the transaction begins, so that a repeated run opens the same session.
func NewID() string { return randomid.New() }

// Open adds an app's session to the transaction of a sign-in, which holds the account's row lock. It ends the sessions
// that are idle the longest, beyond the limit.
func (s *Sessions) Open(ctx context.Context, tx postgres.Tx, accountID, id string, methods Methods) error {
	return s.open(ctx, tx, surfaceToolkit, s.Limits, accountID, id, methods)
}

func (s *Sessions) open(ctx context.Context, tx postgres.Tx, surface string, limits Limits, accountID, id string, methods Methods) error {
	now := s.Now()
	ends := now.Add(limits.Absolute)

	evicted, err := db.New(tx).SessionOpen(ctx, db.SessionOpenParams{
		ID: id, AccountID: accountID, Surface: surface, Device: origin.From(ctx).UserAgent, Client: orNil(origin.From(ctx).Client), Address: origin.From(ctx).AddressOrNil(),
		AMR: methods, Now: now, ExpiresAt: earlier(now.Add(limits.Idle), ends), EndsAt: ends, Keep: limits.PerUser - 1,
	})
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}

	for _, one := range evicted {
		err := audit.Record(ctx, tx, now, audit.Event{Action: audit.SessionEnded, AccountID: accountID, SessionID: one})
		if err != nil {
			return err
		}
	}

	return nil
}

// Opened reports whether an earlier run of a repeated transaction opened the session, and returns the account's member
// group. The sign-in is then done, counted and recorded.
func (s *Sessions) Opened(ctx context.Context, tx postgres.Tx, id string) (memberGroup string, opened bool, err error) {
	if !tx.Repeated {
		return "", false, nil
	}

	memberGroup, err = db.New(tx).SessionMemberGroup(ctx, id)
	if postgres.IsNotFound(err) {
		return "", false, nil
	} else if err != nil {
		return "", false, fmt.Errorf("look for the earlier run: %w", err)
	}

	return memberGroup, true, nil
}

// Tokens returns the tokens of a session's generation.
func (s *Sessions) Tokens(ctx context.Context, grant token.Grant, generation int64) (Tokens, error) {
	access, expiresIn, err := s.Access.Issue(ctx, grant)
	if err != nil {
		return Tokens{}, err
	}

	return Tokens{Access: access, ExpiresIn: expiresIn, Refresh: s.Deps.Refresh.Derive(grant.SessionID, generation)}, nil
}

// Authenticate returns the principal of an access token: the signature shows that we issued it, and one statement shows
// that its session is live and its account active. Otherwise it returns problem.ErrTokenInvalid.
func (s *Sessions) Authenticate(ctx context.Context, accessToken string) (Principal, error) {
	claims, err := s.Access.Verify(ctx, accessToken)
	if err != nil {
		return Principal{}, err
	}

	var row db.SessionAuthenticateRow

	err = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		row, err = db.New(conn).SessionAuthenticate(ctx, db.SessionAuthenticateParams{
			ID: claims.SessionID, Surface: surfaceToolkit, Now: s.Now(),
		})

		return err
	})

	switch {
	case postgres.IsNotFound(err):
		return Principal{}, problem.ErrTokenInvalid
	case err != nil:
		return Principal{}, fmt.Errorf("check session: %w", err)
	case row.ID != claims.AccountID:
		return Principal{}, problem.ErrTokenInvalid
	}

	return s.principalOf(row), nil
}

func (s *Sessions) principalOf(row db.SessionAuthenticateRow) Principal {
	return Principal{
		SessionID: row.SessionID, AuthenticatedAt: row.AuthenticatedAt, changes: s.Changes,
		Account: account.Account{
			ID: row.ID, Email: row.Email, Name: row.Name, MemberGroup: row.MemberGroup, Avatar: row.Avatar,
			Status:    account.Status(row.Status),
			CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Version: row.Version,
		},
	}
}

// End ends the caller's own session. Ending it twice is not an error.
func (s *Sessions) End(ctx context.Context, who Principal) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		return s.end(ctx, tx, who, "logout")
	})
}

// Clean looks at up to 1,000 sessions, deletes those that expired a week ago or earlier, and returns how many it has looked at.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).SessionClean(ctx, now.Add(-7*24*time.Hour))
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}

	return b
}
