package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Queryer runs statements: a connection or a transaction.
type Queryer interface {
	Exec(ctx context.Context, statement string, values ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, statement string, values ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, statement string, values ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// Planned plans each statement for its own values, instead of once for all: for a search, whose conditions are
// optional.
func Planned(q Queryer) Queryer { return planned{q} }

type planned struct{ Queryer }

func (p planned) Query(ctx context.Context, statement string, values ...any) (pgx.Rows, error) {
	return p.Queryer.Query(ctx, statement, mode(values)...) //nolint:wrapcheck // passed on
}

func (p planned) QueryRow(ctx context.Context, statement string, values ...any) pgx.Row {
	return p.Queryer.QueryRow(ctx, statement, mode(values)...)
}

// mode returns pgx's option for this, in front of the values. The statements' descriptions are cached, their plans are
// not.
func mode(values []any) []any { return append([]any{pgx.QueryExecModeCacheDescribe}, values...) }
