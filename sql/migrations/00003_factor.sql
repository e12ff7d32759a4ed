-- +goose Up

-- The authenticator app of an account. secret is encrypted with this row as associated data. id names
-- the binding: a new one is another authenticator. last_step is the newest step of 30 seconds whose
-- code was used, and only moves forward. failures are guesses in a row, counted before they are
-- compared.
CREATE TABLE totp (
    account_id text        NOT NULL CONSTRAINT totp_pkey PRIMARY KEY,
    id         text        NOT NULL,
    secret     bytea       NOT NULL,
    last_step  bigint      NOT NULL,
    failures   integer     NOT NULL DEFAULT 0,
    bound_at   timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT totp_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);

-- One that waits to be bound: the otpauth URL, with the secret in it, encrypted like the above.
CREATE TABLE totp_pending (
    account_id text        NOT NULL CONSTRAINT totp_pending_pkey PRIMARY KEY,
    id         text        NOT NULL,
    url        bytea       NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT totp_pending_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX totp_pending_by_expiry ON totp_pending (expires_at);

-- What stands in for an authenticator app that was lost. Without the app there are none, and a code
-- that was used is gone.
CREATE TABLE recovery_code (
    account_id text        NOT NULL,
    key_id     smallint    NOT NULL,
    digest     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT recovery_code_pkey PRIMARY KEY (account_id, digest),
    CONSTRAINT recovery_code_account_id_fkey FOREIGN KEY (account_id) REFERENCES totp (account_id) ON DELETE CASCADE,
    CONSTRAINT recovery_code_digest_length CHECK (octet_length(digest) = 32)
);
