-- name: AuditEventRecord :exec
-- Records an event, and queues it for the chain: neither exists without the other.
WITH event AS (
    INSERT INTO audit_event (at, action, account_id, actor_id, session_id, subject, method, address, user_agent, request_id, detail)
    VALUES (sqlc.arg(at), sqlc.arg(action), sqlc.narg(account_id), sqlc.narg(actor_id), sqlc.narg(session_id), sqlc.arg(subject), sqlc.arg(method),
        sqlc.narg(address), sqlc.arg(user_agent), sqlc.arg(request_id), sqlc.narg(detail))
    RETURNING id
)
INSERT INTO audit_unsealed (event_id) SELECT event.id FROM event;

-- name: AuditEventRecorded :one
-- Reports whether an earlier run of a transaction has recorded the event: one with the same time, action, accounts and
-- request.
SELECT EXISTS (
    SELECT FROM audit_event e
    WHERE e.at = @at AND e.action = @action AND e.request_id = @request_id AND e.subject = @subject
        AND e.account_id IS NOT DISTINCT FROM sqlc.narg(account_id)
        AND e.session_id IS NOT DISTINCT FROM sqlc.narg(session_id)
);

-- name: AuditEventRecordOnce :exec
-- Records an event as AuditEventRecord does, unless the last one of this key had the same end. That end is stored as a
-- window of the throttle, and deleted after it has passed. A repeat only reads; of concurrent calls one writes.
WITH untold AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(key)::text, 1, sqlc.arg(ends_at)::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM throttle t WHERE t.key = sqlc.arg(key)::text AND t.ends_at = sqlc.arg(ends_at)::timestamptz)
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET ends_at = excluded.ends_at
    WHERE throttle.ends_at <> excluded.ends_at
    RETURNING throttle.key
),
event AS (
    INSERT INTO audit_event (at, action, account_id, actor_id, session_id, subject, method, address, user_agent, request_id, detail)
    SELECT sqlc.arg(at), sqlc.arg(action), sqlc.narg(account_id), sqlc.narg(actor_id), sqlc.narg(session_id), sqlc.arg(subject), sqlc.arg(method),
        sqlc.narg(address), sqlc.arg(user_agent), sqlc.arg(request_id), sqlc.narg(detail)
    FROM untold
    RETURNING id
)
INSERT INTO audit_unsealed (event_id) SELECT event.id FROM event;

-- name: AuditEventLastSignIn :one
SELECT at, method, address, user_agent
FROM audit_event
WHERE account_id = @account_id AND action = 'sign_in.succeeded'
ORDER BY at DESC
LIMIT 1;

-- name: AuditEventList :many
-- Planned for its own values, see postgres.Planned.
SELECT e.id, e.at, e.action, e.account_id, e.actor_id, e.session_id, e.subject, e.method, e.address, e.user_agent, e.request_id, e.detail
FROM audit_event e
WHERE (sqlc.narg(before)::timestamptz IS NULL OR (e.at, e.id) < (sqlc.narg(before)::timestamptz, sqlc.narg(before_id)::bigint))
    AND (sqlc.narg(account_id)::text IS NULL OR e.account_id = sqlc.narg(account_id)::text)
    AND (sqlc.narg(actor_id)::text IS NULL OR e.actor_id = sqlc.narg(actor_id)::text)
    AND (sqlc.narg(action)::text IS NULL OR e.action = sqlc.narg(action)::text)
    AND (sqlc.narg(since)::timestamptz IS NULL OR e.at >= sqlc.narg(since)::timestamptz)
    AND (sqlc.narg(until)::timestamptz IS NULL OR e.at < sqlc.narg(until)::timestamptz)
ORDER BY e.at DESC, e.id DESC
LIMIT @most;

-- name: AuditEventWindow :one
-- Where a scan of all events pauses next.
SELECT count(*) AS events, coalesce(max(w.id), 0)::bigint AS until
FROM (SELECT e.id FROM audit_event e WHERE e.id > @after ORDER BY e.id LIMIT @most) w;

-- name: AuditEventBefore :one
-- Reports whether there is an event from before a time.
SELECT EXISTS (SELECT FROM audit_event e WHERE e.at < @before);
