package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
)

const (
	growthTarget = 1.3
	// sessionsEach and eventsOfGrowth are the numbers of sessions and of events in the audit log of each account.
	sessionsEach   = 3
	eventsOfGrowth = 2
)

// growthSessions is the number of sessions on either side: all of the small database's, and as many of the large one's,
// spread over all of it.
const growthSessions = 10_000

// grown is a gateway on a database of some size.
type grown struct {
	name     string
	accounts int
	sample   []int
	gateway  *server
	clients  *clients
	pool     *pgxpool.Pool
}

// measureGrowth compares the slowest hundredth of the responses from a large database with those from a small one.
func measureGrowth(ctx context.Context, b *bench) (_ []line, err error) {
	if b.growth == 0 {
		return []line{{
			work: "growth to 10 million accounts", measured: "not measured in this run: `go run ./bench -growth 10000000`",
			target: "p99 ≤ 1.3 of that with 10,000", unknown: true,
		}}, nil
	}

	small, err := b.grow(ctx, "small", b.small, sessionsEach, eventsOfGrowth)
	defer func() { err = join(err, small.close()) }()

	if err != nil {
		return nil, err
	}

	large, err := b.grow(ctx, "large", b.growth, sessionsEach, eventsOfGrowth)
	defer func() { err = join(err, large.close()) }()

	if err != nil {
		return nil, err
	}

	var lines []line

	for _, work := range []struct {
		name string
		side func(*grown) side
	}{
		{"me", func(g *grown) side { return g.clients.side((*client).ask) }},
		{"sign-in's lookup (SQL)", (*grown).lookups},
		{"refresh", func(g *grown) side { return g.clients.side((*client).renew) }},
		{"sign-in", func(g *grown) side { return g.signIns() }},
	} {
		c, err := compare(ctx, b.rounds, b.slice, work.side(large), work.side(small))
		if err != nil {
			return nil, err
		}

		lines = append(lines, line{
			work:     fmt.Sprintf("growth to %d accounts: %s", b.growth, work.name),
			measured: describe(c.ours), beside: fmt.Sprintf("with %d: %s", b.small, describe(c.theirs)),
			result: fmt.Sprintf("p99 %.2f times that", c.slowest), target: fmt.Sprintf("≤ %.1f", growthTarget), held: c.slowest <= growthTarget,
		})
	}

	for _, g := range []*grown{small, large} {
		stored, err := g.storage(ctx)
		if err != nil {
			return nil, err
		}

		lines = append(lines, stored...)
	}

	return lines, nil
}

func (b *bench) grow(ctx context.Context, name string, accounts, sessions, events int) (*grown, error) {
	n := min(growthSessions, b.small)
	g := &grown{name: name, accounts: accounts, sample: numbers(n, 0, accounts)}

	b.say("  seeding %d accounts", accounts)

	if err := b.database.create(ctx, name, accounts, sessions, b.say); err != nil {
		return g, err
	}

	b.say("  writing %d events", events*accounts)

	if err := b.database.writeEvents(ctx, name, events); err != nil {
		return g, err
	}

	var err error
	if g.pool, err = pgxpool.New(ctx, b.database.cluster.URL(name)); err != nil {
		return g, err
	}

	if g.gateway, err = b.gatewayOn(ctx, name); err != nil {
		return g, err
	}

	// Few connections: this compares the time of a response, not the wait in a queue.
	few := *b
	few.connections = min(2, b.connections)
	g.clients, err = few.newClients(ctx, g.gateway, g.sample)

	return g, err
}

func (g *grown) close() error {
	if g.pool != nil {
		g.pool.Close()
	}

	if g.gateway == nil {
		return nil
	}

	return g.gateway.stop()
}

// signIns signs in with the password, over and over. Most of it is the hash.
func (g *grown) signIns() side {
	workers := len(g.clients.hands)
	next := make([]int, workers)

	return onConnections(g.clients.address, workers, func(worker int, conn *connection) error {
		next[worker] += workers

		_, err := conn.want(loginRequest(g.sample[(worker+next[worker])%len(g.sample)]))

		return err
	})
}

// lookups runs the first statement of a sign-in alone; the hash would hide it.
func (g *grown) lookups() side {
	return func(ctx context.Context, length time.Duration) (sample, error) {
		workers := make([]func() error, len(g.clients.hands))
		queries := db.New(g.pool)

		for i := range workers {
			next := i
			workers[i] = func() error {
				next += len(workers)

				row, err := queries.AccountCredentials(ctx, email(g.sample[next%len(g.sample)]))
				if err == nil && row.PasswordHash == nil {
					err = errors.New("an account without a password")
				}

				return err
			}
		}

		return drive(ctx, length, workers)
	}
}
