-- name: WebhookDeliveryFanOut :many
-- One for each event and each webhook that selects it, unless it exists. Without webhooks no event is read.
INSERT INTO webhook_delivery (webhook_id, event_id, state, created_at, queued_at, next_at)
SELECT w.id, e.id, 'pending', sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz
FROM webhook w
CROSS JOIN audit_event e
WHERE EXISTS (SELECT 1 FROM webhook o WHERE o.enabled AND o.deleted_at IS NULL)
    AND w.enabled AND w.deleted_at IS NULL AND e.id = ANY (sqlc.arg(event_ids)::bigint[])
    AND (cardinality(w.actions) = 0 OR e.action = ANY (w.actions))
ORDER BY e.id, w.id
ON CONFLICT ON CONSTRAINT webhook_delivery_pkey DO NOTHING
RETURNING webhook_id, event_id, round;

-- name: WebhookDeliveryAttempt :one
-- No row: the outcome is already known, another round has begun, or the webhook was deleted.
UPDATE webhook_delivery d
SET attempts = d.attempts + 1
FROM webhook w, audit_event e
WHERE d.webhook_id = @webhook_id AND d.event_id = @event_id AND d.round = @round AND d.state = 'pending'
    AND w.id = d.webhook_id AND w.deleted_at IS NULL AND e.id = d.event_id
RETURNING w.url, w.sealed_url, w.enabled, w.secret, w.previous_secret, w.previous_until,
    e.id, e.at, e.action, e.account_id, e.actor_id, e.session_id, e.subject, e.method, e.address, e.user_agent, e.request_id, e.detail;

-- name: WebhookDeliveryFinish :exec
UPDATE webhook_delivery
SET state = @state, last_status = @last_status, last_error = @last_error, next_at = NULL, finished_at = @now::timestamptz
WHERE webhook_id = @webhook_id AND event_id = @event_id AND round = @round AND state = 'pending';

-- name: WebhookDeliveryPostpone :exec
UPDATE webhook_delivery
SET last_status = @last_status, last_error = @last_error, next_at = @next_at::timestamptz
WHERE webhook_id = @webhook_id AND event_id = @event_id AND round = @round AND state = 'pending';

-- name: WebhookDeliveryList :many
-- Planned for its own values, see postgres.Planned.
SELECT d.webhook_id, d.event_id, coalesce(e.action, '')::text AS action, d.state, d.attempts, d.last_status, d.last_error, d.created_at, d.queued_at,
    d.next_at, d.finished_at
FROM webhook_delivery d
LEFT JOIN audit_event e ON e.id = d.event_id
WHERE d.webhook_id = @webhook_id
    AND (sqlc.narg(before)::bigint IS NULL OR d.event_id < sqlc.narg(before)::bigint)
    AND (sqlc.narg(state)::text IS NULL OR d.state = sqlc.narg(state)::text)
ORDER BY d.event_id DESC
LIMIT @most;

-- name: WebhookDeliveryAgain :one
-- The next round of one delivery.
UPDATE webhook_delivery d
SET state = 'pending', round = d.round + 1, attempts = 0, last_status = NULL, last_error = '', queued_at = @now::timestamptz, next_at = @now::timestamptz,
    finished_at = NULL
FROM audit_event e
WHERE d.webhook_id = @webhook_id AND d.event_id = @event_id AND e.id = d.event_id
RETURNING d.webhook_id, d.event_id, d.round, e.action, d.state, d.attempts, d.last_status, d.last_error, d.created_at, d.queued_at, d.next_at, d.finished_at;

-- name: WebhookDeliveryEvents :many
-- The events from a time on, the oldest first. Planned for its own values, see postgres.Planned.
SELECT e.id, e.at
FROM audit_event e
WHERE e.at >= @since
    AND (sqlc.narg(after)::timestamptz IS NULL OR (e.at, e.id) > (sqlc.narg(after)::timestamptz, sqlc.narg(after_id)::bigint))
    AND (sqlc.narg(actions)::text[] IS NULL OR e.action = ANY (sqlc.narg(actions)::text[]))
ORDER BY e.at, e.id
LIMIT @most;

-- name: WebhookDeliveryReplay :many
-- The next round of existing deliveries, and the first round of missing ones.
INSERT INTO webhook_delivery (webhook_id, event_id, state, created_at, queued_at, next_at)
SELECT sqlc.arg(webhook_id)::text, u.id, 'pending', sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz
FROM unnest(sqlc.arg(event_ids)::bigint[]) AS u (id)
ORDER BY u.id
ON CONFLICT ON CONSTRAINT webhook_delivery_pkey DO UPDATE
SET state = 'pending', round = webhook_delivery.round + 1, attempts = 0, last_status = NULL, last_error = '', queued_at = excluded.queued_at,
    next_at = excluded.next_at, finished_at = NULL
RETURNING webhook_id, event_id, round;

-- name: WebhookDeliveryAbandon :execrows
-- Deliveries whose job was lost.
UPDATE webhook_delivery
SET state = 'failed', last_error = 'nobody sent it in time', next_at = NULL, finished_at = @now::timestamptz
WHERE (webhook_id, event_id) IN (
    SELECT d.webhook_id, d.event_id
    FROM webhook_delivery d
    WHERE d.state = 'pending' AND d.next_at < @before
    ORDER BY d.next_at
    LIMIT 1000
)
AND state = 'pending';

-- name: WebhookDeliveryClean :execrows
DELETE FROM webhook_delivery
WHERE (webhook_id, event_id) IN (
    SELECT d.webhook_id, d.event_id
    FROM webhook_delivery d
    WHERE d.state <> 'pending' AND d.queued_at < @before
    ORDER BY d.queued_at
    LIMIT 1000
)
AND state <> 'pending' AND queued_at < @before;

-- name: WebhookDeliveryCleanDeleted :execrows
-- Deliveries of a deleted webhook, one webhook at a time. An array, so that the index is used for any number of them.
WITH gone AS (
    SELECT w.id
    FROM webhook w
    WHERE w.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_delivery o WHERE o.webhook_id = w.id)
    ORDER BY w.id
    LIMIT 1
)
DELETE FROM webhook_delivery
WHERE webhook_delivery.webhook_id = (SELECT g.id FROM gone g) AND webhook_delivery.event_id = ANY (ARRAY(
    SELECT d.event_id
    FROM webhook_delivery d
    WHERE d.webhook_id = (SELECT g.id FROM gone g)
    ORDER BY d.event_id
    LIMIT 1000
));
