-- name: AuditCountAdvance :exec
-- Counts the events of the links after the last counted one, and advances to the last of these. The caller holds the
-- chain's lock: without it two callers would count the same. The arrays are for the planner: it expects them to be
-- short and looks each element up, while a range or a join could scan the whole log.
WITH stretch AS (
    SELECT c.seq + 1 AS first, least(c.seq + sqlc.arg(most)::bigint, sqlc.arg(head)::bigint) AS last
    FROM audit_counted c
    LIMIT 1
),
added AS (
    INSERT INTO audit_count AS c (action, hour, events)
    SELECT e.action, date_trunc('hour', e.at, 'UTC'), count(*)
    FROM audit_event e
    WHERE e.id = ANY (ARRAY(
        SELECT l.event_id
        FROM audit_link l
        WHERE l.seq = ANY (ARRAY(SELECT generate_series(s.first, s.last) FROM stretch s))
    ))
    GROUP BY 1, 2
    ON CONFLICT ON CONSTRAINT audit_count_pkey DO UPDATE SET events = c.events + excluded.events
)
UPDATE audit_counted
SET seq = s.last
FROM stretch s
WHERE s.last >= s.first;

-- name: AuditCountHours :many
SELECT c.hour,
    coalesce(sum(c.events) FILTER (WHERE c.action = 'sign_in.succeeded'), 0)::bigint AS sign_ins,
    coalesce(sum(c.events) FILTER (WHERE c.action = 'sign_in.failed'), 0)::bigint AS failures,
    coalesce(sum(c.events) FILTER (WHERE c.action IN ('account.registered', 'account.created')), 0)::bigint AS registrations
FROM audit_count c
WHERE c.action IN ('sign_in.succeeded', 'sign_in.failed', 'account.registered', 'account.created')
    AND c.hour >= @since AND c.hour < @until
GROUP BY c.hour
ORDER BY c.hour
LIMIT @most;
