-- name: IdempotencyClaim :execrows
-- No row: a committed change has used the key. A concurrent change is waited for. An expired key is free.
INSERT INTO idempotency_key (account_id, key, fingerprint, answer, expires_at)
VALUES (@account_id, @key, @fingerprint, 'null', @expires_at)
ON CONFLICT ON CONSTRAINT idempotency_key_pkey DO UPDATE
SET fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at
WHERE idempotency_key.expires_at <= @now::timestamptz;

-- name: IdempotencyAnswer :exec
UPDATE idempotency_key
SET answer = @answer
WHERE account_id = @account_id AND key = @key;

-- name: IdempotencyAnswered :one
SELECT fingerprint, answer
FROM idempotency_key
WHERE account_id = @account_id AND key = @key;

-- name: IdempotencyClean :execrows
DELETE FROM idempotency_key
WHERE (account_id, key) IN (
    SELECT i.account_id, i.key
    FROM idempotency_key i
    WHERE i.expires_at < @before
    ORDER BY i.expires_at
    LIMIT 1000
)
AND expires_at < @before;
