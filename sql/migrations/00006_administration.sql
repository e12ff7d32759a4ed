-- +goose Up

-- rights are what its members may do beyond their own account, x-required-right in the document. Whoever
-- has groups.write is an administrator.
ALTER TABLE member_group
    ADD COLUMN description text NOT NULL DEFAULT '',
    ADD COLUMN rights text[] NOT NULL DEFAULT '{}',
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT member_group_description_length CHECK (char_length(description) <= 256);
UPDATE member_group SET updated_at = created_at;
ALTER TABLE member_group ALTER COLUMN updated_at SET NOT NULL;
UPDATE member_group
SET rights = '{accounts.read,accounts.write,accounts.delete,groups.write,audit.read}', description = '管理员 · Administrators'
WHERE name = 'Admin';
UPDATE member_group SET description = '等待分配成员组 · They wait for a group' WHERE name = 'None';

-- When somebody of the account was there last, by a sign-in or a renewal: exact to a day, so that few renewals
-- write it.
ALTER TABLE account ADD COLUMN seen_at timestamptz;

-- A deleted account is kept for a while, in which it can be restored. The rows that are there fit already, and are
-- looked at in the next migration, without a lock.
ALTER TABLE account ADD COLUMN deleted_at timestamptz;
ALTER TABLE account DROP CONSTRAINT account_status_known;
ALTER TABLE account
    ADD CONSTRAINT account_status_known CHECK (status IN ('active', 'disabled', 'deleted')) NOT VALID,
    ADD CONSTRAINT account_deleted_with_time CHECK ((status = 'deleted') = (deleted_at IS NOT NULL)) NOT VALID;

-- Who did it, where that is another account than the one that it happened to. detail holds more about it, in
-- JSON of text: what it was, what it became, why. It is json and not jsonb, which would write it anew.
ALTER TABLE audit_event ADD COLUMN actor_id text, ADD COLUMN detail json;

-- What was answered to a change that may come again under the same key.
CREATE TABLE idempotency_key (
    account_id  text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      json        NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (account_id, key),
    CONSTRAINT idempotency_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
