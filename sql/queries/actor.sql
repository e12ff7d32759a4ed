-- name: ActorLock :one
-- The lock is held until the change is committed: the account is not disabled or moved to another group meanwhile.
SELECT id
FROM account
WHERE id = @id
FOR NO KEY UPDATE;

-- name: ActorConfirm :one
-- A statement after ActorLock, so that it sees what the account has become. An end of the session waits.
SELECT s.authenticated_at, g.rights, COALESCE('mfa' = ANY (s.amr), false)::boolean AS both,
    (g.requires_totp OR a.second_factor_since IS NOT NULL)::boolean AS two_factors,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp
FROM session s
JOIN account a ON a.id = s.account_id
JOIN member_group g ON g.name = a.member_group
WHERE s.id = @session_id AND s.account_id = @account_id AND s.revoked_at IS NULL AND s.expires_at > @now AND a.status = 'active'
FOR SHARE OF s;
