-- name: SessionOpen :many
-- Opens a session and ends the ones idle the longest beyond the newest @keep others. The caller holds the account's row
-- lock, so two concurrent sign-ins do not end each other's sessions. A row with the same id is a repeat of this
-- statement after an unknown COMMIT.
WITH opened AS (
    INSERT INTO session (id, account_id, surface, device, client, address, amr, created_at, authenticated_at, seen_at, expires_at, ends_at, clean_at)
    VALUES (@id, @account_id, @surface, @device, @client, @address, @amr::text[], @now, @now, @now, @expires_at, @ends_at, @expires_at)
    ON CONFLICT ON CONSTRAINT session_pkey DO NOTHING
)
UPDATE session
SET revoked_at = @now::timestamptz, revoked_reason = 'limit'
WHERE id IN (
    SELECT s.id
    FROM session s
    WHERE s.account_id = @account_id AND s.surface = @surface AND s.id <> @id
        AND s.revoked_at IS NULL AND s.expires_at > @now::timestamptz
    ORDER BY s.seen_at DESC, s.id
    OFFSET @keep::integer
)
AND revoked_at IS NULL
RETURNING id;

-- name: SessionAuthenticate :one
-- Every call of a signed-in user costs this one statement: session and account together. An empty surface is any.
SELECT s.id AS session_id, s.authenticated_at,
    a.id, a.email, a.name, a.member_group, a.avatar, a.status, a.created_at, a.updated_at, a.version
FROM session s
JOIN account a ON a.id = s.account_id
WHERE s.id = @id AND (@surface::text = '' OR s.surface = @surface) AND s.revoked_at IS NULL AND s.expires_at > @now AND a.status = 'active';

-- name: SessionRotate :one
-- The guard and the change are one statement: of any number of contenders with one refresh token exactly one opens the
-- next generation. Of a successor and its rival, the first that is presented goes on, and the other is old from then on. The
-- list of rotated generations drops the entries too old to be repeated (@forget), and keeps at most 64.
UPDATE session s
SET generation = GREATEST(s.generation, COALESCE(s.rival, 0)) + 1,
    rival = NULL, rival_at = NULL, rivals = 0,
    rotated_generations = CASE
        WHEN s.seen_at < @forget::timestamptz THEN ARRAY[@generation::bigint]
        WHEN cardinality(s.rotated_generations) >= 64 THEN s.rotated_generations[2:] || @generation::bigint
        ELSE s.rotated_generations || @generation::bigint END,
    rotated_times = CASE
        WHEN s.seen_at < @forget::timestamptz THEN ARRAY[@now::timestamptz]
        WHEN cardinality(s.rotated_times) >= 64 THEN s.rotated_times[2:] || @now::timestamptz
        ELSE s.rotated_times || @now::timestamptz END,
    seen_at = @now::timestamptz,
    expires_at = LEAST(@idle_until::timestamptz, s.ends_at)
FROM account a
WHERE s.id = @id AND s.surface = 'toolkit' AND (s.generation = @generation::bigint OR s.rival = @generation::bigint)
    AND s.revoked_at IS NULL AND s.expires_at > @arrived::timestamptz
    AND a.id = s.account_id AND a.status = 'active'
RETURNING s.account_id, s.generation, s.authenticated_at, s.amr, a.member_group, a.seen_at AS account_seen_at;

-- name: SessionForRefresh :one
-- Read only after SessionRotate found that the token is not a current one. The lock keeps the row unchanged until the
-- transaction that decides by it ends.
SELECT s.id, s.account_id, s.generation, s.rotated_generations, s.rotated_times, s.rival, s.rival_at, s.rivals, s.authenticated_at, s.amr,
    a.member_group, a.email
FROM session s
JOIN account a ON a.id = s.account_id
WHERE s.id = @id AND s.surface = 'toolkit' AND s.revoked_at IS NULL AND s.expires_at > @arrived AND a.status = 'active'
FOR UPDATE OF s;

-- name: SessionOpenRival :one
-- The answer with the successor was lost, or may have been: the token gets a rival of it, in place of an earlier rival. The
-- idle time goes on.
UPDATE session
SET rival = GREATEST(generation, COALESCE(rival, 0)) + 1, rival_at = @now::timestamptz, rivals = rivals + 1
WHERE id = @id
RETURNING rival::bigint AS rival;

-- name: SessionReopen :one
-- A presented token that is ahead of the row comes from before the database was set back; its successor is ahead of both.
UPDATE session
SET generation = GREATEST(generation, COALESCE(rival, 0), @presented::bigint) + 1,
    rival = NULL, rival_at = NULL, rivals = 0,
    rotated_generations = ARRAY[@presented::bigint],
    rotated_times = ARRAY[@now::timestamptz],
    seen_at = @now::timestamptz,
    expires_at = LEAST(@idle_until::timestamptz, ends_at)
WHERE id = @id
RETURNING generation;

-- name: SessionRevoke :execrows
UPDATE session
SET revoked_at = @now::timestamptz, revoked_reason = @reason::text
WHERE id = @id AND revoked_at IS NULL;

