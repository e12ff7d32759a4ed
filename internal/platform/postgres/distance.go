package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// roundTrips is about how many round trips the longest request makes, on a connection that knows no statement yet.
	roundTrips = 30
	// maxRoundTrip is the longest round trip that counts as distance. A longer one is a database that is slow.
	maxRoundTrip = 250 * time.Millisecond
)

// distance is how far the database is from this machine, in time: how long a round trip takes, and how its clock differs.
type distance struct {
	roundTrip atomic.Int64
	ahead     atomic.Int64 // of the database's clock before this machine's
}

// Measure reads the clock of the database, and measures the distance to it, as every new connection does. Call it every few
// seconds.
func (d *DB) Measure(ctx context.Context, conn *pgxpool.Conn) (theirs time.Time, err error) {
	return d.distance.measure(ctx, conn.Conn())
}

func (d *distance) measure(ctx context.Context, conn *pgx.Conn) (theirs time.Time, err error) {
	start := time.Now() //nolint:forbidigo // the clock of the machine is what is measured

	// One round trip: a statement that is prepared first takes two.
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()", pgx.QueryExecModeExec).Scan(&theirs); err != nil {
		return time.Time{}, fmt.Errorf("read the clock of the database: %w", err)
	}

	took := time.Since(start) //nolint:forbidigo // likewise
	d.roundTrip.Store(int64(took))
	d.ahead.Store(int64(theirs.Sub(start.Add(took / 2))))

	return theirs, nil
}

// Now returns the time of the database's clock, as Measure last saw it. What the database compares with its now(), such as
// the times of jobs, is computed from it: the two clocks may differ by any amount.
func (d *DB) Now() time.Time {
	return time.Now().Add(time.Duration(d.distance.ahead.Load())) //nolint:forbidigo // the clock of the machine, corrected
}

// travel is what an operation may take longer because the database is far away. It is next to nothing in one data center.
func (d *DB) travel() time.Duration {
	return roundTrips * min(time.Duration(d.distance.roundTrip.Load()), maxRoundTrip)
}
