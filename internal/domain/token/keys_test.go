package token_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-G8, T-30: a rotation goes through its stages on two replicas that load it at different times.
func TestStagedRotation(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first, second := env.replica(t), env.replica(t)

	old := first.issue(t)
	oldKey := first.keys.List()[0].ID

	created, err := first.keys.Rotate(origin.With(t.Context(), origin.Command("test")), false)
	if err != nil {
		t.Fatal(err)
	}

	expectStages(t, first, map[string]string{oldKey: "signing", created.ID: "published"})

	if !slices.Contains(published(t, first), created.ID) {
		t.Error("the new key is not in the key set before it signs")
	}

	// The second replica has not loaded it yet; both still sign with the old one.
	env.expectBothAccept(t, first, second, old)

	env.clock.Advance(token.PublishLead + time.Second)

	expectStages(t, first, map[string]string{oldKey: "retiring", created.ID: "signing"})

	fresh := first.issue(t)
	late := second.issue(t) // signed by the old key, on a replica that is late

	env.expectBothAccept(t, first, second, old, fresh, late)

	if err := second.keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}

	expectStages(t, second, map[string]string{oldKey: "retiring", created.ID: "signing"})

	// The last token that the old key may have signed is valid until its end.
	env.clock.Advance(lifetime - 2*time.Second)
	env.expectBothAccept(t, first, second, fresh, late)

	env.clock.Advance(15 * time.Second)

	for i, gateway := range []replica{first, second} {
		if gateway.accepts(t.Context(), late) || gateway.accepts(t.Context(), old) {
			t.Errorf("replica %d accepts what a retired key signed", i)
		}

		expectStages(t, gateway, map[string]string{created.ID: "signing"})

		if got := published(t, gateway); !slices.Equal(got, []string{created.ID}) {
			t.Errorf("replica %d publishes %q", i, got)
		}
	}

	env.clock.Advance(25 * time.Hour)

	if deleted, err := token.Clean(t.Context(), env.pool, env.clock.Now()); err != nil || deleted != 1 {
		t.Errorf("%d keys deleted a day after, %v, want one", deleted, err)
	}
}

// R-G8: a key that may have leaked is invalid from the moment of the rotation, also on replicas that have cached its
// tokens.
func TestImmediateRotation(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first, second := env.replica(t), env.replica(t)

	text := first.issue(t)
	env.expectBothAccept(t, first, second, text) // and cache it

	if _, err := first.keys.Rotate(origin.With(t.Context(), origin.Command("test")), false); err != nil { // one more, published only
		t.Fatal(err)
	}

	env.clock.Advance(time.Second)

	created, err := first.keys.Rotate(origin.With(t.Context(), origin.Command("test")), true)
	if err != nil {
		t.Fatal(err)
	}

	if first.accepts(t.Context(), text) {
		t.Error("the replica that rotated accepts a token of the old key")
	}

	// The other loads it with the next reload, or with the first token of the new key.
	fresh := first.issue(t)
	env.expectBothAccept(t, first, second, fresh)

	if second.accepts(t.Context(), text) {
		t.Error("the other replica accepts a token of the old key")
	}

	for _, gateway := range []replica{first, second} {
		expectStages(t, gateway, map[string]string{created.ID: "signing"})
	}
}

// R-G8: a replica that gets no requests learns of a rotation by itself, within a second.
func TestWatchedRotation(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first, second := env.replica(t), env.replica(t)
	text := first.issue(t)
	env.expectBothAccept(t, first, second, text)

	ctx, cancel := context.WithCancel(t.Context())

	var watching sync.WaitGroup

	watching.Go(func() { second.keys.Watch(ctx, func(err error) { t.Error(err) }) })
	t.Cleanup(watching.Wait)
	t.Cleanup(cancel)

	if _, err := first.keys.Rotate(origin.With(t.Context(), origin.Command("test")), true); err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "the other replica refuses a token of the old key", func() bool { return !second.accepts(t.Context(), text) })
}

// R-G8: any number of tokens with unknown keys cost one query in a tenth of a second, and no request waits longer for it.
func TestUnknownKeysShareAQuery(t *testing.T) {
	t.Parallel()

	env := setup(t)
	counted := &counter{}

	database, err := postgres.Open(t.Context(), postgres.Options{URL: env.url, MaxConns: 4, Tracer: counted})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)

	keys := token.NewKeys(database, env.ring, lifetime, env.clock.Now)
	if err := keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}

	gateway := replica{keys: keys, access: token.NewAccess(keys, issuer, audience, env.clock.Now)}
	foreign := setup(t).replica(t).issue(t)
	before := counted.queries.Load()

	var all sync.WaitGroup

	for range 200 {
		all.Go(func() {
			if gateway.accepts(t.Context(), foreign) {
				t.Error("a token of another gateway is accepted")
			}
		})
	}

	all.Wait()

	if queries := counted.queries.Load() - before; queries < 1 || queries > 40 {
		t.Errorf("%d queries for 200 tokens", queries)
	}
}

