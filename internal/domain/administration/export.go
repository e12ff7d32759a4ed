package administration

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// RecordExport records that the actor exports all data about an account's user, and refuses an actor who may not. It
// comes after the data was read, which does not contain it, and before anybody gets them.
func (a *Administration) RecordExport(ctx context.Context, c authority.Change) error {
	event := audit.Event{Action: audit.AccountExported, AccountID: c.Target.ID, ActorID: c.Actor.AccountID}

	return authority.Recorded(ctx, a.db, a.now(), c.Actor, &event, func(context.Context, postgres.Tx, authority.Rights) error { return nil })
}
