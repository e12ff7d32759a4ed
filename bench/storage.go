package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// signInsOfWAL is the number of sign-ins whose WAL is measured: each costs a password hash.
const signInsOfWAL = 200

// storage returns how much a grown database takes on the disk, and how much WAL it writes, for docs/scale.md.
func (g *grown) storage(ctx context.Context) ([]line, error) {
	sizes, err := g.sizes(ctx)
	if err != nil {
		return nil, err
	}

	refresh, err := g.wal(ctx, func() (int, error) {
		return len(g.sample), g.clients.each(func(conn *connection, hand []*client) error {
			for _, one := range hand {
				if err := one.renew(conn); err != nil {
					return err
				}
			}

			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}

	n := min(signInsOfWAL, len(g.sample))

	signIn, err := g.wal(ctx, func() (int, error) {
		conn, err := dial(g.clients.address)
		if err != nil {
			return 0, err
		}
		defer conn.close()

		for i := range n {
			if _, err := conn.want(loginRequest(g.sample[i])); err != nil {
				return 0, err
			}
		}

		return n, ctx.Err()
	})
	if err != nil {
		return nil, err
	}

	work := fmt.Sprintf("%d accounts: ", g.accounts)

	return []line{
		{work: work + "bytes of a row, and of its entries in indexes", measured: sizes, unknown: true},
		{work: work + "WAL of a refresh", measured: refresh, unknown: true},
		{work: work + "WAL of a sign-in", measured: signIn, unknown: true},
	}, nil
}

// sizes returns the bytes of a row of each large table.
func (g *grown) sizes(ctx context.Context) (string, error) {
	rows, err := g.pool.Query(ctx, `SELECT format('%s %s + %s', relname,
			(pg_table_size(oid) / reltuples)::integer, (pg_indexes_size(oid) / reltuples)::integer)
		FROM pg_class WHERE relname IN ('account', 'session', 'audit_event') AND reltuples > 0 ORDER BY relname`)
	if err != nil {
		return "", err
	}

	list, err := pgx.CollectRows(rows, pgx.RowTo[string])

	return strings.Join(list, ", "), err
}

// wal runs the work twice, and returns how many bytes of WAL each operation writes: right after a checkpoint, when the first
// change of a page writes the whole page, and when that has been done.
func (g *grown) wal(ctx context.Context, work func() (int, error)) (string, error) {
	if _, err := g.pool.Exec(ctx, "CHECKPOINT"); err != nil {
		return "", err
	}

	position := func() (lsn string, err error) {
		return lsn, g.pool.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&lsn)
	}

	var each [2]float64

	for i := range each {
		before, err := position()
		if err != nil {
			return "", err
		}

		n, err := work()
		if err != nil {
			return "", err
		}

		if err := g.pool.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::float8 / $2", before, n).Scan(&each[i]); err != nil {
			return "", err
		}
	}

	return fmt.Sprintf("%.0f bytes after a checkpoint, then %.0f", each[0], each[1]), nil
}
