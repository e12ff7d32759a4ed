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

-- name: TOTPReplace :exec
-- Keeps the authenticator that is about to be replaced.
INSERT INTO totp_replaced (replaced_by, account_id, id, secret, last_step, bound_at, suspended_at, replaced_at)
SELECT @replaced_by, t.account_id, t.id, t.secret, t.last_step, t.bound_at, t.suspended_at, @now
FROM totp t
WHERE t.account_id = @account_id
ON CONFLICT ON CONSTRAINT totp_replaced_pkey DO NOTHING;

-- name: TOTPPutBack :execrows
-- Binds the authenticator again that the other had replaced.
INSERT INTO totp (account_id, id, secret, last_step, bound_at, suspended_at)
SELECT r.account_id, r.id, r.secret, r.last_step, r.bound_at, r.suspended_at
FROM totp_replaced r
WHERE r.account_id = @account_id AND r.replaced_by = @replaced_by
ON CONFLICT ON CONSTRAINT totp_pkey DO NOTHING;

-- name: TOTPReplacedClean :execrows
DELETE FROM totp_replaced
WHERE replaced_by IN (
    SELECT r.replaced_by
    FROM totp_replaced r
    WHERE r.replaced_at < @before
    ORDER BY r.replaced_at
    LIMIT 1000
)
AND replaced_at < @before;

-- name: TOTPBind :exec
-- Replaces the authenticator that was bound before.
INSERT INTO totp (account_id, id, secret, last_step, bound_at)
VALUES (@account_id, @id, @secret, @last_step, @now)
ON CONFLICT ON CONSTRAINT totp_pkey DO UPDATE
SET id = excluded.id, secret = excluded.secret, last_step = excluded.last_step,
    failures = 0, bound_at = excluded.bound_at, used_at = NULL, suspended_at = NULL;

-- name: TOTPBound :one
-- Returns the bound authenticator, and locks it until the transaction ends.
SELECT id
FROM totp
WHERE account_id = @account_id
FOR UPDATE;

-- name: TOTPRemove :execrows
-- Its recovery codes are deleted too.
DELETE FROM totp
WHERE account_id = @account_id;

-- name: TOTPAttempt :one
-- Counts a guess at an authenticator that signs in by itself, before the comparison. No row: none is bound, it is suspended, or
-- too many guesses in a row have stopped it.
UPDATE totp
SET failures = failures + 1
WHERE account_id = @account_id AND failures < @max_failures::integer AND suspended_at IS NULL
RETURNING id, secret, failures;

-- name: TOTPSecond :one
-- The authenticator as a second factor; a suspended one only if it is asked for.
SELECT id, secret
FROM totp
WHERE account_id = @account_id AND (suspended_at IS NULL OR @suspended::boolean);

-- name: TOTPRedeem :execrows
-- A step is used at most once, and no earlier one after it. The guard and the change are one statement: of any number
-- of contenders with one code exactly one advances last_step. One that was suspended meanwhile advances nothing, except
-- behind a password. The secret is encrypted anew at each use, so that an
-- older master key is no longer needed.
UPDATE totp
SET last_step = @step, secret = @secret, failures = 0, used_at = @now::timestamptz
WHERE account_id = @account_id AND id = @id AND last_step < @step AND (suspended_at IS NULL OR @suspended::boolean);

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

-- name: FactorSuspend :exec
-- Suspends what was bound lately, but for the phone, which is a column of the account.
WITH apps AS (
    UPDATE totp
    SET suspended_at = @now::timestamptz
    WHERE totp.account_id = @account_id AND totp.bound_at > @bound_after::timestamptz AND totp.suspended_at IS NULL
), identities AS (
    UPDATE identity
    SET suspended_at = @now::timestamptz
    WHERE identity.account_id = @account_id AND identity.bound_at > @bound_after::timestamptz AND identity.suspended_at IS NULL
)
UPDATE recovery_code
SET suspended_at = @now::timestamptz
WHERE recovery_code.account_id = @account_id AND recovery_code.created_at > @bound_after::timestamptz AND recovery_code.suspended_at IS NULL;

-- name: FactorSuspended :one
-- Which factors are suspended, who asks for two, and the language of the mails about them.
SELECT COALESCE(a.language, '')::text AS language, (a.second_factor_since IS NOT NULL)::boolean AS second_factor, g.requires_totp, (a.phone_suspended_at IS NOT NULL)::boolean AS phone,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id AND t.suspended_at IS NOT NULL)::boolean AS totp,
    EXISTS (SELECT 1 FROM identity i WHERE i.account_id = a.id AND i.suspended_at IS NOT NULL)::boolean AS identity,
    EXISTS (SELECT 1 FROM recovery_code r WHERE r.account_id = a.id AND r.suspended_at IS NOT NULL)::boolean AS recovery_codes
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.id = @account_id;

-- name: TOTPKeep :execrows
UPDATE totp
SET suspended_at = NULL
WHERE account_id = @account_id AND suspended_at IS NOT NULL;

-- name: TOTPUndo :execrows
-- Its recovery codes are deleted too.
DELETE FROM totp
WHERE account_id = @account_id AND id = @id;

-- name: RecoveryCodeKeep :execrows
UPDATE recovery_code
SET suspended_at = NULL
WHERE account_id = @account_id AND suspended_at IS NOT NULL;

-- name: RecoveryCodeUndo :execrows
DELETE FROM recovery_code
WHERE account_id = @account_id AND created_at = @created_at;

-- name: RecoveryCodeRemove :exec
DELETE FROM recovery_code
WHERE account_id = @account_id;
