-- name: DeliveryCreate :exec
INSERT INTO delivery (id, channel, recipient, kind, language, payload, created_at, expires_at)
VALUES (@id, @channel, @recipient, @kind, @language, @payload, @now, @expires_at);

-- name: DeliveryExists :one
SELECT EXISTS (SELECT 1 FROM delivery WHERE id = @id);

-- name: DeliveryAttempt :one
-- No row: the outcome is already known, and a repeat of the job has nothing to do.
-- The language is that of the recipient's account, if its user has chosen one.
UPDATE delivery d
SET attempts = d.attempts + 1
WHERE d.id = @id AND d.state = 'queued'
RETURNING d.channel, d.recipient, d.kind, d.payload, d.created_at, d.expires_at, COALESCE(
    CASE d.channel
        WHEN 'mail' THEN (SELECT a.language FROM account a WHERE a.email = d.recipient)
        ELSE (SELECT a.language FROM account a WHERE a.phone = d.recipient)
    END,
    d.language
)::text AS language;

-- name: DeliveryFinish :exec
-- The payload is deleted with the final outcome.
UPDATE delivery
SET state = @state, payload = NULL, last_error = @last_error, finished_at = @now::timestamptz
WHERE id = @id AND state = 'queued';

-- name: DeliveryFailed :exec
UPDATE delivery
SET last_error = @last_error
WHERE id = @id AND state = 'queued';

-- name: DeliveryAbandon :execrows
-- A message whose job is lost must not keep its payload.
UPDATE delivery
SET state = 'expired', payload = NULL, last_error = 'nobody sent it in time', finished_at = @now::timestamptz
WHERE id IN (
    SELECT d.id
    FROM delivery d
    WHERE d.state = 'queued' AND d.expires_at < @before
    ORDER BY d.expires_at
    LIMIT 1000
)
AND state = 'queued';

-- name: DeliveryClean :execrows
DELETE FROM delivery
WHERE id IN (
    SELECT d.id
    FROM delivery d
    WHERE d.created_at < @before
    ORDER BY d.created_at
    LIMIT 1000
);

-- name: DeliveryList :many
-- Planned for its own values, see postgres.Planned.
SELECT d.id, d.channel, d.recipient, d.kind, d.state, d.attempts, d.last_error, d.created_at, d.finished_at, d.expires_at
FROM delivery d
WHERE (sqlc.narg(before)::timestamptz IS NULL OR (d.created_at, d.id) < (sqlc.narg(before)::timestamptz, sqlc.narg(before_id)::text))
    AND (sqlc.narg(recipients)::text[] IS NULL OR d.recipient = ANY (sqlc.narg(recipients)::text[]))
    AND (sqlc.narg(state)::text IS NULL OR d.state = sqlc.narg(state)::text)
    AND (sqlc.narg(since)::timestamptz IS NULL OR d.created_at >= sqlc.narg(since)::timestamptz)
    AND (sqlc.narg(until)::timestamptz IS NULL OR d.created_at < sqlc.narg(until)::timestamptz)
ORDER BY d.created_at DESC, d.id DESC
LIMIT @most;
