package session

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrRefreshTokenInvalid is returned alike for a refresh token that is forged, spent or expired, and for one whose
// session has ended.
var ErrRefreshTokenInvalid = problem.New(problem.Unauthenticated, "REFRESH_TOKEN_INVALID")

const (
	// Grace is how long after its rotation a refresh token may be presented again.
	Grace = 10 * time.Second
	// Skew is how much the clocks of replicas may differ, in the client's favour.
	Skew = 2 * time.Second
	// LostAfter is how long after the rotation of a token its answer counts as lost, if the token is presented again.
	LostAfter = Grace + Skew
	// MostRivals is the number of rivals that one token opens.
	MostRivals = 20
)

// Refresh exchanges a refresh token for new tokens. The current token takes one guarded statement; any other is checked
// under the session's row lock, see judge. It waits for the database for up to Deps.Patience, because the apps sign their
// user out on any failed refresh, and judges the token by when the request arrived, however long it waited.
//
// It may be repeated after an unknown COMMIT: the token is then the one just rotated, and gets its successor again.
func (s *Sessions) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	arrived := s.arrival(ctx)

	id, generation, genuine := s.Deps.Refresh.Read(refreshToken)
	if !genuine {
		return Tokens{}, ErrRefreshTokenInvalid
	}

	ctx = postgres.WithRetryBudget(ctx, max(0, s.Patience-s.Now().Sub(arrived)))
	ctx = postgres.WithWaitingRoom(ctx, func() (leave func(), ok bool) { return s.waiting.enter(id) })

	rotated, err := s.rotate(ctx, id, generation, arrived)
	if postgres.IsNotFound(err) {
		return s.refreshOld(ctx, id, generation, arrived)
	} else if err != nil {
		return Tokens{}, fmt.Errorf("rotate refresh token: %w", err)
	}

	if rotated.AccountSeenAt == nil || s.Now().Sub(*rotated.AccountSeenAt) > 24*time.Hour {
		s.seen(ctx, rotated.AccountID)
	}

	return s.Tokens(ctx, token.Grant{
		AccountID: rotated.AccountID, SessionID: id, MemberGroup: rotated.MemberGroup,
		AuthenticatedAt: rotated.AuthenticatedAt, Methods: rotated.AMR,
	}, rotated.Generation)
}

type arrivalKey struct{}

// WithArrival returns the context of a refresh whose request arrived earlier than Refresh is called: it waited for something else.
func WithArrival(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, arrivalKey{}, at)
}

func (s *Sessions) arrival(ctx context.Context) time.Time {
	if at, ok := ctx.Value(arrivalKey{}).(time.Time); ok {
		return at
	}

	return s.Now()
}

// seen records, once a day, that the account was active. An error does not keep the tokens back: the next renewal
// records it.
func (s *Sessions) seen(ctx context.Context, accountID string) {
	_ = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).AccountSeen(ctx, db.AccountSeenParams{ID: accountID, Now: s.Now()})
	})
}

func (s *Sessions) rotate(ctx context.Context, id string, generation int64, arrived time.Time) (row db.SessionRotateRow, err error) {
	err = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		now := s.Now()

		var err error
		row, err = db.New(conn).SessionRotate(ctx, db.SessionRotateParams{
			ID: id, Generation: generation, Arrived: arrived, Now: now, Forget: now.Add(-LostAfter - s.Patience), IdleUntil: now.Add(s.Limits.Idle),
		})

		return err
	})

	return row, err
}

// refreshOld decides about a token that is not a current one.
func (s *Sessions) refreshOld(ctx context.Context, id string, generation int64, arrived time.Time) (Tokens, error) {
	var (
		row     db.SessionForRefreshRow
		current int64
		verdict verdict
	)

	notice := delivery.NewID()

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		queries := db.New(tx)
		now := s.Now()

		var err error

		row, err = queries.SessionForRefresh(ctx, db.SessionForRefreshParams{ID: id, Arrived: arrived})
		if postgres.IsNotFound(err) {
			return ErrRefreshTokenInvalid
		} else if err != nil {
			return fmt.Errorf("read session: %w", err)
		}

		switch verdict, current = judge(row, generation, arrived); verdict {
		case repeat:
			return nil
		case rival:
			current, err = s.openRival(ctx, tx, row, now)

			return err
		case ahead:
			current, err = queries.SessionReopen(ctx, db.SessionReopenParams{
				ID: id, Presented: generation, Now: now, IdleUntil: now.Add(s.Limits.Idle),
			})
			if err != nil {
				return fmt.Errorf("open a new generation: %w", err)
			}

			return nil
		default:
			return s.endReused(ctx, tx, row, notice)
		}
	})
	if err != nil {
		return Tokens{}, err
	}

	switch verdict {
	case reused:
		return Tokens{}, ErrRefreshTokenInvalid
	case rival:
		if s.CountRival != nil {
			s.CountRival()
		}
	case repeat, ahead:
	}

	return s.Tokens(ctx, token.Grant{
		AccountID: row.AccountID, SessionID: id, MemberGroup: row.MemberGroup, AuthenticatedAt: row.AuthenticatedAt, Methods: row.AMR,
	}, current)
}

