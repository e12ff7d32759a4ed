-- name: WebhookCreate :one
-- No row: the limit of webhooks is reached.
INSERT INTO webhook (id, url, sealed_url, description, actions, enabled, secret, created_at, updated_at)
SELECT sqlc.arg(id), '', sqlc.arg(sealed_url)::bytea, sqlc.arg(description), sqlc.arg(actions)::text[], sqlc.arg(enabled)::boolean, sqlc.arg(secret)::bytea,
    sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz
WHERE (SELECT count(*) FROM webhook w WHERE w.deleted_at IS NULL) < sqlc.arg(most)::int
RETURNING id, url, sealed_url, description, actions, enabled, gone_at, version, created_at, updated_at;

-- name: WebhookList :many
SELECT w.id, w.url, w.sealed_url, w.description, w.actions, w.enabled, w.gone_at, w.version, w.created_at, w.updated_at
FROM webhook w
WHERE w.deleted_at IS NULL
ORDER BY w.created_at, w.id
LIMIT @most;

-- name: WebhookByID :one
SELECT w.id, w.url, w.sealed_url, w.description, w.actions, w.enabled, w.gone_at, w.version, w.created_at, w.updated_at
FROM webhook w
WHERE w.id = @id AND w.deleted_at IS NULL;

-- name: WebhookChange :one
-- An enabled webhook is no longer marked as gone. Without an address it keeps its own.
UPDATE webhook
SET url = CASE WHEN sqlc.narg(sealed_url)::bytea IS NULL THEN url ELSE '' END, sealed_url = coalesce(sqlc.narg(sealed_url)::bytea, sealed_url), description = @description, actions = @actions, enabled = @enabled, gone_at = CASE WHEN @enabled THEN NULL ELSE gone_at END,
    updated_at = @now, version = version + 1
WHERE id = @id AND version = @version AND deleted_at IS NULL
RETURNING id, url, sealed_url, description, actions, enabled, gone_at, version, created_at, updated_at;

-- name: WebhookRotate :one
UPDATE webhook
SET previous_secret = secret, previous_until = @until::timestamptz, secret = @secret::bytea, updated_at = @now, version = version + 1
WHERE id = @id AND version = @version AND deleted_at IS NULL
RETURNING id, url, sealed_url, description, actions, enabled, gone_at, version, created_at, updated_at;

-- name: WebhookDelete :execrows
-- Its deliveries may be many: the clean-up deletes them.
UPDATE webhook
SET deleted_at = @now::timestamptz, enabled = false, url = '', sealed_url = NULL, secret = NULL, previous_secret = NULL, previous_until = NULL, updated_at = @now::timestamptz,
    version = version + 1
WHERE id = @id AND version = @version AND deleted_at IS NULL;

-- name: WebhookGone :execrows
-- Not if the address has changed meanwhile: the old receiver's response is not about the new address.
UPDATE webhook
SET enabled = false, gone_at = @now::timestamptz, updated_at = @now::timestamptz, version = version + 1
WHERE id = @id AND url = @url AND sealed_url IS NOT DISTINCT FROM @sealed_url AND enabled AND deleted_at IS NULL;

-- name: WebhookForget :execrows
UPDATE webhook
SET previous_secret = NULL, previous_until = NULL
WHERE previous_until <= @now::timestamptz;

-- name: WebhookClean :execrows
-- Deleted webhooks without deliveries.
DELETE FROM webhook
WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id = webhook.id);

-- name: WebhookUnsealed :many
-- Addresses that an earlier version of the server wrote.
SELECT w.id, w.url
FROM webhook w
WHERE w.url <> ''
ORDER BY w.id
LIMIT @most;

-- name: WebhookSealURL :execrows
-- Not if the address has changed meanwhile.
UPDATE webhook
SET url = '', sealed_url = @sealed_url
WHERE id = @id AND url = @url;
