-- +goose Up
-- +goose NO TRANSACTION

-- For whoever looks up accounts and events. Made beside the traffic: the tables are large where they are old. One
-- that was broken off is there and of no use, and made again.
DROP INDEX CONCURRENTLY IF EXISTS account_by_email_prefix;
CREATE INDEX CONCURRENTLY account_by_email_prefix ON account (email COLLATE "C");
DROP INDEX CONCURRENTLY IF EXISTS account_by_name_prefix;
CREATE INDEX CONCURRENTLY account_by_name_prefix ON account (lower(name) COLLATE "C", id);
DROP INDEX CONCURRENTLY IF EXISTS account_by_phone_prefix;
CREATE INDEX CONCURRENTLY account_by_phone_prefix ON account (phone COLLATE "C") WHERE phone IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS account_by_group;
CREATE INDEX CONCURRENTLY account_by_group ON account (member_group, id);
DROP INDEX CONCURRENTLY IF EXISTS account_disabled;
CREATE INDEX CONCURRENTLY account_disabled ON account (id) WHERE status = 'disabled';
DROP INDEX CONCURRENTLY IF EXISTS account_deleted;
CREATE INDEX CONCURRENTLY account_deleted ON account (deleted_at) WHERE deleted_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS account_by_seen;
CREATE INDEX CONCURRENTLY account_by_seen ON account (COALESCE(seen_at, 'epoch'), id);

DROP INDEX CONCURRENTLY IF EXISTS audit_event_by_time;
CREATE INDEX CONCURRENTLY audit_event_by_time ON audit_event (at, id);
DROP INDEX CONCURRENTLY IF EXISTS audit_event_by_action;
CREATE INDEX CONCURRENTLY audit_event_by_action ON audit_event (action, at);
DROP INDEX CONCURRENTLY IF EXISTS audit_event_by_actor;
CREATE INDEX CONCURRENTLY audit_event_by_actor ON audit_event (actor_id, at) WHERE actor_id IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS delivery_not_sent;
CREATE INDEX CONCURRENTLY delivery_not_sent ON delivery (created_at, id) WHERE state <> 'sent';

ALTER TABLE account VALIDATE CONSTRAINT account_status_known;
ALTER TABLE account VALIDATE CONSTRAINT account_deleted_with_time;
