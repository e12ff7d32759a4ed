-- name: MemberGroupRights :one
SELECT rights
FROM member_group
WHERE name = @name;

-- name: MemberGroupRightsOfSession :one
-- The rights of a session's account, and whether it was opened with as many factors as the account is asked for.
SELECT g.rights, (COALESCE('mfa' = ANY (s.amr), false) OR NOT (g.requires_totp OR a.second_factor_since IS NOT NULL))::boolean AS enough
FROM session s
JOIN account a ON a.id = s.account_id
JOIN member_group g ON g.name = a.member_group
WHERE s.id = @session_id;

-- name: MemberGroupList :many
SELECT name, description, rights, requires_totp, created_at, updated_at, version
FROM member_group
ORDER BY name
LIMIT 1000;

-- name: MemberGroupNames :many
SELECT name
FROM member_group
ORDER BY name
LIMIT 1000;

-- name: MemberGroupByName :one
SELECT name, description, rights, requires_totp, created_at, updated_at, version
FROM member_group
WHERE name = @name;

-- name: MemberGroupCreate :one
-- No row: there is already a group with this name.
INSERT INTO member_group (name, description, rights, requires_totp, created_at, updated_at)
VALUES (@name, @description, @rights, @requires_totp, @now, @now)
ON CONFLICT ON CONSTRAINT member_group_pkey DO NOTHING
RETURNING name, description, rights, requires_totp, created_at, updated_at, version;

-- name: MemberGroupChange :one
UPDATE member_group
SET description = @description, rights = @rights, requires_totp = @requires_totp, updated_at = @now, version = version + 1
WHERE name = @name AND version = @version
RETURNING name, description, rights, requires_totp, created_at, updated_at, version;

-- name: MemberGroupDelete :execrows
DELETE FROM member_group
WHERE name = @name AND version = @version;

-- name: MemberGroupLock :many
-- The groups whose members have the right. Of two changes that could each remove the last such member, one waits here
-- for the other; adding a member to a group waits for neither.
SELECT name
FROM member_group
WHERE @holding::text = ANY (rights)
ORDER BY name
FOR NO KEY UPDATE;

-- name: MemberGroupPopulated :one
-- Reports whether any user who may sign in has the right.
SELECT EXISTS (
    SELECT 1
    FROM member_group g
    JOIN account a ON a.member_group = g.name
    WHERE @holding::text = ANY (g.rights) AND a.status = 'active'
);

-- name: MemberGroupAdministered :one
-- Reports whether anyone can sign in and administer: with a password and, where two factors are asked for, with an
-- authenticator that is not suspended or a recovery code.
SELECT EXISTS (
    SELECT 1
    FROM member_group g
    JOIN account a ON a.member_group = g.name
    WHERE g.rights @> @rights::text[] AND a.status = 'active' AND a.password_hash IS NOT NULL
        AND (NOT (g.requires_totp OR a.second_factor_since IS NOT NULL)
            OR EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id AND t.suspended_at IS NULL)
            OR EXISTS (SELECT 1 FROM recovery_code r WHERE r.account_id = a.id))
);
