package webhook

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
)

// Overlap is how long calls are also signed with the previous secret.
const Overlap = 24 * time.Hour

// Created is a webhook with its secret, which is shown only this once.
type Created struct {
	Webhook

	Secret standardwebhook.Secret
}

// stored is the form stored under an idempotency key: the secret is sealed there as in the table.
type stored struct {
	Webhook Webhook
	Sealed  []byte
}

// Create creates a webhook. It receives the events that are sealed from then on.
func (w *Webhooks) Create(ctx context.Context, c authority.Change, wanted Wanted) (Created, error) {
	wanted, err := w.allowed(wanted)
	if err != nil {
		return Created{}, err
	}

	id := randomid.New()
	sealed := w.seal(id, standardwebhook.NewSecret())

	answer, err := authority.Once(ctx, w.DB, w.Now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (stored, error) {
		if err := mayRead(rights); err != nil {
			return stored{}, err
		}

		queries := db.New(tx)

		row, err := queries.WebhookCreate(ctx, db.WebhookCreateParams{
			ID: id, SealedURL: sealURL(w.Keys, id, wanted.URL), Description: wanted.Description, Actions: wanted.Actions, Enabled: wanted.Enabled, Secret: sealed,
			Now: w.Now(), Most: Most,
		})
		if postgres.IsNotFound(err) {
			return stored{}, ErrTooMany
		} else if err != nil {
			return stored{}, fmt.Errorf("create webhook: %w", err)
		}

		created := w.fromRow(db.WebhookByIDRow(row))

		return stored{created, sealed}, w.record(ctx, tx, c.Actor, audit.WebhookCreated, created, described(created))
	})
	if err != nil {
		return Created{}, err
	}

	return w.reveal(answer)
}

// Change replaces the settings of a webhook.
func (w *Webhooks) Change(ctx context.Context, c authority.Change, wanted Wanted) (Webhook, error) {
	var sealed []byte

	if wanted.URL != "" {
		sealed = sealURL(w.Keys, c.Target.ID, wanted.URL)
	}

	wanted, err := w.allowed(wanted)
	if err != nil {
		return Webhook{}, err
	}

	return authority.Once(ctx, w.DB, w.Now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Webhook, error) {
		if err := mayRead(rights); err != nil {
			return Webhook{}, err
		}

		queries := db.New(tx)

		before, err := w.findIn(ctx, queries, c.Target)
		if err != nil {
			return Webhook{}, err
		}

		row, err := queries.WebhookChange(ctx, db.WebhookChangeParams{
			ID: before.ID, Version: before.Version, SealedURL: sealed, Description: wanted.Description, Actions: wanted.Actions, Enabled: wanted.Enabled, Now: w.Now(),
		})
		if postgres.IsNotFound(err) {
			return Webhook{}, problem.ErrVersionConflict
		} else if err != nil {
			return Webhook{}, fmt.Errorf("change webhook: %w", err)
		}

		changed := w.fromRow(db.WebhookByIDRow(row))

		detail := described(changed)
		if before.Host != changed.Host {
			detail["hostBefore"] = before.Host
		}

		return changed, w.record(ctx, tx, c.Actor, audit.WebhookChanged, changed, detail)
	})
}

// Rotate gives a webhook a new secret. The previous secret also signs for a while.
func (w *Webhooks) Rotate(ctx context.Context, c authority.Change) (Created, error) {
	sealed := w.seal(c.Target.ID, standardwebhook.NewSecret())

	answer, err := authority.Once(ctx, w.DB, w.Now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (stored, error) {
		if err := mayRead(rights); err != nil {
			return stored{}, err
		}

		queries := db.New(tx)

		before, err := w.findIn(ctx, queries, c.Target)
		if err != nil {
			return stored{}, err
		}

		row, err := queries.WebhookRotate(ctx, db.WebhookRotateParams{
			ID: before.ID, Version: before.Version, Secret: sealed, Until: w.Now().Add(Overlap), Now: w.Now(),
		})
		if postgres.IsNotFound(err) {
			return stored{}, problem.ErrVersionConflict
		} else if err != nil {
			return stored{}, fmt.Errorf("rotate secret: %w", err)
		}

		rotated := w.fromRow(db.WebhookByIDRow(row))

		return stored{rotated, sealed}, w.record(ctx, tx, c.Actor, audit.WebhookSecretRotated, rotated, map[string]string{})
	})
	if err != nil {
		return Created{}, err
	}

	return w.reveal(answer)
}

// Delete deletes a webhook. Its waiting deliveries are not sent.
func (w *Webhooks) Delete(ctx context.Context, c authority.Change) error {
	event := audit.Event{Action: audit.WebhookDeleted, ActorID: c.Actor.AccountID, Subject: c.Target.ID}

	return authority.Recorded(ctx, w.DB, w.Now(), c.Actor, &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		queries := db.New(tx)

		before, err := w.findIn(ctx, queries, c.Target)
		if err != nil {
			return err
		}

		deleted, err := queries.WebhookDelete(ctx, db.WebhookDeleteParams{ID: before.ID, Version: before.Version, Now: w.Now()})
		if err != nil {
			return fmt.Errorf("delete webhook: %w", err)
		} else if deleted == 0 {
			return problem.ErrVersionConflict
		}

		event.Detail = map[string]string{"host": before.Host}

		return nil
	})
}

// allowed returns the settings if the address may be called.
func (w *Webhooks) allowed(wanted Wanted) (Wanted, error) {
	if wanted.URL != "" && w.Policy.Check(wanted.URL) != nil {
		return wanted, ErrAddress
	}

	if wanted.Actions == nil {
		wanted.Actions = []string{} // not NULL
	}

	return wanted, nil
}

func (w *Webhooks) reveal(answer stored) (Created, error) {
	secret, err := w.Keys.Open(answer.Sealed, secretContext(answer.Webhook.ID)...)
	if err != nil {
		return Created{}, fmt.Errorf("secret of webhook %s: %w", answer.Webhook.ID, err)
	}

	return Created{answer.Webhook, secret}, nil
}

func (w *Webhooks) seal(id string, secret standardwebhook.Secret) []byte {
	return w.Keys.Seal(secret, secretContext(id)...)
}

func secretContext(id string) []string { return []string{"webhook", "secret", id} }

func urlContext(id string) []string { return []string{"webhook", "url", id} }

func sealURL(keys *keyring.Keyring, id, address string) []byte {
	return keys.Seal([]byte(address), urlContext(id)...)
}

// openURL returns the address of a webhook. An earlier version of the server stores it as it is, also beside one that this
// version has sealed before: then it is the later one.
func openURL(keys *keyring.Keyring, id, plain string, sealed []byte) (string, error) {
	if plain != "" || sealed == nil {
		return plain, nil
	}

	opened, err := keys.Open(sealed, urlContext(id)...)
	if err != nil {
		return "", fmt.Errorf("address of webhook %s: %w", id, err)
	}

	return string(opened), nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}

	return u.Host
}
