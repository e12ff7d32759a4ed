-- name: AuditCheckpointAppend :exec
INSERT INTO audit_checkpoint (seq, at, key_id, mac)
VALUES (@seq, @at, @key_id, @mac);

-- name: AuditCheckpointNewest :many
-- The checkpoints of the link at seq, and of later links.
SELECT c.seq, timestamptz_send(c.at) AS at, c.key_id, c.mac
FROM audit_checkpoint c
WHERE c.seq >= @seq
ORDER BY c.seq DESC, c.id DESC
LIMIT @most;

-- name: AuditCheckpointList :many
SELECT c.id, c.seq, timestamptz_send(c.at) AS at, c.key_id, c.mac
FROM audit_checkpoint c
WHERE (c.seq, c.id) > (@after_seq::bigint, @after_id::bigint) AND c.seq <= @until
ORDER BY c.seq, c.id
LIMIT @most;

-- name: AuditCheckpointEnd :one
-- The ends of links and checkpoints at one moment; they must be equal.
SELECT coalesce((SELECT max(l.seq) FROM audit_link l), 0)::bigint AS links, coalesce(max(c.seq), 0)::bigint AS checkpoints
FROM audit_checkpoint c;
