-- name: CodeIssue :exec
-- A new code voids the previous one and its guesses.
INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at)
VALUES (@purpose, @subject, @key_id, @digest, @now, @expires_at)
ON CONFLICT ON CONSTRAINT code_pkey DO UPDATE
SET key_id = excluded.key_id, digest = excluded.digest, attempts = 0,
    created_at = excluded.created_at, expires_at = excluded.expires_at;

-- name: CodeAttempt :one
-- Counts a guess before the comparison, and is committed by itself, so that parallel guesses each count. No row: there
-- is no code, it has expired, or its guesses are used up.
UPDATE code
SET attempts = attempts + 1
WHERE purpose = @purpose AND subject = @subject AND expires_at > @now AND attempts < @max_attempts
RETURNING key_id, digest;

-- name: CodeReturn :exec
-- A right guess that an outage kept from being redeemed does not count.
UPDATE code
SET attempts = attempts - 1
WHERE purpose = @purpose AND subject = @subject AND digest = @digest AND attempts > 0;

-- name: CodeRedeem :execrows
-- The guard and the change are one statement: of any number of contenders exactly one deletes the row. A wrong guess
-- never gets here; it was counted before the comparison.
DELETE FROM code
WHERE purpose = @purpose AND subject = @subject AND digest = @digest AND expires_at > @now;

-- name: CodeHolds :one
-- Reports whether CodeRedeem would find it.
SELECT EXISTS (
    SELECT 1
    FROM code
    WHERE purpose = @purpose AND subject = @subject AND digest = @digest AND expires_at > @now
);

-- name: CodeEnd :exec
-- Ends a code whose link is redeemed.
DELETE FROM code
WHERE purpose = @purpose AND subject = @subject;

-- name: CodeLinkEnd :exec
-- The subject of a link begins with the address, which contains no space. Expired ones are left to CodeClean, which may
-- lock them in another order.
DELETE FROM code
WHERE purpose = @purpose AND starts_with(subject, @address::text || ' ') AND expires_at > @now;

-- name: CodeVoid :exec
-- The codes sent to the account's own address and phone, the links in the same mails, whose subject begins with the
-- address, and the codes that the account has requested, whose subject begins with its id.
DELETE FROM code
USING account
WHERE account.id = @account_id AND (
    code.purpose = ANY (@sent::text[]) AND code.subject IN (account.email, account.phone)
    OR code.purpose = ANY (@linked::text[]) AND starts_with(code.subject, account.email || ' ')
    OR code.purpose = ANY (@asked::text[]) AND starts_with(code.subject, account.id || ' ')
);

-- name: CodeClean :execrows
DELETE FROM code
WHERE (purpose, subject) IN (
    SELECT c.purpose, c.subject
    FROM code c
    WHERE c.expires_at < @before
    ORDER BY c.expires_at
    LIMIT 1000
)
AND expires_at < @before;
