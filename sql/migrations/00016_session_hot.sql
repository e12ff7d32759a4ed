-- +goose Up
-- +goose NO TRANSACTION

-- A refresh changes when a session was seen and when it expires. While indexes contained both, it wrote the row anew and
-- every index with it. Now no index contains what a refresh changes, and pages have room for the next version of a row, so
-- the update stays within its page (HOT). Indexes are made beside the traffic.
ALTER TABLE session SET (fillfactor = 75);

-- When the cleaning next looks at the session. A refresh leaves it; if the session lives on then, the cleaning moves it to
-- the end of the session. What the previous version opens is looked at soon, and moved.
ALTER TABLE session ADD COLUMN IF NOT EXISTS clean_at timestamptz NOT NULL DEFAULT now();

DROP INDEX CONCURRENTLY IF EXISTS session_by_clean;
CREATE INDEX CONCURRENTLY session_by_clean ON session (clean_at);
DROP INDEX CONCURRENTLY IF EXISTS session_not_revoked;
CREATE INDEX CONCURRENTLY session_not_revoked ON session (account_id) WHERE revoked_at IS NULL;

-- The previous version sorts the few sessions of an account, and its cleaning reads the table, once an hour.
DROP INDEX CONCURRENTLY IF EXISTS session_by_expiry;
DROP INDEX CONCURRENTLY IF EXISTS session_live_by_account;
