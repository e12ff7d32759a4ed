package throttle

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// networkLimit is the limit under which Begin counts the network of an attempt, too.
func (f *Failures) networkLimit() Limit {
	return Limit{Name: "failures", Max: f.patience.Network, Window: networkWindow}
}

// ConsumeNetwork counts an attempt of somebody who is not known until it has succeeded: against their
// network, as Begin does, and against nobody.
func (f *Failures) ConsumeNetwork(ctx context.Context, tx db.DBTX) error {
	return Consume(ctx, tx, f.now(), f.networkLimit(), origin.From(ctx).Network())
}

// RefundNetwork takes such an attempt back, which was no failure.
func (f *Failures) RefundNetwork(ctx context.Context) error {
	return f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return Refund(ctx, conn, f.networkLimit(), origin.From(ctx).Network())
	})
}
