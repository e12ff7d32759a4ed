-- +goose Up
-- +goose NO TRANSACTION

-- For administrators who list the users who have to wait. Made beside the traffic; an index of a broken-off run is dropped and
-- made again.
DROP INDEX CONCURRENTLY IF EXISTS failure_by_block;
CREATE INDEX CONCURRENTLY failure_by_block ON failure (blocked_until);
