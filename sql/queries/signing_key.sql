-- name: SigningKeyLock :exec
-- One rotation at a time; readers do not wait.
LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE;

-- name: SigningKeyCreate :exec
INSERT INTO signing_key (id, public_key, private_key, created_at, signs_at)
VALUES (@id, @public_key, @private_key, @now, @signs_at);

-- name: SigningKeyList :many
-- Few rows: one for each rotation, and the retired ones are deleted.
SELECT id, public_key, private_key, created_at, signs_at, retires_at
FROM signing_key
WHERE retires_at IS NULL OR retires_at > @now
ORDER BY signs_at, id
LIMIT 100;

-- name: SigningKeyRetireOthers :exec
UPDATE signing_key
SET retires_at = @retires_at::timestamptz
WHERE id <> @keep AND (retires_at IS NULL OR retires_at > @retires_at::timestamptz);

-- name: SigningKeyClean :execrows
DELETE FROM signing_key
WHERE retires_at < @before;
