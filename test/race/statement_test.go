package race_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-04, F-15, V-01, V-02: our statements have one winner, and the test detects the double wins of similar but broken
// statements. If a broken one is never caught, the test is unable to detect any.
func TestRaceOfStatements(t *testing.T) {
	t.Parallel()

	t.Run("GuardedStatementsHaveOneWinner", func(t *testing.T) {
		t.Parallel()
		raceStatements(t, world.RaceRounds)
	})

	for name, mutant := range mutants {
		t.Run(name+"IsCaught", func(t *testing.T) {
			t.Parallel()

			race := newStatementRace(t)

			for round := range 1000 {
				if won := race.run(t, mutant); won > 1 {
					t.Logf("caught in round %d, with %d winners", round+1, won)

					return
				}
			}

			t.Error("never caught: the test cannot detect double wins")
		})
	}
}

func raceStatements(t *testing.T, rounds int) {
	race := newStatementRace(t)

	for name, statement := range map[string]attempt{"CodeRedeem": redeem, "SessionRotate": rotate} {
		for round := range rounds {
			if won := race.run(t, statement); won != 1 {
				t.Fatalf("%s: %d winners in round %d, want one", name, won, round)
			}
		}

		t.Logf("%s: %d rounds of %d contenders, one winner each", name, rounds, world.Contenders)
	}
}

// statementRace is one code and one session to compete for, and two pools, like those of two gateways.
type statementRace struct {
	pools   [2]*pgxpool.Pool
	subject string
	session string
}

// attempt tries to redeem the code or to rotate the session once, and reports whether it believes that it succeeded.
type attempt func(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (won bool, err error)

func newStatementRace(t *testing.T) *statementRace {
	t.Helper()

	race := &statementRace{subject: "race@konec.com.au", session: session.NewID()}
	url := postgrestest.New(t)

	for i := range race.pools {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}

		config.MaxConns = world.Contenders / 2

		race.pools[i], err = pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(race.pools[i].Close)
	}

	race.exec(t, "INSERT INTO account (id, email, name, member_group, created_at, updated_at) VALUES ($1, 'a@b.cd', 'A', 'None', now(), now())",
		account.NewID(time.Now()))
	race.exec(t, `INSERT INTO session (id, account_id, surface, device, created_at, authenticated_at, seen_at, expires_at, ends_at)
		SELECT $1, id, 'toolkit', '', now(), now(), now(), now() + '1 day', now() + '1 day' FROM account`, race.session)

	return race
}

func (race *statementRace) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if _, err := race.pools[0].Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// run restores the code and the session, and releases the contenders at one barrier, each on its own connection.
func (race *statementRace) run(t *testing.T, contend attempt) (winners int) {
	t.Helper()

	err := db.New(race.pools[0]).CodeIssue(t.Context(), db.CodeIssueParams{
		Purpose: "race", Subject: race.subject, KeyID: 1, Digest: digest, Now: time.Now(), ExpiresAt: time.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}

	race.exec(t, "UPDATE session SET generation = 0, rotated_generations = '{}', rotated_times = '{}'")

	var (
		mu      sync.Mutex
		all     sync.WaitGroup
		ready   sync.WaitGroup
		barrier = make(chan struct{})
	)

	ready.Add(world.Contenders)

	for i := range world.Contenders {
		all.Go(func() {
			conn, err := race.pools[i%len(race.pools)].Acquire(t.Context())
			ready.Done()

			if err != nil {
				t.Error(err)

				return
			}
			defer conn.Release()

			<-barrier

			won, err := contend(t.Context(), conn, race)
			if err != nil {
				t.Error(err)
			}

			if won {
				mu.Lock()
				defer mu.Unlock()

				winners++
			}
		})
	}

	ready.Wait()
	close(barrier)
	all.Wait()

	return winners
}

var digest = make([]byte, 32)

func redeem(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
	rows, err := db.New(conn).CodeRedeem(ctx, db.CodeRedeemParams{Purpose: "race", Subject: race.subject, Digest: digest, Now: time.Now()})

	return rows == 1, err
}

func rotate(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
	now := time.Now()

	_, err := db.New(conn).SessionRotate(ctx, db.SessionRotateParams{
		ID: race.session, Generation: 0, Now: now, Forget: now.Add(-session.LostAfter), IdleUntil: now.Add(time.Hour),
	})

	return won(err)
}

func won(err error) (bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}

	return err == nil, err
}

// mutants are plausible but broken replacements of CodeRedeem and SessionRotate. The CTE guard around a DELETE is not
// among them: the losers wait for the row, find it gone and get nothing. Around an UPDATE they find it changed, check
// the id again, which has not changed, and win as well.
var mutants = map[string]attempt{
	"SelectThenDelete": func(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
		var found bool

		err := conn.QueryRow(ctx, "SELECT true FROM code WHERE purpose = 'race' AND subject = $1 AND digest = $2 AND expires_at > $3",
			race.subject, digest, time.Now()).Scan(&found)
		if err == nil {
			_, err = conn.Exec(ctx, "DELETE FROM code WHERE purpose = 'race' AND subject = $1", race.subject)
		}

		return won(err)
	},

	"SelectThenUpdate": func(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
		var generation int64

		err := conn.QueryRow(ctx, "SELECT generation FROM session WHERE id = $1", race.session).Scan(&generation)
		if err != nil || generation != 0 {
			return false, err
		}

		_, err = conn.Exec(ctx, "UPDATE session SET generation = generation + 1 WHERE id = $1", race.session)

		return err == nil, err
	},

	// F-15a
	"GuardInCTE": func(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
		var generation int64

		return won(conn.QueryRow(ctx, `WITH current AS (SELECT id FROM session WHERE id = $1 AND generation = 0)
			UPDATE session SET generation = generation + 1 WHERE id = (SELECT id FROM current) RETURNING generation`,
			race.session).Scan(&generation))
	},

	// F-15b: now() is the start of the transaction, so that a contender who began before the winner still passes.
	"ExpiresNow": func(ctx context.Context, conn *pgxpool.Conn, race *statementRace) (bool, error) {
		used := false

		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			rows, err := tx.Exec(ctx, `UPDATE code SET expires_at = now()
				WHERE purpose = 'race' AND subject = $1 AND digest = $2 AND expires_at > now()`, race.subject, digest)
			used = rows.RowsAffected() == 1

			return err
		})
		if err != nil {
			return false, fmt.Errorf("redeem: %w", err)
		}

		return used, nil
	},
}