-- name: SessionRevokeAll :execrows
UPDATE session
SET revoked_at = @now::timestamptz, revoked_reason = @reason::text
WHERE account_id = @account_id AND revoked_at IS NULL AND expires_at > @now::timestamptz;

-- name: SessionClean :one
-- Looks at the sessions whose time to be cleaned has come, and returns how many: it deletes those that have expired, and
-- looks at the others again after their end. A refresh moves the end and not this time, so that it changes no index.
WITH due AS (
    SELECT s.id, s.expires_at
    FROM session s
    WHERE s.clean_at < @before
    ORDER BY s.clean_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE session SET clean_at = due.expires_at FROM due WHERE session.id = due.id AND due.expires_at >= @before
), deleted AS (
    DELETE FROM session USING due WHERE session.id = due.id AND due.expires_at < @before
)
SELECT count(*) FROM due;

-- name: SessionCookieAdd :exec
INSERT INTO session_cookie (digest, session_id, created_at, expires_at)
VALUES (@digest, @session_id, @now, @expires_at);

-- name: SessionCookieAdded :one
-- Reports whether an earlier run of a repeated transaction was committed.
SELECT count(*) FROM session_cookie WHERE digest = @digest;

-- name: SessionCookieRetire :exec
-- Lets the exchanged value, and all older ones, expire soon: the browser no longer uses them.
UPDATE session_cookie
SET expires_at = LEAST(session_cookie.expires_at, @until::timestamptz)
WHERE session_cookie.session_id = @session_id
    AND session_cookie.created_at <= (SELECT c.created_at FROM session_cookie c WHERE c.digest = @digest);

-- name: SessionCookieTrim :exec
-- Deletes the expired values of a session, and the oldest beyond the newest 256: no legitimate client renews that often
-- within the minute for which a value stays valid.
DELETE FROM session_cookie
WHERE session_cookie.session_id = @session_id AND (session_cookie.expires_at <= @now OR session_cookie.digest IN (
    SELECT c.digest
    FROM session_cookie c
    WHERE c.session_id = @session_id
    ORDER BY c.created_at DESC, c.digest
    OFFSET 256
));

-- name: SessionByCookie :one
-- Every call of a signed-in browser costs this one statement: cookie, session and account.
SELECT s.id AS session_id, s.authenticated_at, a.phone, a.picture, a.sign_in_count,
    EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id)::boolean AS totp, i.profile AS lark,
    a.id, a.email, a.name, a.member_group, a.avatar, a.status, a.created_at, a.updated_at, a.version
FROM session_cookie c
JOIN session s ON s.id = c.session_id
JOIN account a ON a.id = s.account_id
LEFT JOIN identity i ON i.account_id = a.id AND i.provider = 'lark'
WHERE c.digest = @digest AND c.expires_at > @now
    AND s.surface = 'public' AND s.revoked_at IS NULL AND s.expires_at > @now AND a.status = 'active';

-- name: SessionRenew :execrows
UPDATE session
SET seen_at = @now::timestamptz, expires_at = LEAST(@idle_until::timestamptz, ends_at)
WHERE id = @id AND surface = 'public' AND revoked_at IS NULL AND expires_at > @now::timestamptz;

-- name: SessionMemberGroup :one
-- A row: an earlier run of a sign-in was committed.
SELECT a.member_group
FROM session s
JOIN account a ON a.id = s.account_id
WHERE s.id = @id;

-- name: SessionList :many
SELECT id, surface, device, COALESCE(label, '')::text AS label, COALESCE(client, '')::text AS client, address, created_at, seen_at, expires_at
FROM session
WHERE account_id = @account_id AND revoked_at IS NULL AND expires_at > @now
ORDER BY seen_at DESC, id
LIMIT 1000;

-- name: SessionLabel :execrows
UPDATE session
SET label = sqlc.narg(label)
WHERE id = @id AND account_id = @account_id AND revoked_at IS NULL AND expires_at > @now::timestamptz;

-- name: SessionRevokeOwn :execrows
UPDATE session
SET revoked_at = @now::timestamptz, revoked_reason = @reason::text
WHERE id = @id AND account_id = @account_id AND revoked_at IS NULL AND expires_at > @now::timestamptz;

-- name: SessionRevokeOthers :many
UPDATE session
SET revoked_at = @now::timestamptz, revoked_reason = @reason::text
WHERE account_id = @account_id AND id <> @keep AND revoked_at IS NULL AND expires_at > @now::timestamptz
RETURNING id;

-- name: SessionReauthenticate :one
-- The guard repeats what was compared: a password that changed meanwhile confirms nothing.
UPDATE session s
SET authenticated_at = @now::timestamptz, amr = @amr::text[]
FROM account a
WHERE s.id = @id AND s.revoked_at IS NULL AND s.expires_at > @now::timestamptz AND a.id = s.account_id AND a.status = 'active'
    AND (sqlc.narg(password_hash)::text IS NULL OR a.password_hash = sqlc.narg(password_hash)::text)
RETURNING a.member_group;
