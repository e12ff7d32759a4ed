// Package token makes and checks the tokens of the Toolkit surface: signed access tokens, the keys
// that sign them, and derived refresh tokens. It knows no session row: that a token is genuine does
// not say that its session still lives.
package token

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// PublishLead is how long a new key is published before it signs: longer than any verifier
	// keeps the key set (JWKSMaxAge), and than the replicas take to load it (reloadEvery).
	PublishLead = 10 * time.Minute
	// JWKSMaxAge is how long a verifier may keep the published key set.
	JWKSMaxAge = 5 * time.Minute

	reloadEvery = 30 * time.Second
	// reloadGap bounds how often a token with an unknown key id makes us ask the database.
	reloadGap = 2 * time.Second
)

var errNoSigningKey = errors.New("token: no key signs yet")

// Key is one signing key, at one of its stages.
type Key struct {
	ID        string
	Public    ed25519.PublicKey
	CreatedAt time.Time  // published from here on
	SignsAt   time.Time  // signs from here until the next key does
	RetiresAt *time.Time // verifies until here; nil while no key follows it

	private ed25519.PrivateKey
}

// Keys holds the signing keys, which live in Postgres, encrypted, and are the same on every
// replica. A change arrives within 30 seconds, without a restart.
type Keys struct {
	db       *postgres.DB
	keyring  *keyring.Keyring
	lifetime time.Duration // of an access token
	now      func() time.Time

	mu       sync.RWMutex
	loaded   []Key // oldest first
	loadedAt time.Time
}

// NewKeys makes Keys. Call Ensure before use, and Watch to follow changes.
func NewKeys(database *postgres.DB, ring *keyring.Keyring, accessLifetime time.Duration, now func() time.Time) *Keys {
	return &Keys{db: database, keyring: ring, lifetime: accessLifetime, now: now}
}

func sealContext(id string) []string { return []string{"signing_key", "private_key", id} }

// Watch follows the keys until ctx ends. A database that is away changes nothing: the keys in
// memory stay good.
func (k *Keys) Watch(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := k.load(ctx); err != nil {
				failed(err)
			}
		}
	}
}

func (k *Keys) load(ctx context.Context) error {
	var rows []db.SigningKey

	now := k.now()

	err := k.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		rows, err = db.New(conn).SigningKeyList(ctx, &now)

		return err
	})
	if err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}

	keys := make([]Key, len(rows))
	for i, row := range rows {
		seed, err := k.keyring.Open(row.PrivateKey, sealContext(row.ID)...)
		if err != nil {
			return fmt.Errorf("signing key %s: it does not open with MASTER_KEY: %w", row.ID, err)
		}

		keys[i] = Key{
			ID: row.ID, CreatedAt: row.CreatedAt, SignsAt: row.SignsAt, RetiresAt: row.RetiresAt,
			private: ed25519.NewKeyFromSeed(seed),
		}
		// Not the column: whoever can write to the table cannot write what is sealed.
		keys[i].Public = keys[i].private.Public().(ed25519.PublicKey)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	k.loaded, k.loadedAt = keys, now

	return nil
}

// List answers the keys that are not retired, the newest last.
func (k *Keys) List() []Key {
	k.mu.RLock()
	defer k.mu.RUnlock()

	now := k.now()
	live := make([]Key, 0, len(k.loaded))

	for _, key := range k.loaded {
		if key.verifies(now) {
			live = append(live, key)
		}
	}

	return live
}

// Stage names the stage of a key at a time: published, signing or retiring.
func (k *Keys) Stage(key Key) string {
	signing, err := k.signing()

	switch {
	case key.SignsAt.After(k.now()):
		return "published"
	case err == nil && signing.ID == key.ID:
		return "signing"
	}

	return "retiring"
}

func (key Key) verifies(now time.Time) bool {
	return key.RetiresAt == nil || key.RetiresAt.After(now)
}

// signing is the newest key whose time to sign has come.
func (k *Keys) signing() (Key, error) {
	keys := k.List()
	for i := len(keys) - 1; i >= 0; i-- {
		if !keys[i].SignsAt.After(k.now()) {
			return keys[i], nil
		}
	}

	return Key{}, errNoSigningKey
}

// current is signing, also in the first moments after a start, when the keys are not loaded yet.
func (k *Keys) current(ctx context.Context) (Key, error) {
	if key, err := k.signing(); err == nil {
		return key, nil
	}

	if err := k.Ensure(ctx); err != nil {
		return Key{}, err
	}

	return k.signing()
}

// verifying looks a key id up in the fixed set. One that is not there may have been made a moment
// ago on another replica, so the database is asked, now and then.
func (k *Keys) verifying(ctx context.Context, id string) (ed25519.PublicKey, bool, error) {
	if key, ok := k.known(id); ok {
		return key, true, nil
	}

	k.mu.RLock()
	recent := k.now().Sub(k.loadedAt) < reloadGap
	k.mu.RUnlock()

	if recent {
		return nil, false, nil
	}

	if err := k.load(ctx); err != nil {
		return nil, false, err
	}

	key, ok := k.known(id)

	return key, ok, nil
}

func (k *Keys) known(id string) (ed25519.PublicKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()

	for _, key := range k.loaded {
		if key.ID == id && key.verifies(k.now()) {
			return key.Public, true
		}
	}

	return nil, false
}
