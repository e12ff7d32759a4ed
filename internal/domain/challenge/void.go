package challenge

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Void voids what an account has outstanding besides its sessions: codes that were sent, the secret that waits to
// be bound, and the trust in devices. It runs in the transaction of the change that makes them untrusted. An attacker who had a session, or saw a
// message, may know them and could return with them.
//
// Ending sessions alone does not call Void: otherwise an attacker with a session could forever keep the owner from
// resetting the password.
func Void(ctx context.Context, tx postgres.Tx, accountID string) error {
	if err := code.Void(ctx, tx, accountID); err != nil {
		return err
	}

	if err := factor.Void(ctx, tx, accountID); err != nil {
		return err
	}

	return device.Distrust(ctx, tx, accountID)
}
