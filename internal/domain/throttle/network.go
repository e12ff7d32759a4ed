package throttle

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// shares are how many times the limit of one sender its networks have, the narrowest first: an attacker can have a whole
// /48, and an office or a mobile network has one /24.
var shares = [origin.Tiers]int32{1, 4, 16}

// times returns a multiple of a limit, or the largest number.
func times(limit, share int32) int32 {
	return int32(min(int64(limit)*int64(share), math.MaxInt32)) //nolint:gosec // limited
}

// NetworkLimit is a limit of one sender, and of the wider networks around it.
type NetworkLimit struct {
	Name   string
	Most   int32 // of one sender
	Window time.Duration
}

// Uses returns one use of the limit by each network of the request, the narrowest first. There is none for a device or a
// session of the account.
func (l NetworkLimit) Uses(ctx context.Context, place device.Place) []Use {
	if place.Owned() {
		return nil
	}

	var uses []Use

	for i, network := range origin.From(ctx).Networks() {
		if network != "" {
			uses = append(uses, Use{Limit: Limit{Name: l.Name, Max: times(l.Most, shares[i]), Window: l.Window}, Subject: network})
		}
	}

	return uses
}

func (f *Failures) network() NetworkLimit {
	return NetworkLimit{Name: failuresOfNetwork, Most: f.backoff.Network, Window: networkWindow}
}

// networkKeys returns the keys of the network's uses; the rest is empty.
func (f *Failures) networkKeys(ctx context.Context, place device.Place) (keys [origin.Tiers]string) {
	for i, use := range f.network().Uses(ctx, place) {
		keys[i] = key(use.Limit, use.Subject)
	}

	return keys
}

func (f *Failures) networkMost() (most [origin.Tiers]int32) {
	for i, share := range shares {
		most[i] = times(f.backoff.Network, share)
	}

	return most
}

// BeginNetwork counts an attempt as Begin does, against the networks only: what strangers do must not delay the user.
func (f *Failures) BeginNetwork(ctx context.Context, factor string, person Person) (Attempt, error) {
	attempt := Attempt{db: f.db, networks: f.networkKeys(ctx, person.Place)}
	if person.Place.Owned() {
		return attempt, nil
	}

	err := f.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		return ConsumeInOrder(ctx, tx, f.now(), f.network().Uses(ctx, person.Place)...)
	})

	return attempt, RecordRefusal(ctx, f.db, f.now(), err, audit.Event{
		AccountID: person.AccountID, Subject: person.Name, SessionID: person.SessionID, Method: factor,
	})
}

// ConsumeNetwork counts an attempt of a user who is unknown until it succeeds: only against the networks, as Begin does.
func (f *Failures) ConsumeNetwork(ctx context.Context, tx db.DBTX) error {
	return ConsumeInOrder(ctx, tx, f.now(), f.network().Uses(ctx, device.Strangers)...)
}

// RefundNetwork refunds such an attempt, which was not a failure.
func (f *Failures) RefundNetwork(ctx context.Context) error {
	return f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return Attempt{networks: f.networkKeys(ctx, device.Strangers)}.Succeeded(ctx, conn)
	})
}
