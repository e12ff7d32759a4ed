package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// checkPooler refuses a pooler in transaction mode that DATABASE_POOLER does not name: statements would fail now and then,
// and their time limits would hold for other programs. A database that does not respond is an outage like any other.
func checkPooler(ctx context.Context, c config.Config) error {
	if c.DatabasePooler == string(postgres.TransactionPooler) {
		return nil
	}

	if err := postgres.CheckPooler(ctx, c.DatabaseURL); errors.Is(err, postgres.ErrSharedConnections) {
		return fmt.Errorf("DATABASE_URL: %w: set DATABASE_POOLER=transaction, or pool_mode=session in the pooler", err)
	}

	return nil
}
