-- name: AuditUnsealedOldest :one
-- The event that has waited longest for the chain, or no row. A deleted event has no time.
SELECT u.event_id, timestamptz_send(e.at) AS at
FROM audit_unsealed u
LEFT JOIN audit_event e ON e.id = u.event_id
ORDER BY u.event_id
LIMIT 1;

-- name: AuditUnsealedTake :many
-- Takes the oldest events off the queue, in no order. The caller holds the chain's lock, and seals them.
DELETE FROM audit_unsealed
WHERE event_id IN (
    SELECT u.event_id
    FROM audit_unsealed u
    ORDER BY u.event_id
    LIMIT @most
)
RETURNING event_id;

-- name: AuditUnsealedCount :one
SELECT count(*) AS waiting, count(*) FILTER (WHERE e.at < @before) AS late
FROM audit_unsealed u
LEFT JOIN audit_event e ON e.id = u.event_id;

-- name: AuditUnsealedGone :many
-- Events that were deleted before they were sealed.
SELECT u.event_id
FROM audit_unsealed u
WHERE NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.id = u.event_id)
ORDER BY u.event_id
LIMIT @most;

-- name: AuditUnsealedTakeIn :execrows
-- Queues the events of an interval that are neither sealed nor queued: servers of before there was a chain write them so.
INSERT INTO audit_unsealed (event_id)
SELECT e.id
FROM audit_event e
WHERE e.at >= @since AND e.at < @until
    AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)
    AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.event_id = e.id)
ON CONFLICT ON CONSTRAINT audit_unsealed_pkey DO NOTHING;
