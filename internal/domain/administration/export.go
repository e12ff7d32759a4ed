package administration

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// RecordExport records that the actor exports all data about an account's user, and refuses an actor who may not. An
// export holds the user's events, so it requires the right to read the audit log too. Call it after the data was read, so
// that an export does not hold its own event, and before the response.
func (a *Administration) RecordExport(ctx context.Context, c authority.Change) error {
	event := audit.Event{Action: audit.AccountExported, AccountID: c.Target.ID, ActorID: c.Actor.AccountID}

	return authority.Recorded(ctx, a.db, a.now(), c.Actor, &event, func(_ context.Context, _ postgres.Tx, rights authority.Rights) error {
		if !rights.Has(authority.AuditRead) {
			return problem.ErrRightMissing
		}

		return nil
	})
}
