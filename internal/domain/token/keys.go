// Package token issues and verifies the tokens of the Toolkit surface: signed access tokens, the keys that sign them,
// and derived refresh tokens. It never reads a session: a genuine token does not prove that its session is live.
package token

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// PublishLead is how long a new key is published before it signs: longer than any verifier caches the key set
	// (JWKSMaxAge), and longer than the replicas take to load it (reloadEvery).
	PublishLead = 10 * time.Minute
	// JWKSMaxAge is how long a verifier may cache the published key set.
	JWKSMaxAge = 5 * time.Minute

	// reloadEvery is short, because a key that has leaked is valid on a replica until the replica has loaded its end. The
	// query is a small one, and works behind a pooler, where a notice of the database would not arrive.
	reloadEvery = 500 * time.Millisecond
	// reloadGap limits how often tokens with an unknown key id make the server query the database.
	reloadGap = 100 * time.Millisecond
)

// ErrMasterKey reports that a stored signing key cannot be decrypted: MASTER_KEY is not the one with which the database
// was used. Another attempt would fail too.
var ErrMasterKey = errors.New("does not open with MASTER_KEY")

var errNoSigningKey = errors.New("token: no key signs yet")

// Key is one signing key, at one of its stages.
type Key struct {
	ID        string
	Public    ed25519.PublicKey
	CreatedAt time.Time  // published from this time
	SignsAt   time.Time  // signs from this time until the next key does
	RetiresAt *time.Time // verifies until this time; nil while there is no newer key

	private ed25519.PrivateKey
}

// Keys holds the signing keys, which are stored in Postgres, encrypted, and are the same on every replica. A change
// arrives within a second, without a restart.
type Keys struct {
	db       *postgres.DB
	keyring  *keyring.Keyring
	lifetime time.Duration // of an access token
	now      func() time.Time

	mu     sync.RWMutex
	loaded []Key // oldest first

	// reloads are shared by the requests with an unknown key; lastReload is when the last one began.
	reloads    singleflight.Group
	lastReload time.Time
}

// NewKeys returns Keys. Call Ensure before use, and Watch to follow changes.
func NewKeys(database *postgres.DB, ring *keyring.Keyring, accessLifetime time.Duration, now func() time.Time) *Keys {
	return &Keys{db: database, keyring: ring, lifetime: accessLifetime, now: now}
}

func sealContext(id string) []string { return []string{"signing_key", "private_key", id} }

// Watch follows the keys until ctx ends. While the database is unavailable, the keys in memory stay valid; failed is called
// once for each outage.
func (k *Keys) Watch(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()

	for reported := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}

		err := k.load(ctx)
		if err != nil && !reported {
			failed(err)
		}

		reported = err != nil
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
			return fmt.Errorf("signing key %s %w: %w", row.ID, ErrMasterKey, err)
		}

		keys[i] = Key{
			ID: row.ID, CreatedAt: row.CreatedAt, SignsAt: row.SignsAt, RetiresAt: row.RetiresAt,
			private: ed25519.NewKeyFromSeed(seed),
		}
		// Not the column: an attacker who can write to the table cannot write the sealed value.
		keys[i].Public = keys[i].private.Public().(ed25519.PublicKey)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	k.loaded = keys

	return nil
}

// List returns the keys that are not retired, the newest last.
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

// Stage returns the stage of a key at a time: published, signing or retiring.
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

// signing returns the newest key whose time to sign has come.
func (k *Keys) signing() (Key, error) {
	keys := k.List()
	for i := len(keys) - 1; i >= 0; i-- {
		if !keys[i].SignsAt.After(k.now()) {
			return keys[i], nil
		}
	}

	return Key{}, errNoSigningKey
}

// current is signing, also in the first moments after a start, before the keys are loaded.
func (k *Keys) current(ctx context.Context) (Key, error) {
	if key, err := k.signing(); err == nil {
		return key, nil
	}

	if err := k.Ensure(ctx); err != nil {
		return Key{}, err
	}

	return k.signing()
}

// verifying returns the key with the id from the fixed set. An unknown key may have been made a moment ago on another
// replica, so the database is queried before a token is refused for it.
func (k *Keys) verifying(ctx context.Context, id string) (ed25519.PublicKey, bool, error) {
	arrived := time.Now() //nolint:forbidigo // compared with the begin of a query, by the same clock

	for {
		if key, ok := k.known(id); ok {
			return key, true, nil
		}

		began, err := k.reload(ctx)
		if err != nil {
			return nil, false, err
		}

		// A query that was running already may have read before the key was there.
		if began.After(arrived) {
			key, ok := k.known(id)

			return key, ok, nil
		}
	}
}

// reload loads the keys, and returns when it began to. Concurrent calls share one query, and the next one begins reloadGap
// after it, so strangers cannot make the server query the database more often.
func (k *Keys) reload(ctx context.Context) (began time.Time, err error) {
	result, err, _ := k.reloads.Do("", func() (any, error) {
		time.Sleep(time.Until(k.lastReload.Add(reloadGap))) //nolint:forbidigo // a limit, not a decision
		k.lastReload = time.Now()                           //nolint:forbidigo // likewise

		return k.lastReload, k.load(ctx)
	})
	if err != nil {
		return time.Time{}, err //nolint:wrapcheck // load's
	}

	return result.(time.Time), nil
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
