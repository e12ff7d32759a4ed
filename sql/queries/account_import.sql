-- name: AccountImportBegin :exec
-- No row is inserted if the same file is already being imported.
INSERT INTO account_import (id, digest, format, source, started_at, moved_at)
VALUES (@id, @digest, @format, @source, @now, @now)
ON CONFLICT (digest, format) WHERE finished_at IS NULL DO NOTHING;

-- name: AccountImportUnderWay :one
SELECT id, position, line, imported, present, refused, started_at
FROM account_import
WHERE digest = @digest AND format = @format AND finished_at IS NULL;

-- name: AccountImportHold :one
-- The current position. If two imports have the same file, one waits here and then finds that the other has moved on.
SELECT position
FROM account_import
WHERE id = @id AND finished_at IS NULL
FOR UPDATE;

-- name: AccountImportAdvance :exec
UPDATE account_import
SET position = @position, line = @line, imported = @imported, present = @present, refused = @refused, moved_at = @now
WHERE id = @id;

-- name: AccountImportFinish :exec
UPDATE account_import
SET finished_at = @now::timestamptz, moved_at = @now::timestamptz
WHERE id = @id;

-- name: AccountTaken :many
-- The accounts whose id, address or phone number is in a batch. Each is looked up separately, in an index: for
-- thousands of values at once the planner would read the whole table, for each batch anew.
SELECT a.id, a.email, COALESCE(a.phone, '')::text AS phone, a.status
FROM unnest(@ids::text[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = wanted.id LIMIT 1) AS a
UNION ALL
SELECT a.id, a.email, COALESCE(a.phone, '')::text AS phone, a.status
FROM unnest(@emails::text[]) AS wanted (email)
CROSS JOIN LATERAL (SELECT * FROM account WHERE account.email = wanted.email LIMIT 1) AS a
UNION ALL
SELECT a.id, a.email, COALESCE(a.phone, '')::text AS phone, a.status
FROM unnest(@phones::text[]) AS wanted (phone)
CROSS JOIN LATERAL (SELECT * FROM account WHERE account.phone = wanted.phone LIMIT 1) AS a;

-- name: IdentityTaken :many
SELECT i.subject, i.account_id
FROM unnest(@subjects::text[]) AS wanted (subject)
CROSS JOIN LATERAL (SELECT * FROM identity WHERE identity.provider = @provider AND identity.subject = wanted.subject LIMIT 1) AS i;

-- name: AccountExport :many
SELECT a.id, a.email, a.name, a.member_group, a.status, a.password_hash, a.phone, a.avatar, a.picture, a.created_at, a.updated_at,
    a.deleted_at, a.version, a.sign_in_count, a.last_sign_in_at, a.seen_at,
    a.second_factor_since, a.phone_suspended_at,
    COALESCE(t.id, '')::text AS totp_id, t.secret AS totp_secret, t.suspended_at AS totp_suspended_at,
    i.profile AS lark, i.suspended_at AS lark_suspended_at
FROM account a
LEFT JOIN totp t ON t.account_id = a.id
LEFT JOIN identity i ON i.account_id = a.id AND i.provider = 'lark'
WHERE a.id > @after
ORDER BY a.id
LIMIT @most;
