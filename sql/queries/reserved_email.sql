-- name: ReservedEmailAdd :exec
-- Keeps the address that an account leaves; a change back and forth begins the time anew.
INSERT INTO reserved_email (email, account_id, changed_at, expires_at)
VALUES (@email, @account_id, @now, @expires_at)
ON CONFLICT ON CONSTRAINT reserved_email_pkey DO UPDATE
SET changed_at = excluded.changed_at, expires_at = excluded.expires_at;

-- name: ReservedEmailOfOther :one
-- Reports whether the address is reserved for another account.
SELECT EXISTS (
    SELECT 1
    FROM reserved_email
    WHERE email = @email AND account_id <> @account_id AND expires_at > @now
);

-- name: ReservedEmailReturn :execrows
-- Ends the reservation of an address to which its account returns, and those of all later changes: none of them can be undone
-- any more. No row: the account has not left this address lately.
DELETE FROM reserved_email r
WHERE r.account_id = @account_id
    AND r.changed_at >= (
        SELECT one.changed_at
        FROM reserved_email one
        WHERE one.account_id = @account_id AND one.email = @email AND one.expires_at > @now
    );

-- name: ReservedEmailUndo :execrows
-- The same for the undo of one change, and of no later one that gave up the same address.
DELETE FROM reserved_email r
WHERE r.account_id = @account_id AND r.changed_at >= @changed_at::timestamptz
    AND EXISTS (
        SELECT 1
        FROM reserved_email one
        WHERE one.account_id = @account_id AND one.email = @email AND one.changed_at = @changed_at::timestamptz AND one.expires_at > @now
    );

-- name: ReservedEmailClean :execrows
DELETE FROM reserved_email
WHERE (email, account_id) IN (
    SELECT r.email, r.account_id
    FROM reserved_email r
    WHERE r.expires_at < @before
    ORDER BY r.expires_at
    LIMIT 1000
)
AND expires_at < @before;
