-- name: AuditLinkLock :one
-- No other transaction seals until this one ends; false if another is sealing.
SELECT pg_try_advisory_xact_lock(@id::bigint)::boolean AS ours;

-- name: AuditLinkHead :one
SELECT l.seq, l.hash
FROM audit_link l
ORDER BY l.seq DESC
LIMIT 1;

-- name: AuditLinkHash :one
SELECT l.hash
FROM audit_link l
WHERE l.seq = @seq;

-- name: AuditLinkEvents :many
-- Events in the form that is hashed: all columns, each in the binary format of Postgres, which loses nothing and
-- depends on no setting.
SELECT e.id, timestamptz_send(e.at) AS at, e.action, e.account_id, e.actor_id, e.session_id, e.subject, e.method,
    inet_send(e.address) AS address, e.user_agent, e.request_id, json_send(e.detail) AS detail
FROM audit_event e
WHERE e.id = ANY(@ids::bigint[])
ORDER BY e.id
LIMIT @most;

-- name: AuditLinkSealed :many
-- Events that already have a link: they were put into the queue again.
SELECT l.event_id
FROM audit_link l
WHERE l.event_id = ANY(@ids::bigint[])
ORDER BY l.event_id
LIMIT @most;

-- name: AuditLinkAppend :exec
INSERT INTO audit_link (seq, event_id, hash)
SELECT unnest(@seqs::bigint[]), unnest(@event_ids::bigint[]), unnest(@hashes::bytea[]);

-- name: AuditLinkList :many
SELECT l.seq, l.event_id, l.hash
FROM audit_link l
WHERE l.seq > @after AND l.seq <= @until
ORDER BY l.seq
LIMIT @most;

-- name: AuditLinkLacking :many
-- Events of a range that are neither sealed nor queued. Each table is read within the range only.
SELECT e.id
FROM audit_event e
LEFT JOIN audit_link l ON l.event_id = e.id AND l.event_id > @after AND l.event_id <= @until
LEFT JOIN audit_unsealed u ON u.event_id = e.id AND u.event_id > @after AND u.event_id <= @until
WHERE e.id > @after AND e.id <= @until AND l.event_id IS NULL AND u.event_id IS NULL
ORDER BY e.id
LIMIT @most;
