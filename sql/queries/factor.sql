-- name: TOTPPend :exec
-- A new secret replaces the previous one and its guesses.
INSERT INTO totp_pending (account_id, id, url, created_at, expires_at)
VALUES (@account_id, @id, @url, @now, @expires_at)
ON CONFLICT ON CONSTRAINT totp_pending_pkey DO UPDATE
SET id = excluded.id, url = excluded.url, attempts = 0, created_at = excluded.created_at, expires_at = excluded.expires_at;

-- name: TOTPPending :one
SELECT id, url
FROM totp_pending
WHERE account_id = @account_id AND expires_at > @now;

-- name: TOTPPendingAttempt :one
-- Counts a guess before the comparison, and is committed by itself. No row: nothing is pending, it has expired, or its
-- guesses are used up.
UPDATE totp_pending
SET attempts = attempts + 1
WHERE account_id = @account_id AND expires_at > @now AND attempts < @max_attempts
RETURNING id, url;

-- name: TOTPPendingRedeem :execrows
-- The guard and the change are one statement: of any number of contenders exactly one deletes the row, and none deletes
-- a row that has replaced it meanwhile.
DELETE FROM totp_pending
WHERE account_id = @account_id AND id = @id AND expires_at > @now;

-- name: TOTPPendingRemove :exec
DELETE FROM totp_pending
WHERE account_id = @account_id;

-- name: TOTPPendingClean :execrows
DELETE FROM totp_pending
WHERE account_id IN (
    SELECT p.account_id
    FROM totp_pending p
    WHERE p.expires_at < @before
    ORDER BY p.expires_at
    LIMIT 1000
)
AND expires_at < @before;

-- name: TOTPBind :exec
-- Replaces the authenticator that was bound before.
INSERT INTO totp (account_id, id, secret, last_step, bound_at)
VALUES (@account_id, @id, @secret, @last_step, @now)
ON CONFLICT ON CONSTRAINT totp_pkey DO UPDATE
SET id = excluded.id, secret = excluded.secret, last_step = excluded.last_step,
    failures = 0, bound_at = excluded.bound_at, used_at = NULL;

-- name: TOTPBound :one
-- Returns the bound authenticator, and locks it until the transaction ends.
SELECT id
FROM totp
WHERE account_id = @account_id
FOR UPDATE;

-- name: TOTPActive :one
SELECT EXISTS (SELECT 1 FROM totp WHERE account_id = @account_id);

-- name: TOTPRemove :execrows
-- Its recovery codes are deleted too.
DELETE FROM totp
WHERE account_id = @account_id;

-- name: TOTPAttempt :one
-- Counts a guess, against the authenticator and against the day's budget, before the comparison. If no code can be
-- right (no authenticator, or a stopped one), the budget's row is written all the same, with nothing added: so the cost
-- is the same, and such guesses cannot use up the budget. id is empty then.
WITH attempted AS (
    UPDATE totp
    SET failures = totp.failures + 1
    WHERE totp.account_id = sqlc.arg(account_id) AND totp.failures < sqlc.arg(max_failures)::integer
    RETURNING totp.id, totp.secret, totp.failures
), counted AS (
    INSERT INTO throttle (key, count, ends_at)
    SELECT sqlc.arg(budget)::text, (SELECT count(*) FROM attempted)::integer, sqlc.arg(ends_at)::timestamptz
    ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE
    SET count = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.count ELSE throttle.count + excluded.count END,
        ends_at = CASE WHEN throttle.ends_at <= sqlc.arg(now)::timestamptz THEN excluded.ends_at ELSE throttle.ends_at END
    RETURNING throttle.count, throttle.ends_at
)
SELECT c.count::integer AS spent, c.ends_at::timestamptz AS ends_at,
    COALESCE(a.id, '')::text AS id, COALESCE(a.secret, '')::bytea AS secret, COALESCE(a.failures, 0)::integer AS failures
FROM counted c
LEFT JOIN attempted a ON true;

-- name: TOTPRedeem :execrows
-- A step is used at most once, and no earlier one after it. The guard and the change are one statement: of any number
-- of contenders with one code exactly one advances last_step. The secret is encrypted anew at each use, so that an
-- older master key is no longer needed.
UPDATE totp
SET last_step = @step, secret = @secret, failures = 0, used_at = @now::timestamptz
WHERE account_id = @account_id AND id = @id AND last_step < @step;

-- name: TOTPForgive :execrows
UPDATE totp
SET failures = 0
WHERE account_id = @account_id;

-- name: RecoveryCodeIssue :exec
INSERT INTO recovery_code (account_id, key_id, digest, created_at)
SELECT @account_id::text, @key_id::smallint, unnest(@digests::bytea[]), @now::timestamptz;

-- name: RecoveryCodeList :many
SELECT key_id, digest
FROM recovery_code
WHERE account_id = @account_id
ORDER BY digest
LIMIT 100;

-- name: RecoveryCodeRedeem :execrows
-- The guard and the change are one statement: of any number of contenders exactly one deletes the row.
DELETE FROM recovery_code
WHERE account_id = @account_id AND digest = @digest;

-- name: RecoveryCodeRemove :exec
DELETE FROM recovery_code
WHERE account_id = @account_id;
