package throttle

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/caller"
)

// networkLimit is the limit under which Begin counts the network of an attempt, too.
func (f *Failures) networkLimit() Limit {
	return Limit{Name: "failures", Most: f.patience.Network, Window: networkWindow}
}

// TakeNetwork counts an attempt of somebody who is not known until it has succeeded: against their
// network, as Begin does, and against nobody.
func (f *Failures) TakeNetwork(ctx context.Context, tx db.DBTX, by caller.Caller) error {
	return Take(ctx, tx, f.now(), f.networkLimit(), by.Network())
}

// GiveBackNetwork takes such an attempt back, which was no failure.
func (f *Failures) GiveBackNetwork(ctx context.Context, by caller.Caller) error {
	return f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return GiveBack(ctx, conn, f.networkLimit(), by.Network())
	})
}
