-- name: IdentityAccount :one
-- A suspended identity signs no one in.
SELECT a.id, a.status, (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors
FROM identity i
JOIN account a ON a.id = i.account_id
JOIN member_group g ON g.name = a.member_group
WHERE i.provider = @provider AND i.subject = @subject AND i.suspended_at IS NULL;

-- name: IdentityUse :execrows
-- The guard repeats what was found: an identity that was unbound meanwhile opens no session. The caller holds the
-- account's row lock, as every change of an identity does.
UPDATE identity
SET profile = COALESCE(sqlc.narg(profile), profile), used_at = @now::timestamptz
WHERE provider = @provider AND subject = @subject AND account_id = @account_id AND suspended_at IS NULL;

-- name: IdentityBind :execrows
-- No row: the identity is another account's. Of two concurrent accounts one gets it.
INSERT INTO identity (provider, subject, account_id, profile, bound_at)
VALUES (@provider, @subject, @account_id, @profile, @now)
ON CONFLICT ON CONSTRAINT identity_pkey DO UPDATE
SET profile = excluded.profile, bound_at = excluded.bound_at, suspended_at = NULL
WHERE identity.account_id = excluded.account_id;

-- name: IdentityRemove :execrows
-- All of the account's at the provider except one, which may be empty.
DELETE FROM identity
WHERE account_id = @account_id AND provider = @provider AND subject <> @keep;

-- name: IdentityUndo :execrows
DELETE FROM identity
WHERE account_id = @account_id AND provider = @provider AND subject = @subject AND bound_at = @bound_at;

-- name: IdentityKeep :execrows
UPDATE identity
SET suspended_at = NULL
WHERE account_id = @account_id AND provider = @provider AND suspended_at IS NOT NULL;
