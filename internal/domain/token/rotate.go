package token

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Ensure loads the keys, and makes the first one if there is none.
func (k *Keys) Ensure(ctx context.Context) error {
	if err := k.load(ctx); err != nil {
		return err
	}

	if _, err := k.signing(); err == nil {
		return nil
	}

	err := k.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		queries := db.New(tx)
		if err := queries.SigningKeyLock(ctx); err != nil {
			return fmt.Errorf("lock signing keys: %w", err)
		}

		now := k.now()

		rows, err := queries.SigningKeyList(ctx, &now)
		if err != nil {
			return fmt.Errorf("list signing keys: %w", err)
		}

		for _, row := range rows {
			if !row.SignsAt.After(now) {
				return nil // another replica was first
			}
		}

		_, err = k.create(ctx, queries, now, now)

		return err
	})
	if err != nil {
		return err
	}

	return k.load(ctx)
}

// Rotate makes a new key. It is published now and signs after PublishLead, while the others verify until their last
// token has expired. immediately is for a key that may have leaked: the new one signs at once, and every token of the
// others is invalid; clients refresh.
func (k *Keys) Rotate(ctx context.Context, immediately bool) (Key, error) {
	var created Key

	now := k.now()

	done := func(ctx context.Context, tx postgres.Tx) (bool, error) {
		if err := db.New(tx).SigningKeyLock(ctx); err != nil {
			return false, fmt.Errorf("lock signing keys: %w", err)
		}

		return audit.Recorded(ctx, tx, now, audit.Event{Action: audit.KeyRotated, Subject: created.ID})
	}

	err := k.db.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		queries := db.New(tx)
		if err := queries.SigningKeyLock(ctx); err != nil {
			return fmt.Errorf("lock signing keys: %w", err)
		}

		signs := now.Add(PublishLead)
		retires := signs.Add(k.lifetime + 2*leeway)

		if immediately {
			signs, retires = now, now
		}

		var err error
		if created, err = k.create(ctx, queries, now, signs); err != nil {
			return err
		}

		err = queries.SigningKeyRetireOthers(ctx, db.SigningKeyRetireOthersParams{Keep: created.ID, RetiresAt: retires})
		if err != nil {
			return fmt.Errorf("retire signing keys: %w", err)
		}

		return audit.Record(ctx, tx, now, audit.Event{Action: audit.KeyRotated, Subject: created.ID})
	})
	if err != nil {
		return Key{}, err
	}

	return created, k.load(ctx)
}

// RotateDue rotates when the newest key is older than age.
func (k *Keys) RotateDue(ctx context.Context, age time.Duration) error {
	keys := k.List()
	if len(keys) > 0 && k.now().Sub(keys[len(keys)-1].CreatedAt) < age {
		return nil
	}

	_, err := k.Rotate(origin.With(ctx, origin.Command("key rotation")), false)

	return err
}

// Clean deletes the keys that retired a day ago, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	before := now.Add(-24 * time.Hour)

	return db.New(tx).SigningKeyClean(ctx, &before)
}

func (k *Keys) create(ctx context.Context, queries *db.Queries, now, signs time.Time) (Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}

	id := base64.RawURLEncoding.EncodeToString(randomid.Bytes(9))

	err = queries.SigningKeyCreate(ctx, db.SigningKeyCreateParams{
		ID: id, PublicKey: public, PrivateKey: k.keyring.Seal(private.Seed(), sealContext(id)...), Now: now, SignsAt: signs,
	})
	if err != nil {
		return Key{}, fmt.Errorf("store signing key: %w", err)
	}

	return Key{ID: id, Public: public, CreatedAt: now, SignsAt: signs, private: private}, nil
}