func (s *Sessions) openRival(ctx context.Context, tx postgres.Tx, row db.SessionForRefreshRow, now time.Time) (int64, error) {
	opened, err := db.New(tx).SessionOpenRival(ctx, db.SessionOpenRivalParams{ID: row.ID, Now: now})
	if err != nil {
		return 0, fmt.Errorf("open a rival generation: %w", err)
	}

	return opened, audit.Record(ctx, tx, now, audit.Event{Action: audit.RivalOpened, AccountID: row.AccountID, SessionID: row.ID})
}

type verdict int

const (
	reused verdict = iota // an attacker may hold a copy: the session ends
	repeat                // two refreshers raced: a living token again
	rival                 // the response was lost: another successor
	ahead                 // the database was set back
)

// judge decides what a token means that is not a current one, by when it arrived, and which generation a repeat gets
// (contract: "refresh").
//
// The last entry of the rotations is the token whose successor is current. If the successor had ever been presented, it
// would have rotated; so it may never have been received. Within LostAfter the client may be racing; after it the response
// was lost, and the token gets a rival of the successor, which lives beside it until either is presented. Each opening of a
// rival counts as a rotation of the token: repeats get the rival again.
//
// An earlier entry, within LostAfter of its own rotation, is a slow racer. A token ahead of the row is ours by its MAC, from
// before the database was set back (a failover, a restore): nothing was replayed. Every other token is rejected, and so is
// a successor that was left behind.
func judge(row db.SessionForRefreshRow, presented int64, arrived time.Time) (verdict, int64) {
	newest := row.Generation
	if row.Rival != nil {
		newest = *row.Rival
	}

	// SessionRotate saw another state a moment ago; whatever has changed since, nothing was replayed.
	if presented == row.Generation || presented == newest {
		return repeat, presented
	}

	if presented > max(row.Generation, newest) {
		return ahead, 0
	}

	last := len(row.RotatedGenerations) - 1

	for i, generation := range row.RotatedGenerations {
		switch young := arrived.Sub(row.RotatedTimes[i]) <= LostAfter; {
		case generation != presented:
		case young && i == last:
			return repeat, row.Generation
		case young:
			return repeat, newest
		case i == last:
			return judgeLost(row, arrived)
		}
	}

	return reused, 0
}

// judgeLost decides about the token whose response was lost.
func judgeLost(row db.SessionForRefreshRow, arrived time.Time) (verdict, int64) {
	switch {
	case row.RivalAt != nil && arrived.Sub(*row.RivalAt) <= LostAfter:
		return repeat, *row.Rival
	case row.Rivals < MostRivals:
		return rival, 0
	}

	return reused, 0
}

// endReused ends the session and notifies its user.
func (s *Sessions) endReused(ctx context.Context, tx postgres.Tx, row db.SessionForRefreshRow, notice string) error {
	now := s.Now()

	_, err := db.New(tx).SessionRevoke(ctx, db.SessionRevokeParams{ID: row.ID, Now: now, Reason: "refresh token reused"})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}

	err = audit.Record(ctx, tx, now, audit.Event{
		Action: audit.RefreshTokenReused, AccountID: row.AccountID, SessionID: row.ID,
	})
	if err != nil {
		return err
	}

	return s.Queue.Enqueue(ctx, tx, notice, delivery.Message{
		Kind: delivery.SessionEnded, Channel: delivery.Mail, To: row.Email, Language: language.Chinese,
		Content: delivery.Content{Device: origin.From(ctx).UserAgent, At: now},
	})
}
