-- +goose Up

-- The values of the session cookie of a browser, of which only digests are kept. A renewal adds one
-- and lets the one before it end soon; tabs that renew at once have one each.
CREATE TABLE session_cookie (
    digest     bytea       NOT NULL CONSTRAINT session_cookie_pkey PRIMARY KEY,
    session_id text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT session_cookie_session_id_fkey FOREIGN KEY (session_id) REFERENCES session (id) ON DELETE CASCADE,
    CONSTRAINT session_cookie_digest_length CHECK (octet_length(digest) = 32)
);
CREATE INDEX session_cookie_by_session ON session_cookie (session_id, created_at);

-- Failures of one person with one factor, in a row. The next attempt has to wait until
-- blocked_until. Every row ends, so nothing can lock anybody out for good.
CREATE TABLE failure (
    key           text        NOT NULL CONSTRAINT failure_pkey PRIMARY KEY,
    count         integer     NOT NULL,
    blocked_until timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL
);
CREATE INDEX failure_by_end ON failure (ends_at);

-- How somebody signed in: password, sms, totp.
ALTER TABLE audit_event ADD COLUMN method text NOT NULL DEFAULT '';
CREATE INDEX audit_event_sign_ins ON audit_event (account_id, at) WHERE action = 'sign_in.succeeded';

-- Whether a device is new to an account is asked at every sign-in.
CREATE INDEX session_by_device ON session (account_id, device);

-- Whether its members sign in with a second factor.
ALTER TABLE member_group ADD COLUMN requires_totp boolean NOT NULL DEFAULT false;
