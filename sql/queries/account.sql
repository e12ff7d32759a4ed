-- name: AccountCreate :one
-- No one learns from this that an address is taken: for a missing row the caller returns the error of a wrong code. A
-- row with the same id is a repeat of this statement after an unknown COMMIT.
INSERT INTO account (id, email, name, password_hash, member_group, created_at, updated_at)
VALUES (@id, @email, @name, sqlc.narg(password_hash), @member_group, @now, @now)
ON CONFLICT ON CONSTRAINT account_email_key DO NOTHING
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;

-- name: AccountByID :one
SELECT id, email, name, member_group, avatar, status, created_at, updated_at, version
FROM account
WHERE id = @id;

-- name: AccountCredentials :one
SELECT a.id, a.status, a.password_hash, g.requires_totp
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.email = @email;

-- name: AccountByPhone :one
SELECT a.id, a.status, g.requires_totp
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.phone = @phone;

-- name: AccountSignIn :one
-- The guard repeats what was compared: a password or a phone that changed meanwhile, or an account that was disabled,
-- opens no session. Nor does one factor, if the group requires a second one by now. The row lock orders this against those
-- changes of the account.
UPDATE account
SET sign_in_count = sign_in_count + 1, last_sign_in_at = sqlc.arg(now),
    seen_at = CASE WHEN account.seen_at > sqlc.arg(now)::timestamptz - interval '1 day' THEN account.seen_at ELSE sqlc.arg(now) END
WHERE account.id = sqlc.arg(id) AND account.status = 'active'
    AND (sqlc.narg(password_hash)::text IS NULL OR account.password_hash = sqlc.narg(password_hash)::text)
    AND (sqlc.narg(phone)::text IS NULL OR account.phone = sqlc.narg(phone)::text)
    AND (sqlc.arg(second)::boolean OR NOT EXISTS (SELECT 1 FROM member_group g WHERE g.name = account.member_group AND g.requires_totp))
RETURNING account.email, account.member_group, account.sign_in_count;

-- name: AccountPassword :one
SELECT password_hash, name
FROM account
WHERE id = @id AND status = 'active';

-- name: AccountChangePassword :one
-- The guard is the hash that was compared: of two concurrent changes one wins.
UPDATE account
SET password_hash = @new_hash::text, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active' AND password_hash = @old_hash::text
RETURNING email;

-- name: AccountResetPassword :one
-- The user has proved control of the address. A disabled account stays as it is.
UPDATE account
SET password_hash = @new_hash::text, updated_at = @now, version = version + 1
WHERE email = @email AND status = 'active'
RETURNING id;

-- name: AccountRehash :exec
UPDATE account
SET password_hash = @new_hash::text
WHERE id = @id AND password_hash = @old_hash::text;

-- name: AccountSetGroup :exec
UPDATE account
SET member_group = @member_group, updated_at = @now, version = version + 1
WHERE id = @id;

-- name: AccountSetStatus :exec
UPDATE account
SET status = sqlc.arg(status)::text, updated_at = sqlc.arg(now), version = version + 1,
    deleted_at = CASE WHEN sqlc.arg(status)::text = 'deleted' THEN sqlc.arg(now)::timestamptz END
WHERE id = sqlc.arg(id);

-- name: AccountErase :execrows
-- Rows that reference them are deleted too.
DELETE FROM account
WHERE id IN (
    SELECT a.id
    FROM account a
    WHERE a.deleted_at < @before
    ORDER BY a.deleted_at
    LIMIT 100
)
AND deleted_at < @before;

-- name: AccountSetName :execrows
UPDATE account
SET name = @name, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active';

-- name: AccountSetPicture :execrows
UPDATE account
SET picture = @picture, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active';

-- name: AccountSetEmail :execrows
-- The guard is the current address: of two concurrent changes one wins.
UPDATE account
SET email = @new_email, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active' AND email = @old_email;

-- name: AccountSetPhone :one
UPDATE account
SET phone = @phone, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active'
RETURNING email;

-- name: AccountTouch :one
-- A factor has changed, and so has the account.
UPDATE account
SET updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active'
RETURNING email;

-- name: AccountWaysIn :one
-- The lock is held until the factor is removed: two concurrent removals cannot each rely on the other's factor.
SELECT a.email, (a.password_hash IS NOT NULL)::boolean AS password, (a.phone IS NOT NULL)::boolean AS phone,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp,
    EXISTS (SELECT 1 FROM identity i WHERE i.account_id = a.id)::boolean AS identity, g.requires_totp
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.id = @id AND a.status = 'active'
FOR UPDATE OF a;

-- name: AccountStatusByPhone :one
SELECT status
FROM account
WHERE phone = @phone;

-- name: AccountStatusByEmail :one
SELECT status
FROM account
WHERE email = @email;

-- name: AccountRecord :one
SELECT a.id, a.email, a.name, a.member_group, a.status, a.phone, a.avatar, a.picture, a.version, a.sign_in_count, a.created_at, a.updated_at, a.last_sign_in_at, a.seen_at, a.deleted_at
FROM account a
WHERE a.id = @id;

-- name: AccountFactors :one
SELECT COALESCE(a.password_hash, '') AS password_hash, (a.phone IS NOT NULL)::boolean AS phone,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp,
    (SELECT count(*) FROM recovery_code r WHERE r.account_id = a.id)::integer AS recovery_codes,
    i.profile AS lark
FROM account a
LEFT JOIN identity i ON i.account_id = a.id AND i.provider = 'lark'
WHERE a.id = @id;

-- name: AccountForChange :one
-- The lock is held until the change is committed.
SELECT a.id, a.email, a.phone, a.member_group, a.status, a.version, g.rights
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.id = @id
FOR NO KEY UPDATE OF a;

-- name: AccountIDByEmail :one
SELECT id
FROM account
WHERE email = @email;

-- name: AccountRemovePassword :exec
UPDATE account
SET password_hash = NULL
WHERE id = @id;

-- name: AccountRemovePhone :exec
UPDATE account
SET phone = NULL
WHERE id = @id;

-- name: AccountBump :exec
-- For a change in another table.
UPDATE account
SET updated_at = @now, version = version + 1
WHERE id = @id;

-- name: AccountSeen :exec
-- No request waits for this: if the row is locked, the next request writes it.
UPDATE account
SET seen_at = @now::timestamptz
WHERE account.id IN (
    SELECT a.id
    FROM account a
    WHERE a.id = @id AND COALESCE(a.seen_at, 'epoch') < @now::timestamptz - interval '1 day'
    FOR NO KEY UPDATE SKIP LOCKED
);
