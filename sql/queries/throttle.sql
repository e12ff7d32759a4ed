-- name: ThrottleTake :one
-- Counts one, or none, and returns the count, in one statement, so that concurrent uses are all counted.
INSERT INTO throttle (key, count, ends_at)
VALUES (@key, @added, @ends_at)
ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
SET count = CASE WHEN throttle.ends_at <= @now THEN excluded.count ELSE throttle.count + excluded.count END,
    ends_at = CASE WHEN throttle.ends_at <= @now THEN excluded.ends_at ELSE throttle.ends_at END
RETURNING count, ends_at;

-- name: ThrottleBegun :one
-- Reports whether the window ends at the given time: whether an earlier run of the transaction began it.
SELECT EXISTS (SELECT FROM throttle WHERE key = @key AND ends_at = @ends_at);

-- name: ThrottleGiveBack :exec
UPDATE throttle
SET count = count - 1
WHERE key = @key AND count > 0;

-- name: ThrottleClean :execrows
DELETE FROM throttle
WHERE key IN (
    SELECT t.key
    FROM throttle t
    WHERE t.ends_at < @before
    ORDER BY t.ends_at
    LIMIT 1000
)
AND ends_at < @before;

-- name: ThrottleFind :many
SELECT key, count, ends_at
FROM throttle
WHERE key = ANY (@keys::text[]) AND ends_at > @now
ORDER BY key;

-- name: ThrottleForget :exec
DELETE FROM throttle
WHERE key = ANY (@keys::text[]);

-- name: ThrottleForgetBudget :exec
DELETE FROM throttle
WHERE key = @key OR starts_with(key, @shares);
