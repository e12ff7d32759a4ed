-- name: DevicePlace :one
-- Where a request stands towards an account: the device whose token it carries, and whether the user knows the network.
SELECT
    COALESCE((
        SELECT d.id
        FROM device d
        WHERE d.account_id = @account_id AND (d.digest = @digest OR d.previous_digest = @digest)
        LIMIT 1
    ), '')::text AS device,
    EXISTS (
        SELECT 1
        FROM known_network n
        WHERE n.account_id = @account_id AND n.network = @network AND n.seen_at > @since
    ) AS network;

-- name: DeviceTrusted :one
-- Whether the device whose token a request carries counts as the second factor of an account.
SELECT EXISTS (
    SELECT 1
    FROM device d
    WHERE d.account_id = @account_id AND (d.digest = @digest OR d.previous_digest = @digest) AND d.trusted_until > @now::timestamptz
)::boolean AS trusted;

-- name: DeviceDistrust :exec
UPDATE device
SET trusted_until = NULL
WHERE account_id = @account_id AND trusted_until IS NOT NULL;

-- name: DeviceMove :exec
-- A device has one token for all its accounts: the rows of the token that it sent get the new one.
UPDATE device d
SET previous_digest = d.digest, digest = sqlc.arg(fresh)
WHERE (d.digest = sqlc.arg(sent) OR d.previous_digest = sqlc.arg(sent)) AND d.digest <> sqlc.arg(fresh);

-- name: DeviceRemember :exec
-- Ends the devices beyond the newest @keep others.
WITH remembered AS (
    INSERT INTO device (id, account_id, digest, name, address, created_at, seen_at, trusted_until)
    VALUES (@id, @account_id, @fresh, @name, @address, @now, @now, sqlc.narg(trusted_until))
    ON CONFLICT ON CONSTRAINT device_digest_key DO UPDATE
    SET name = excluded.name, address = excluded.address, seen_at = excluded.seen_at,
        trusted_until = COALESCE(excluded.trusted_until, device.trusted_until)
    RETURNING device.id
)
DELETE FROM device
WHERE device.id IN (
    SELECT d.id
    FROM device d
    WHERE d.account_id = @account_id AND d.digest <> sqlc.arg(fresh)
    ORDER BY d.seen_at DESC, d.id
    OFFSET @keep::integer
)
AND (SELECT count(*) FROM remembered) >= 0;

-- name: NetworkRemember :exec
INSERT INTO known_network (account_id, network, seen_at)
VALUES (@account_id, @network, @now)
ON CONFLICT ON CONSTRAINT known_network_pkey DO UPDATE
SET seen_at = excluded.seen_at
WHERE known_network.seen_at < excluded.seen_at - interval '1 hour';

-- name: NetworkClean :execrows
DELETE FROM known_network
WHERE (account_id, network) IN (
    SELECT n.account_id, n.network
    FROM known_network n
    WHERE n.seen_at < @before
    ORDER BY n.seen_at
    LIMIT 1000
)
AND known_network.seen_at < @before;

-- name: DeviceList :many
SELECT id, name, COALESCE(label, '')::text AS label, address, created_at, seen_at,
    trusted_until, (digest = @digest OR COALESCE(previous_digest = @digest, false))::boolean AS current
FROM device
WHERE account_id = @account_id
ORDER BY seen_at DESC, id
LIMIT 100;

-- name: DeviceIDs :many
SELECT id
FROM device
WHERE account_id = @account_id
ORDER BY id
LIMIT 100;

-- name: DeviceLabel :execrows
UPDATE device
SET label = sqlc.narg(label)
WHERE id = @id AND account_id = @account_id;

-- name: DeviceEnd :execrows
DELETE FROM device
WHERE id = @id AND account_id = @account_id;

-- name: DeviceEndAll :many
DELETE FROM device
WHERE account_id = @account_id
RETURNING id;
