// Package idempotency makes a change that is requested twice under one key happen once: the second request gets the
// result of the first (draft-ietf-httpapi-idempotency-key-header). The key is inserted in the change's own transaction,
// so that neither exists without the other after any failure.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// ErrKeyReused is returned for a key that another request has used.
var ErrKeyReused = problem.New(problem.Mismatched, "IDEMPOTENCY_KEY_REUSED")

// Lifetime is how long a key is remembered.
const Lifetime = 24 * time.Hour

// Key names a change. The zero value names none: such a change may run twice and must allow that.
type Key struct {
	accountID   string
	text        string
	fingerprint []byte
}

// NewKey returns the key that a client chose for a request; with other content it is another key. If the client chose
// none, the key is random: it still distinguishes the change from its own repeat after an unknown COMMIT.
func NewKey(accountID, text string, request ...any) (Key, error) {
	if text == "" {
		text = randomid.New()
	}

	encoded, err := json.Marshal(request)
	if err != nil {
		return Key{}, fmt.Errorf("idempotency key: %w", err)
	}

	sum := sha256.Sum256(encoded)

	return Key{accountID: accountID, text: text, fingerprint: sum[:]}, nil
}

// Once runs the change in a transaction, or returns the result that is stored under the key. The result is stored in
// JSON, so it must not hold a secret. A change that fails is not stored. Concurrent calls wait for each other.
//
// confirm runs first: it refuses a caller who may no longer see the result. Only a run that may have been committed
// without our knowing is looked for before that, because the change itself can end what confirm asks for.
func Once[T any](
	ctx context.Context, database *postgres.DB, now time.Time, key Key,
	confirm func(ctx context.Context, tx postgres.Tx) error, change func(ctx context.Context, tx postgres.Tx) (T, error),
) (T, error) {
	var answer T

	err := database.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		repeated := tx.Repeated && key.text != ""
		if !repeated {
			if err := confirm(ctx, tx); err != nil {
				return err
			}
		}

		var err error

		if key.text == "" {
			answer, err = change(ctx, tx)

			return err
		}

		queries := db.New(tx)

		claimed, err := queries.IdempotencyClaim(ctx, db.IdempotencyClaimParams{
			AccountID: key.accountID, Key: key.text, Fingerprint: key.fingerprint, Now: now, ExpiresAt: now.Add(Lifetime),
		})
		if err != nil {
			return fmt.Errorf("claim idempotency key: %w", err)
		}

		if claimed == 0 {
			return answered(ctx, queries, key, &answer)
		}

		if repeated {
			if err := confirm(ctx, tx); err != nil {
				return err
			}
		}

		if answer, err = change(ctx, tx); err != nil {
			return err
		}

		encoded, err := json.Marshal(answer)
		if err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}

		err = queries.IdempotencyAnswer(ctx, db.IdempotencyAnswerParams{AccountID: key.accountID, Key: key.text, Answer: encoded})
		if err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}

		return nil
	})

	return answer, err
}

func answered(ctx context.Context, queries *db.Queries, key Key, answer any) error {
	row, err := queries.IdempotencyAnswered(ctx, db.IdempotencyAnsweredParams{AccountID: key.accountID, Key: key.text})
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}

	if string(row.Fingerprint) != string(key.fingerprint) {
		return ErrKeyReused
	}

	if err := json.Unmarshal(row.Answer, answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}

	return nil
}

// Clean deletes up to 1,000 expired keys, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).IdempotencyClean(ctx, now)
}
