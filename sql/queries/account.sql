-- name: AccountCreate :one
-- Nobody learns from this that an address is taken: the caller answers a missing row like a
-- wrong code. The same id again is a repeat of this very statement after an unknown COMMIT.
INSERT INTO account (id, email, name, password_hash, member_group, created_at, updated_at)
VALUES (@id, @email, @name, @password_hash, @member_group, @now, @now)
ON CONFLICT ON CONSTRAINT account_email_key DO NOTHING
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;

-- name: AccountByID :one
SELECT id, email, name, member_group, avatar, status, created_at, updated_at, version
FROM account
WHERE id = @id;

-- name: AccountByEmail :one
SELECT id, email, name, member_group, avatar, status, created_at, updated_at, version
FROM account
WHERE email = @email;

-- name: AccountCredentials :one
SELECT id, status, password_hash
FROM account
WHERE email = @email;

-- name: AccountSignIn :one
-- The guard repeats what the password check saw: a password changed, or an account disabled,
-- while the hash was computed opens no session. The row lock orders this against both.
UPDATE account
SET sign_in_count = sign_in_count + 1, last_sign_in_at = @now
WHERE id = @id AND status = 'active' AND password_hash = @password_hash::text
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;

-- name: AccountRehash :exec
UPDATE account
SET password_hash = @new_hash::text
WHERE id = @id AND password_hash = @old_hash::text;

-- name: AccountSetGroup :one
UPDATE account
SET member_group = @member_group, updated_at = @now, version = version + 1
WHERE email = @email
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;

-- name: AccountSetStatus :one
UPDATE account
SET status = @status, updated_at = @now, version = version + 1
WHERE email = @email
RETURNING id, email, name, member_group, avatar, status, created_at, updated_at, version;
