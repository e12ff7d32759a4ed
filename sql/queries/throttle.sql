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

-- name: ThrottleHeld :many
-- The subjects that have used up a limit, with the account whose id the subject is, if there is one. A limit applies to
-- networks of its widths only, or to any subject; an IPv4 address has no width.
SELECT h.key, h.count, h.ends_at, h.name, h."limit", COALESCE(a.email, '')::text AS email
FROM (
    SELECT t.key, t.count, t.ends_at, l.name::text AS name, l.most::integer AS "limit"
    FROM throttle t
    JOIN (
        SELECT unnest(@names::text[]) AS name, unnest(@widths::text[]) AS widths, unnest(@limits::integer[]) AS most
    ) l ON starts_with(t.key, l.name || ' ')
    WHERE t.ends_at > @now::timestamptz AND t.count >= l.most
        AND (l.widths = 'any' OR COALESCE(substring(t.key FROM '/(\d+)$'), '') = ANY (string_to_array(l.widths, ',')))
    ORDER BY t.ends_at DESC, t.key
    LIMIT @most
) h
LEFT JOIN account a ON a.id = substr(h.key, length(h.name) + 2)
ORDER BY h.ends_at DESC, h.key;

-- name: ThrottleForget :exec
DELETE FROM throttle
WHERE key = ANY (@keys::text[]);

-- name: ThrottleForgetBudget :exec
DELETE FROM throttle
WHERE key = @key OR starts_with(key, @shares);
