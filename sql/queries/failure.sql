-- name: FailureAttempt :one
-- Counts an attempt as a failure before the comparison, and is committed by itself, so that parallel attempts each
-- count. The networks are counted first, the narrowest before the wider ones and a wider one only if the narrower is
-- within its limit: one sender cannot use up what all its neighbours have. The user is counted only if all networks are
-- within their limits: no user waits longer because of others in the network. No network is counted if the user has to
-- wait anyway: nothing is compared then, so no attempt has failed. An empty network is none. No row: refused, and
-- FailureWait returns until when. @delays are the seconds to wait after the first failure, the second and so on; the
-- last one applies to all further failures.
WITH narrow AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(narrow)::text, 1, sqlc.arg(network_ends_at)::timestamptz
    WHERE sqlc.arg(narrow)::text <> '' AND NOT EXISTS (SELECT 1 FROM failure w WHERE w.key = sqlc.arg(key)::text AND w.blocked_until > sqlc.arg(now)::timestamptz)
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET count = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN 1 ELSE throttle.count + 1 END,
        ends_at = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.ends_at ELSE throttle.ends_at END
    RETURNING throttle.count
), middle AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(middle)::text, 1, sqlc.arg(network_ends_at)::timestamptz
    WHERE sqlc.arg(middle)::text <> '' AND EXISTS (SELECT 1 FROM narrow n WHERE n.count <= sqlc.arg(network_most)::integer)
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET count = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN 1 ELSE throttle.count + 1 END,
        ends_at = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.ends_at ELSE throttle.ends_at END
    RETURNING throttle.count
), wide AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(wide)::text, 1, sqlc.arg(network_ends_at)::timestamptz
    WHERE sqlc.arg(wide)::text <> '' AND EXISTS (SELECT 1 FROM middle m WHERE m.count <= sqlc.arg(middle_most)::integer)
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET count = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN 1 ELSE throttle.count + 1 END,
        ends_at = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.ends_at ELSE throttle.ends_at END
    RETURNING throttle.count
)
INSERT INTO failure (key, person, count, blocked_until, ends_at)
SELECT sqlc.arg(key)::text, sqlc.arg(person)::text, 1, sqlc.arg(now)::timestamptz + make_interval(secs => (sqlc.arg(delays)::float8[])[1]), sqlc.arg(ends_at)::timestamptz
WHERE (sqlc.arg(narrow)::text = '' OR EXISTS (SELECT 1 FROM narrow n WHERE n.count <= sqlc.arg(network_most)::integer))
    AND (sqlc.arg(middle)::text = '' OR EXISTS (SELECT 1 FROM middle m WHERE m.count <= sqlc.arg(middle_most)::integer))
    AND (sqlc.arg(wide)::text = '' OR EXISTS (SELECT 1 FROM wide w WHERE w.count <= sqlc.arg(wide_most)::integer))
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
    WHERE f.key = sqlc.arg(key) AND f.ends_at = sqlc.arg(ends_at)
);

-- name: FailureWait :one
-- Until when FailureAttempt refuses: for the user's delay, and for the networks' windows; now if it does not refuse.
SELECT
    COALESCE((
        SELECT f.blocked_until
        FROM failure f
        WHERE f.key = sqlc.arg(key) AND f.blocked_until > sqlc.arg(now)::timestamptz
    ), sqlc.arg(now)::timestamptz)::timestamptz AS person,
    COALESCE((
        SELECT max(t.ends_at)
        FROM throttle t
        WHERE t.ends_at > sqlc.arg(now)::timestamptz AND (
            t.key = sqlc.arg(narrow)::text AND t.count > sqlc.arg(network_most)::integer
            OR t.key = sqlc.arg(middle)::text AND t.count > sqlc.arg(middle_most)::integer
            OR t.key = sqlc.arg(wide)::text AND t.count > sqlc.arg(wide_most)::integer)
    ), sqlc.arg(now)::timestamptz)::timestamptz AS network;

-- name: FailureSucceeded :exec
-- The attempt was not a failure: the user's failures at this place are forgotten, and those of the networks are refunded.
-- In the order of FailureAttempt, so that the two never wait for each other.
WITH narrow AS (
    UPDATE throttle
    SET count = throttle.count - 1
    WHERE throttle.key = sqlc.arg(narrow)::text AND throttle.count > 0
    RETURNING throttle.count
), middle AS (
    UPDATE throttle
    SET count = throttle.count - 1
    WHERE throttle.key = sqlc.arg(middle)::text AND throttle.count > 0 AND (SELECT count(*) FROM narrow) >= 0
    RETURNING throttle.count
), wide AS (
    UPDATE throttle
    SET count = throttle.count - 1
    WHERE throttle.key = sqlc.arg(wide)::text AND throttle.count > 0 AND (SELECT count(*) FROM middle) >= 0
    RETURNING throttle.count
)
DELETE FROM failure
WHERE failure.key = sqlc.arg(key)::text AND (SELECT count(*) FROM wide) >= 0;

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

-- name: FailureWaiting :many
-- The factors of a user that have to wait, and until when.
SELECT f.key, f.blocked_until
FROM failure f
WHERE f.person = ANY (@people::text[]) AND f.blocked_until > @now::timestamptz
ORDER BY f.key;

-- name: FailureHeld :many
-- The users who have to wait, each factor once: at one place or at several. Rows without a person are those of a version
-- before places. Only a user who has failed lately can have to wait: @ends_after finds these by the index of ends.
SELECT h.factor, h.person, h.count, h.until, h.places, COALESCE(a.id, '')::text AS account_id, COALESCE(a.email, '')::text AS email
FROM (
    SELECT
        split_part(f.key, ' ', 1)::text AS factor, f.person::text AS person, max(f.count)::integer AS count,
        max(f.blocked_until)::timestamptz AS until, array_agg(DISTINCT split_part(f.key, ' ', 2))::text[] AS places
    FROM failure f
    WHERE f.blocked_until > @now::timestamptz AND f.ends_at > @ends_after::timestamptz AND f.person IS NOT NULL
    GROUP BY split_part(f.key, ' ', 1), f.person
    ORDER BY until DESC, f.person
    LIMIT @most
) h
LEFT JOIN account a ON a.id = h.person
ORDER BY h.until DESC, h.person, h.factor;

-- name: FailureForgetFactor :exec
DELETE FROM failure
WHERE person = @person AND starts_with(key, @factor::text || ' ');

-- name: FailureForget :execrows
DELETE FROM failure
WHERE person = ANY (@people::text[]);
