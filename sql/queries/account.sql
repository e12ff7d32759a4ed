-- name: AccountCreate :one
-- No one learns from this that an address is taken: for a missing row the caller returns the error of a wrong code. A
-- row with the same id is a repeat of this statement after an unknown COMMIT.
INSERT INTO account (id, email, name, password_hash, member_group, created_at, updated_at, folded_name, search)
VALUES (@id, @email, @name, sqlc.narg(password_hash), @member_group, @now, @now, @folded_name::text, @search::text)
ON CONFLICT ON CONSTRAINT account_email_key DO NOTHING
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;

-- name: AccountByID :one
SELECT id, email, name, member_group, avatar, status, created_at, updated_at, version
FROM account
WHERE id = @id;

-- name: AccountCredentials :one
SELECT a.id, a.status, a.password_hash, (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.email = @email;

-- name: AccountByPhone :one
-- A suspended phone signs no one in.
SELECT a.id, a.status, (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.phone = @phone AND a.phone_suspended_at IS NULL;

-- name: AccountSignIn :one
-- The guard repeats what was compared: a password, a phone or an address that changed meanwhile, or an account that was disabled,
-- opens no session. Nor does one factor, if the group or the user asks for two by now. The row lock orders this against those
-- changes of the account. A sign-in forgives the wrong codes that had stopped the authenticator as a way in by itself.
WITH opened AS (
    UPDATE account
    SET sign_in_count = sign_in_count + 1, last_sign_in_at = sqlc.arg(now),
        seen_at = CASE WHEN account.seen_at > sqlc.arg(now)::timestamptz - interval '1 day' THEN account.seen_at ELSE sqlc.arg(now) END
    WHERE account.id = sqlc.arg(id) AND account.status = 'active'
        AND (sqlc.narg(password_hash)::text IS NULL OR account.password_hash = sqlc.narg(password_hash)::text)
        AND (sqlc.narg(phone)::text IS NULL OR account.phone = sqlc.narg(phone)::text AND account.phone_suspended_at IS NULL)
        AND (sqlc.narg(email)::text IS NULL OR account.email = sqlc.narg(email)::text)
        AND (sqlc.arg(second)::boolean OR account.second_factor_since IS NULL
            AND NOT EXISTS (SELECT 1 FROM member_group g WHERE g.name = account.member_group AND g.requires_totp))
    RETURNING account.id, account.email, account.member_group, account.sign_in_count
), forgiven AS (
    UPDATE totp
    SET failures = 0
    FROM opened
    WHERE totp.account_id = opened.id AND totp.failures > 0
)
SELECT email, member_group, sign_in_count
FROM opened;

-- name: AccountPassword :one
SELECT password_hash, name
FROM account
WHERE id = @id AND status = 'active';

-- name: AccountConfirmation :one
-- What a signed-in user can confirm a session with.
SELECT a.password_hash, (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp
FROM account a
JOIN member_group g ON g.name = a.member_group
WHERE a.id = @id AND a.status = 'active';

-- name: AccountChangePassword :one
-- The guard is the hash that was compared: of two concurrent changes one wins.
UPDATE account
SET password_hash = @new_hash::text, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active' AND password_hash = @old_hash::text
RETURNING email;

-- name: AccountResetPassword :one
-- The user has proved control of the address. A disabled account stays as it is. A phone that was bound lately is suspended.
UPDATE account
SET password_hash = @new_hash::text, updated_at = @now::timestamptz, version = version + 1,
    phone_suspended_at = CASE
        WHEN phone IS NOT NULL AND phone_suspended_at IS NULL AND COALESCE(phone_bound_at, created_at) > @bound_after::timestamptz THEN @now::timestamptz
        ELSE phone_suspended_at END
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

-- name: AccountLeave :one
UPDATE account
SET status = 'deleted', deleted_at = @now::timestamptz, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active'
RETURNING email;

-- name: AccountComeBack :execrows
UPDATE account
SET status = 'active', deleted_at = NULL, updated_at = @now, version = version + 1
WHERE id = @id AND status = 'deleted' AND deleted_at = @deleted_at::timestamptz;

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

-- name: AccountSetBasics :execrows
UPDATE account
SET name = COALESCE(sqlc.narg(name), name), avatar = COALESCE(sqlc.narg(avatar), avatar), picture = COALESCE(sqlc.narg(picture), picture),
    language = COALESCE(sqlc.narg(language), language), updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active';

-- name: AccountProfile :one
-- What the account page shows beside the account, its last sign-in and its suspended factors.
SELECT a.picture, a.sign_in_count, (a.phone IS NOT NULL)::boolean AS phone,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp, i.profile AS lark
FROM account a
LEFT JOIN identity i ON i.account_id = a.id AND i.provider = 'lark'
WHERE a.id = @id;

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
SET phone = sqlc.narg(phone)::text, updated_at = @now::timestamptz, version = version + 1,
    phone_bound_at = CASE WHEN sqlc.narg(phone)::text IS NOT NULL THEN @now::timestamptz END, phone_suspended_at = NULL
WHERE id = @id AND status = 'active'
RETURNING email;

-- name: AccountUndoPhone :execrows
UPDATE account
SET phone = NULL, phone_bound_at = NULL, phone_suspended_at = NULL, updated_at = @now, version = version + 1
WHERE id = @id AND phone = @phone::text AND phone_bound_at = @bound_at::timestamptz;

-- name: AccountUndoEmail :one
-- Returns the address that is given up.
WITH before AS (SELECT a.email FROM account a WHERE a.id = @id)
UPDATE account
SET email = @old_email, updated_at = @now, version = version + 1
FROM before
WHERE account.id = @id
RETURNING before.email;

-- name: AccountKeepPhone :execrows
UPDATE account
SET phone_suspended_at = NULL
WHERE id = @id AND phone_suspended_at IS NOT NULL;

-- name: AccountSetSecondFactor :execrows
UPDATE account
SET second_factor_since = CASE WHEN @enabled::boolean THEN @now::timestamptz END, updated_at = @now::timestamptz, version = version + 1
WHERE id = @id AND status = 'active' AND (second_factor_since IS NOT NULL) <> @enabled::boolean;

-- name: AccountUndoSecondFactor :execrows
-- Takes the user's own choice of two factors back if it was made since. The caller counts the change of the account.
UPDATE account
SET second_factor_since = NULL
WHERE id = @id AND second_factor_since >= @since::timestamptz;

-- name: AccountTouch :one
-- A factor has changed, and so has the account.
UPDATE account
SET updated_at = @now, version = version + 1
WHERE id = @id AND status = 'active'
RETURNING email;

-- name: AccountWaysIn :one
-- The lock is held until the factor is removed: two concurrent removals cannot each rely on the other's factor. A suspended
-- factor is there, and opens nothing.
SELECT a.email, (a.password_hash IS NOT NULL)::boolean AS password,
    (a.phone IS NOT NULL)::boolean AS phone, (a.phone IS NOT NULL AND a.phone_suspended_at IS NULL)::boolean AS phone_opens,
    (t.account_id IS NOT NULL)::boolean AS totp, (t.account_id IS NOT NULL AND t.suspended_at IS NULL)::boolean AS totp_opens,
    EXISTS (SELECT 1 FROM identity i WHERE i.account_id = a.id)::boolean AS identity,
    EXISTS (SELECT 1 FROM identity i WHERE i.account_id = a.id AND i.suspended_at IS NULL)::boolean AS identity_opens,
    (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors
FROM account a
JOIN member_group g ON g.name = a.member_group
LEFT JOIN totp t ON t.account_id = a.id
WHERE a.id = @id AND a.status = 'active'
FOR UPDATE OF a;

-- name: AccountStatusByPhone :one
SELECT status
FROM account
WHERE phone = @phone AND phone_suspended_at IS NULL;

-- name: AccountStatusByEmail :one
-- An address that is reserved for the account that had it is taken, and belongs to no active account.
SELECT status, deleted_at
FROM account
WHERE account.email = @email
UNION ALL
SELECT 'reserved', NULL
FROM reserved_email
WHERE reserved_email.email = @email AND reserved_email.expires_at > @now
LIMIT 1;

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
SET phone = NULL, phone_bound_at = NULL, phone_suspended_at = NULL
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

-- name: AccountWithoutSearch :many
SELECT id, email, name, phone
FROM account
WHERE search IS NULL
ORDER BY id
LIMIT 500;

-- name: AccountFillSearch :batchexec
-- An account that was changed meanwhile is left for the next time.
UPDATE account
SET search = @search::text, folded_name = @folded_name::text
WHERE id = @id AND search IS NULL AND email = @email AND name = @name AND COALESCE(phone, '') = @phone::text;
