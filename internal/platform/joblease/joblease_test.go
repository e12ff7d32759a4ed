package joblease_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/rivertype"

	"github.com/konec/toolkit-gateway/internal/platform/joblease"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// Only a running job of a leased queue that no living server confirms is returned to its queue.
func TestJobOfADeadServerIsTakenOver(t *testing.T) {
	t.Parallel()

	url := postgrestest.New(t)

	database, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)

	insert := func(queue, state string) (id int64) {
		t.Helper()

		err := database.Pool().QueryRow(t.Context(), `
			INSERT INTO river_job (kind, queue, max_attempts, args, attempt, state, attempted_at, finalized_at)
			VALUES ('x', $1, 25, '{}', 1, $2::text::river_job_state, now() - interval '1 minute', CASE WHEN $2 = 'completed' THEN now() END) RETURNING id`, queue, state).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}

		return id
	}

	dead, held, other, done := insert("leased", "running"), insert("leased", "running"), insert("other", "running"), insert("leased", "completed")
	leases := joblease.New(database, slog.New(slog.DiscardHandler), "leased")

	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)

	working := make(chan struct{})

	go func() {
		_ = leases.Work(ctx, &rivertype.JobRow{ID: held, Queue: "leased"}, func(ctx context.Context) error {
			close(working)
			<-ctx.Done()

			return nil
		})
	}()

	<-working

	ended := make(chan struct{})

	go func() {
		defer close(ended)
		leases.Keep(ctx)
	}()

	states := func() map[int64]string {
		found := map[int64]string{}

		err := database.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
			for _, id := range []int64{dead, held, other, done} {
				var state string
				if err := conn.QueryRow(ctx, "SELECT state::text FROM river_job WHERE id = $1", id).Scan(&state); err != nil {
					return err
				}

				found[id] = state
			}

			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		return found
	}

	apptest.Eventually(t, "the job of the dead server is available", func() bool { return states()[dead] == "available" })

	if got := states(); got[held] != "running" || got[other] != "running" || got[done] != "completed" {
		t.Errorf("held %s, other %s, done %s", got[held], got[other], got[done])
	}

	cancel()
	<-ended
}
