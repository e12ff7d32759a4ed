-- +goose Up

-- How the session was opened, or confirmed since, as the claim amr says it (RFC 8176). Null: the previous version opened it.
ALTER TABLE session ADD COLUMN amr text[];

-- second_factor_since: since when the account asks for two factors by its user's own choice. Null: it does not.
-- phone_bound_at is null for a phone that the previous version bound; it counts as bound with the account.
ALTER TABLE account
    ADD COLUMN second_factor_since timestamptz,
    ADD COLUMN phone_bound_at      timestamptz,
    ADD COLUMN phone_suspended_at  timestamptz;

-- A factor that was bound shortly before a password reset is suspended by it: it opens nothing by itself until its user keeps
-- it or binds another one.
ALTER TABLE totp ADD COLUMN suspended_at timestamptz;
ALTER TABLE identity ADD COLUMN suspended_at timestamptz;
ALTER TABLE recovery_code ADD COLUMN suspended_at timestamptz;

-- The authenticator that another one replaced: the undo of the binding puts it back. secret is encrypted for the row in totp
-- that it was.
CREATE TABLE totp_replaced (
    replaced_by  text        NOT NULL CONSTRAINT totp_replaced_pkey PRIMARY KEY,
    account_id   text        NOT NULL CONSTRAINT totp_replaced_account_id_fkey REFERENCES account ON DELETE CASCADE,
    id           text        NOT NULL,
    secret       bytea       NOT NULL,
    last_step    bigint      NOT NULL,
    bound_at     timestamptz NOT NULL,
    suspended_at timestamptz,
    replaced_at  timestamptz NOT NULL
);
CREATE INDEX totp_replaced_by_account ON totp_replaced (account_id);
CREATE INDEX totp_replaced_by_time ON totp_replaced (replaced_at);

-- The address that an account had before a change of its e-mail: no other account gets it while the change can be undone.
CREATE TABLE reserved_email (
    email      text        NOT NULL,
    account_id text        NOT NULL CONSTRAINT reserved_email_account_id_fkey REFERENCES account ON DELETE CASCADE,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT reserved_email_pkey PRIMARY KEY (email, account_id)
);
CREATE INDEX reserved_email_by_account ON reserved_email (account_id);
CREATE INDEX reserved_email_by_expiry ON reserved_email (expires_at);
