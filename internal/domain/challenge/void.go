package challenge

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Void voids what an account has outstanding beside its sessions, in the transaction of what makes it mistrust
// them: codes on their way, and the secret that waits to be bound. Whoever had a session, or saw a message, may
// know them, and would come back with them.
//
// To end sessions is no reason: whoever holds one could else keep the owner from ever resetting the password.
func Void(ctx context.Context, tx postgres.Tx, accountID string) error {
	if err := code.Void(ctx, tx, accountID); err != nil {
		return err
	}

	return factor.Void(ctx, tx, accountID)
}
