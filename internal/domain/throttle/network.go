package throttle

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// networkLimit is the limit under which Begin also counts the network of an attempt.
func (f *Failures) networkLimit() Limit {
	return Limit{Name: "failures", Max: f.backoff.Network, Window: networkWindow}
}

// ConsumeNetwork counts an attempt of a user who is unknown until it succeeds: only against the network, as Begin does.
func (f *Failures) ConsumeNetwork(ctx context.Context, tx db.DBTX) error {
	return Consume(ctx, tx, f.now(), f.networkLimit(), origin.From(ctx).Network())
}

// RefundNetwork refunds such an attempt, which was not a failure.
func (f *Failures) RefundNetwork(ctx context.Context) error {
	return f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return Refund(ctx, conn, f.networkLimit(), origin.From(ctx).Network())
	})
}
