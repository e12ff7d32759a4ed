// Package administration owns what administrators and operators do to accounts: search, create, change and delete them,
// remove a lost factor, unlock, end sessions. Each change is one transaction that locks the account, checks the actor's
// rights, records one event, and leaves an administrator. It signs no one in.
package administration

import (
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Administration changes accounts for administrators and operators.
type Administration struct {
	// Sends limits the invitations of one administrator; none if it is zero.
	Sends throttle.Limit

	db    *postgres.DB
	queue *delivery.Queue
	now   func() time.Time
}

// New returns an Administration. The queue may be nil for changes that send no mail.
func New(database *postgres.DB, queue *delivery.Queue, now func() time.Time) *Administration {
	return &Administration{db: database, queue: queue, now: now}
}
