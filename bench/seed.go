package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/password"
)

// secret is the password of every account.
const secret = "correct horse battery staple"

// seedBatch is the number of rows of one COPY, so that the progress of millions is visible.
const seedBatch = 500_000

// The accounts and sessions are numbered, and their names follow from the number alone: they are spread over the
// indexes as random ones are, and need no memory.

func email(i int) string { return "person" + strconv.Itoa(i) + "@bench.test" }

func accountID(i int) string {
	sum := sha256.Sum256([]byte("account " + strconv.Itoa(i)))

	return hex.EncodeToString(sum[:12])
}

func sessionID(i int) string {
	sum := sha256.Sum256([]byte("session " + strconv.Itoa(i)))

	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// groupOf leaves one account in a hundred without a group.
func groupOf(i int) string {
	if i%100 == 1 {
		return "None"
	}

	return "Member"
}

func hashOnce(ctx context.Context) (string, error) {
	hasher, err := password.NewHasher(1, password.Standard)
	if err != nil {
		return "", err
	}

	return hasher.Hash(ctx, secret)
}

// seed adds accounts, each with as many sessions in their first generation. The first of the account is the one with the
// account's number, and further ones have higher numbers than all accounts.
func (d *database) seed(ctx context.Context, name string, accounts, sessions int, say func(string, ...any)) error {
	now := time.Now()
	ends := now.Add(24 * time.Hour)

	return d.with(ctx, name, func(conn *pgx.Conn) error {
		for from := 0; from < accounts; from += seedBatch {
			n := min(seedBatch, accounts-from)

			err := copyRows(ctx, conn, "account", from, n,
				[]string{"id", "email", "name", "password_hash", "member_group", "created_at", "updated_at", "seen_at", "folded_name", "search"},
				func(i int) []any {
					name := "Person " + strconv.Itoa(i)

					return []any{
						accountID(i), email(i), name, d.hash, groupOf(i), now, now, now, account.Fold(name), account.SearchText(email(i), name, ""),
					}
				})
			if err != nil {
				return err
			}

			for more := range sessions {
				err = copyRows(ctx, conn, "session", from, n,
					[]string{"id", "account_id", "surface", "device", "created_at", "authenticated_at", "seen_at", "expires_at", "ends_at", "clean_at"},
					func(i int) []any {
						return []any{sessionID(more*accounts + i), accountID(i), "toolkit", "bench", now, now, now, ends, ends, ends}
					})
				if err != nil {
					return err
				}
			}

			if accounts > seedBatch {
				say("  %d of %d accounts", from+n, accounts)
			}
		}

		// Autovacuum would do this at its own time, during a measurement.
		if _, err := conn.Exec(ctx, "VACUUM (ANALYZE) account, session"); err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}

		if _, err := conn.Exec(ctx, "CHECKPOINT"); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}

		return nil
	})
}

// writeEvents adds as many events to the audit log of every account. They are old enough that the server does not take them
// for what a server of an earlier version has just written.
func (d *database) writeEvents(ctx context.Context, name string, each int) error {
	return d.run(ctx, name,
		fmt.Sprintf(`INSERT INTO audit_event (at, action, account_id, session_id, subject, method, address, user_agent, request_id)
			SELECT now() - k * interval '9 days', (ARRAY['sign_in.succeeded', 'code.sent', 'sign_in.failed', 'session.ended'])[1 + k %% 4],
				a.id, NULL, '', 'password', '203.0.113.7', 'Mozilla/5.0 (bench)', 'bench'
			FROM generate_series(1, %d) k CROSS JOIN account a`, each),
		// As the server does when it seals them.
		`INSERT INTO audit_count AS c (action, hour, events)
			SELECT action, date_trunc('hour', at, 'UTC'), count(*) FROM audit_event GROUP BY 1, 2
			ON CONFLICT ON CONSTRAINT audit_count_pkey DO UPDATE SET events = excluded.events`,
		"VACUUM (ANALYZE) audit_event, audit_count",
		"CHECKPOINT",
	)
}

// run executes the statements one after the other.
func (d *database) run(ctx context.Context, name string, statements ...string) error {
	return d.with(ctx, name, func(conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}

		return nil
	})
}

func copyRows(ctx context.Context, conn *pgx.Conn, table string, from, n int, columns []string, row func(i int) []any) error {
	source := pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(from + i), nil })
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{table}, columns, source); err != nil {
		return fmt.Errorf("seed %s: %w", table, err)
	}

	return nil
}
