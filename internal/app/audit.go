package app

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
)

// GrantServer gives a database role what serving needs, and no more: it can add to the audit log, and change
// nothing in it.
func GrantServer(ctx context.Context, databaseURL, role string) error {
	return migration.Grant(ctx, databaseURL, role, audit.AppendOnly())
}

// VerifyAudit looks through the whole audit log. kept is a head that was kept elsewhere, as SEQ:HASH, or empty.
func VerifyAudit(ctx context.Context, c config.Config, kept string, progress audit.Progress) (verdict audit.Verdict, err error) {
	var head audit.Head

	if kept != "" {
		if head, err = audit.ParseHead(kept); err != nil {
			return verdict, fmt.Errorf("--head: %w", err)
		}
	}

	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		verdict, err = a.chain.Verify(ctx, head, progress)

		return err
	})

	return verdict, err
}

// warnOfOwnership says so where the server could rewrite the audit log.
func (a *App) warnOfOwnership(ctx context.Context) {
	var owns bool

	err := a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, "SELECT has_table_privilege('audit_event', 'UPDATE')").Scan(&owns)
	})
	if err == nil && owns {
		a.log.Warn("the server's database role could rewrite the audit log: `toolkit-gateway migrate --server-role` prepares one that cannot")
	}
}
