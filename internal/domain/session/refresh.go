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
	// refreshPatience is how long a refresh waits for the database: the apps sign their person
	// out on any failed refresh.
	refreshPatience = 20 * time.Second
)

// Refresh exchanges a refresh token for new tokens. The current token takes one guarded statement; any other is checked
// under the session's row lock, see judge.
//
// It may be repeated after an unknown COMMIT: the token is then the one just rotated, and gets its successor again.
func (s *Sessions) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	id, generation, genuine := s.Deps.Refresh.Read(refreshToken)
	if !genuine {
		return Tokens{}, ErrRefreshTokenInvalid
	}

	ctx = postgres.WithRetryBudget(ctx, refreshPatience)

	rotated, err := s.rotate(ctx, id, generation)
	if postgres.IsNotFound(err) {
		return s.refreshOld(ctx, id, generation)
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

// seen records, once a day, that the account was active. An error does not keep the tokens back: the next renewal
// records it.
func (s *Sessions) seen(ctx context.Context, accountID string) {
	_ = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).AccountSeen(ctx, db.AccountSeenParams{ID: accountID, Now: s.Now()})
	})
}

func (s *Sessions) rotate(ctx context.Context, id string, generation int64) (row db.SessionRotateRow, err error) {
	err = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		now := s.Now()

		var err error
		row, err = db.New(conn).SessionRotate(ctx, db.SessionRotateParams{
			ID: id, Generation: generation, Now: now, Forget: now.Add(-Grace), IdleUntil: now.Add(s.Limits.Idle),
		})

		return err
	})

	return row, err
}

// refreshOld decides about a token that is not the current one.
func (s *Sessions) refreshOld(ctx context.Context, id string, generation int64) (Tokens, error) {
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

		row, err = queries.SessionForRefresh(ctx, db.SessionForRefreshParams{ID: id, Now: now})
		if postgres.IsNotFound(err) {
			return ErrRefreshTokenInvalid
		} else if err != nil {
			return fmt.Errorf("read session: %w", err)
		}

		current = row.Generation

		switch verdict = judge(row, generation, now); verdict {
		case repeat:
			return nil
		case reopen:
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

	if verdict == reused {
		return Tokens{}, ErrRefreshTokenInvalid
	}

	return s.Tokens(ctx, token.Grant{
		AccountID: row.AccountID, SessionID: id, MemberGroup: row.MemberGroup, AuthenticatedAt: row.AuthenticatedAt, Methods: row.AMR,
	}, current)
}

type verdict int

const (
	reused verdict = iota // an attacker may hold a copy: the session ends
	repeat                // two refreshers raced: the newest token again
	reopen                // the response was lost: a new generation
)

// judge decides what an old generation means (contract: "refresh").
//
// The last entry of the rotations is the token whose successor is current. If the successor had ever been presented, it
// would have rotated; so it was never received. Within Grace the client may be racing; after it the response was lost.
// An earlier entry, within Grace of its own rotation, is a slow racer. A token ahead of the row is ours by its MAC,
// from before the database was set back (a failover, a restore): nothing was replayed. Every other token is rejected,
// and so is a successor that was lost.
func judge(row db.SessionForRefreshRow, presented int64, now time.Time) verdict {
	// SessionRotate saw another state a moment ago; whatever has changed since, nothing was replayed.
	if presented == row.Generation {
		return repeat
	}

	if presented > row.Generation {
		return reopen
	}

	last := len(row.RotatedGenerations) - 1

	for i, generation := range row.RotatedGenerations {
		if generation != presented {
			continue
		}

		switch young := now.Sub(row.RotatedTimes[i]) <= Grace; {
		case young:
			return repeat
		case i == last:
			return reopen
		}
	}

	return reused
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
