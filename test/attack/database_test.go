//go:build battery

package attack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// one returns the only value of a query.
func one[T any](t *testing.T, g *gateway, query string, args ...any) (value T) {
	t.Helper()

	if err := g.db.QueryRow(t.Context(), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}

	return value
}

func (g *gateway) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if _, err := g.db.Exec(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// pass lets time pass for waits, limits, budgets and codes: it moves what is stored into the past. Sessions and devices stay.
func (g *gateway) pass(t *testing.T, d time.Duration) {
	t.Helper()

	g.exec(t, fmt.Sprintf(`
		WITH past AS (SELECT interval '%d milliseconds' AS d),
		failures AS (UPDATE failure SET blocked_until = blocked_until - d, ends_at = ends_at - d FROM past),
		throttles AS (UPDATE throttle SET ends_at = ends_at - d FROM past)
		UPDATE code SET created_at = created_at - d, expires_at = expires_at - d FROM past`, d.Milliseconds()))

	// A version with links to mails keeps them in a table of their own.
	for _, table := range rows(t, g, `
		SELECT table_name FROM information_schema.columns WHERE column_name = 'expires_at' AND table_schema = 'public' AND table_name LIKE '%link%'`) {
		g.exec(t, fmt.Sprintf("UPDATE %s SET expires_at = expires_at - interval '%d milliseconds'", table, d.Milliseconds()))
	}
}

// unwait ends the waits of failures, and no limit.
func (g *gateway) unwait(t *testing.T) {
	t.Helper()
	g.exec(t, "UPDATE failure SET blocked_until = blocked_until - interval '1 hour'")
}

// rows returns the texts of a query.
func rows(t *testing.T, g *gateway, query string, args ...any) (list []string) {
	t.Helper()

	found, err := g.db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()

	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			t.Fatal(err)
		}

		list = append(list, text)
	}

	if err := found.Err(); err != nil {
		t.Fatal(err)
	}

	return list
}

// state returns a digest of each table that holds what users and administrators change.
func (g *gateway) state(t *testing.T) map[string]string {
	t.Helper()

	digests := map[string]string{}

	for _, table := range rows(t, g, `
		SELECT tablename FROM pg_tables
		WHERE schemaname = 'public' AND tablename !~ '^(river|audit|goose|throttle|failure|webhook_delivery|signing_key|migration)'`) {
		columns := rows(t, g, `
			SELECT quote_ident(column_name) FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = $1 AND column_name NOT IN ('attempts', 'seen_at', 'state', 'payload', 'finished_at', 'last_error')
			ORDER BY 1`, table)
		row := "ROW(" + strings.Join(columns, ", ") + ")::text"
		digests[table] = one[string](t, g, fmt.Sprintf("SELECT count(*) || ' ' || COALESCE(md5(string_agg(%s, ' ' ORDER BY %s)), '') FROM %s", row, row, table))
	}

	return digests
}

// changed returns the tables that differ.
func changed(before, after map[string]string) (tables []string) {
	for table := range after {
		if before[table] != after[table] {
			tables = append(tables, table)
		}
	}

	return tables
}
