-- name: FailureAttempt :one
-- Counts an attempt as a failure before the comparison, and is committed by itself, so that parallel attempts each
-- count. The network is counted first, and the user only if the network is within its limit: no user waits longer
-- because of others in the network. The network is not counted if the user has to wait anyway: nothing is compared
-- then, so no attempt has failed. No row: refused, and FailureWait returns until when. @delays are the seconds to wait
-- after the first failure, the second and so on; the last one applies to all further failures.
WITH network AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(network)::text, 1, sqlc.arg(network_ends_at)::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM failure w WHERE w.key = sqlc.arg(person)::text AND w.blocked_until > sqlc.arg(now)::timestamptz)
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET count = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN 1 ELSE throttle.count + 1 END,
        ends_at = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.ends_at ELSE throttle.ends_at END
    RETURNING throttle.count
)
INSERT INTO failure (key, count, blocked_until, ends_at)
SELECT sqlc.arg(person)::text, 1, sqlc.arg(now)::timestamptz + make_interval(secs => (sqlc.arg(delays)::float8[])[1]), sqlc.arg(ends_at)::timestamptz
FROM network n
WHERE n.count <= sqlc.arg(network_most)::integer
ON CONFLICT ON CONSTRAINT failure_pkey DO UPDATE
SET count = CASE WHEN failure.ends_at <= sqlc.arg(now)::timestamptz THEN 1 ELSE failure.count + 1 END,
    blocked_until = CASE
        WHEN failure.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.blocked_until
        ELSE sqlc.arg(now)::timestamptz + make_interval(secs => (sqlc.arg(delays)::float8[])[LEAST(failure.count + 1, cardinality(sqlc.arg(delays)::float8[]))]) END,
    ends_at = excluded.ends_at
WHERE failure.blocked_until <= sqlc.arg(now)::timestamptz
RETURNING failure.count;

-- name: FailureCounted :one
-- Reports whether an earlier run of FailureAttempt was committed, and no attempt has followed.
SELECT EXISTS (
    SELECT 1
    FROM failure f
    WHERE f.key = sqlc.arg(person) AND f.ends_at = sqlc.arg(ends_at)
);

-- name: FailureWait :one
-- Until when FailureAttempt refuses: for the user's delay, and for the network's window; now if it does not refuse.
SELECT
    COALESCE((
        SELECT f.blocked_until
        FROM failure f
        WHERE f.key = sqlc.arg(person) AND f.blocked_until > sqlc.arg(now)::timestamptz
    ), sqlc.arg(now)::timestamptz)::timestamptz AS person,
    COALESCE((
        SELECT t.ends_at
        FROM throttle t
        WHERE t.key = sqlc.arg(network) AND t.count > sqlc.arg(network_most)::integer AND t.ends_at > sqlc.arg(now)::timestamptz
    ), sqlc.arg(now)::timestamptz)::timestamptz AS network;

-- name: FailureSucceeded :exec
-- The attempt was not a failure: the user's failures are forgotten, and the network's is refunded. In the order of
-- FailureAttempt, the network first, so that the two never wait for each other.
WITH network AS (
    UPDATE throttle
    SET count = throttle.count - 1
    WHERE throttle.key = sqlc.arg(network) AND throttle.count > 0
    RETURNING throttle.count
)
DELETE FROM failure
WHERE failure.key = sqlc.arg(person) AND (SELECT count(*) FROM network) >= 0;

-- name: FailureClean :execrows
DELETE FROM failure
WHERE key IN (
    SELECT f.key
    FROM failure f
    WHERE f.ends_at < sqlc.arg(before)
    ORDER BY f.ends_at
    LIMIT 1000
)
AND ends_at < sqlc.arg(before);

-- name: FailureForget :exec
DELETE FROM failure
WHERE key = @person;

-- name: FailureWaiting :many
-- The factors of a user that have to wait, and until when.
SELECT f.key, f.blocked_until
FROM failure f
WHERE f.key = ANY (@people::text[]) AND f.blocked_until > @now::timestamptz
ORDER BY f.key;

-- name: FailureForgetAll :execrows
DELETE FROM failure
WHERE key = ANY (@people::text[]);