// counter counts queries.
type counter struct{ queries atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)

	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// R-G8: a key's end takes effect on a replica that loaded it before, and for cached tokens.
func TestRetiredKey(t *testing.T) {
	t.Parallel()

	env := setup(t)
	gateway := env.replica(t)
	seen, unseen := gateway.issue(t), gateway.issue(t)

	if !gateway.accepts(t.Context(), seen) {
		t.Fatal("refused before the key's end")
	}

	if _, err := env.pool.Exec(t.Context(), "UPDATE signing_key SET retires_at = $1", env.clock.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}

	if err := gateway.keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}

	env.clock.Advance(time.Minute + time.Second)

	for name, text := range map[string]string{"seen": seen, "unseen": unseen} {
		if gateway.accepts(t.Context(), text) {
			t.Errorf("a token %s before is accepted after its key's end", name)
		}
	}
}

func TestEnsure(t *testing.T) {
	t.Parallel()

	t.Run("ReplicasThatStartAtOnceMakeOneKey", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		replicas := [8]*token.Keys{}

		for i := range replicas {
			replicas[i] = env.keys(t)
		}

		// From the second round on their connections are open, and they run concurrently.
		for round := range 20 {
			var (
				all     sync.WaitGroup
				barrier = make(chan struct{})
				made    int
			)

			for _, keys := range replicas {
				all.Go(func() {
					<-barrier

					if err := keys.Ensure(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}

			close(barrier)
			all.Wait()

			err := env.pool.QueryRow(t.Context(), "WITH gone AS (DELETE FROM signing_key RETURNING id) SELECT count(*) FROM gone").Scan(&made)
			if err != nil || made != 1 {
				t.Fatalf("round %d: %d keys made, %v, want one", round, made, err)
			}
		}
	})

	// R-L1: a key's row is useless without the master key, and invalid in another row's place.
	t.Run("KeySealedForAnotherRowDoesNotOpen", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		gateway := env.replica(t)

		if _, err := gateway.keys.Rotate(origin.With(t.Context(), origin.Command("test")), false); err != nil {
			t.Fatal(err)
		}

		_, err := env.pool.Exec(t.Context(),
			"UPDATE signing_key k SET private_key = o.private_key, public_key = o.public_key FROM signing_key o WHERE o.id <> k.id")
		if err != nil {
			t.Fatal(err)
		}

		if err := env.keys(t).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "does not open") {
			t.Errorf("got %v, want that a key does not open", err)
		}
	})

	t.Run("AnotherMasterKeyDoesNotOpen", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		env.replica(t)
		env.ring = setup(t).ring

		if err := env.keys(t).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "does not open") {
			t.Errorf("got %v, want that a key does not open", err)
		}
	})

	t.Run("DueRotationHappensOnce", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		gateway := env.replica(t)

		for _, step := range []struct {
			after time.Duration
			want  int
		}{{time.Hour, 1}, {24 * time.Hour, 2}, {time.Hour, 2}} {
			env.clock.Advance(step.after)

			if err := gateway.keys.RotateDue(t.Context(), 24*time.Hour); err != nil {
				t.Fatal(err)
			}

			if got := len(gateway.keys.List()); got != step.want {
				t.Errorf("%d keys after %s more, want %d", got, step.after, step.want)
			}
		}
	})
}

func (e *env) expectBothAccept(t *testing.T, first, second replica, texts ...string) {
	t.Helper()

	for i, gateway := range []replica{first, second} {
		for j, text := range texts {
			if _, err := gateway.access.Verify(t.Context(), text); err != nil {
				t.Errorf("replica %d, token %d: %v", i, j, err)
			}
		}
	}
}

func expectStages(t *testing.T, gateway replica, want map[string]string) {
	t.Helper()

	got := map[string]string{}
	for _, key := range gateway.keys.List() {
		got[key.ID] = gateway.keys.Stage(key)
	}

	if len(got) != len(want) {
		t.Errorf("keys %v, want %v", got, want)
	}

	for id, stage := range want {
		if got[id] != stage {
			t.Errorf("key %s is %q, want %q", id, got[id], stage)
		}
	}
}

func published(t *testing.T, gateway replica) (ids []string) {
	t.Helper()

	raw, err := gateway.keys.JWKS()
	if err != nil {
		t.Fatal(err)
	}

	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}

	for _, key := range set.Keys {
		ids = append(ids, key.ID)
	}

	return ids
}
