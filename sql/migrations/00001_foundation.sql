-- +goose Up

CREATE TABLE member_group (
    name       text        NOT NULL CONSTRAINT member_group_pkey PRIMARY KEY,
    created_at timestamptz NOT NULL,
    CONSTRAINT member_group_name_length CHECK (char_length(name) BETWEEN 1 AND 32)
);
INSERT INTO member_group (name, created_at)
VALUES ('None', now()), ('Tester', now()), ('Member', now()), ('Admin', now());

-- One account, two doors: the Toolkit surface calls name "username" and knows the built-in
-- picture number (avatar); the public surface calls it "name" and knows an object key (picture).
CREATE TABLE account (
    id              text        NOT NULL CONSTRAINT account_pkey PRIMARY KEY,
    email           text        NOT NULL,
    name            text        NOT NULL,
    password_hash   text,
    member_group    text        NOT NULL,
    avatar          integer     NOT NULL DEFAULT 0,
    picture         text        NOT NULL DEFAULT '',
    phone           text,
    status          text        NOT NULL DEFAULT 'active',
    sign_in_count   bigint      NOT NULL DEFAULT 0,
    last_sign_in_at timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    version         integer     NOT NULL DEFAULT 0,
    CONSTRAINT account_id_form CHECK (id ~ '^[0-9a-f]{24}$'),
    CONSTRAINT account_email_key UNIQUE (email),
    CONSTRAINT account_email_length CHECK (octet_length(email) BETWEEN 3 AND 254),
    CONSTRAINT account_phone_key UNIQUE (phone),
    CONSTRAINT account_name_length CHECK (char_length(name) BETWEEN 1 AND 64),
    CONSTRAINT account_status_known CHECK (status IN ('active', 'disabled')),
    CONSTRAINT account_avatar_positive CHECK (avatar >= 0),
    CONSTRAINT account_member_group_fkey FOREIGN KEY (member_group) REFERENCES member_group (name)
);

-- generation numbers the refresh token that is current. rotated_generations and
-- rotated_times say which tokens were exchanged and when, newest last: the last one always, the
-- others only while they are young enough to be repeated. No token is stored, not even a digest.
CREATE TABLE session (
    id                  text          NOT NULL CONSTRAINT session_pkey PRIMARY KEY,
    account_id          text          NOT NULL,
    surface             text          NOT NULL,
    device              text          NOT NULL,
    address             inet,
    generation          bigint        NOT NULL DEFAULT 0,
    rotated_generations bigint[]      NOT NULL DEFAULT '{}',
    rotated_times       timestamptz[] NOT NULL DEFAULT '{}',
    created_at          timestamptz   NOT NULL,
    authenticated_at    timestamptz   NOT NULL,
    seen_at             timestamptz   NOT NULL,
    expires_at          timestamptz   NOT NULL,
    ends_at             timestamptz   NOT NULL,
    revoked_at          timestamptz,
    revoked_reason      text,
    CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT session_surface_known CHECK (surface IN ('toolkit', 'public')),
    CONSTRAINT session_ends_last CHECK (expires_at <= ends_at),
    CONSTRAINT session_rotations_pair CHECK (cardinality(rotated_generations) = cardinality(rotated_times)),
    CONSTRAINT session_revoked_with_reason CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX session_live_by_account ON session (account_id, seen_at) WHERE revoked_at IS NULL;
CREATE INDEX session_by_expiry ON session (expires_at);

-- At most one code of a purpose for a subject: issuing a new one replaces the row.
CREATE TABLE code (
    purpose    text        NOT NULL,
    subject    text        NOT NULL,
    key_id     smallint    NOT NULL,
    digest     bytea       NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT code_pkey PRIMARY KEY (purpose, subject),
    CONSTRAINT code_digest_length CHECK (octet_length(digest) = 32)
);
CREATE INDEX code_by_expiry ON code (expires_at);

-- A counter for a window of time. Every row ends, so nothing can lock anybody out for good.
CREATE TABLE throttle (
    key     text        NOT NULL CONSTRAINT throttle_pkey PRIMARY KEY,
    count   integer     NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX throttle_by_end ON throttle (ends_at);

-- One message to one person. payload is what the template needs, encrypted with this row as
-- associated data, and erased once the outcome is known.
CREATE TABLE delivery (
    id          text        NOT NULL CONSTRAINT delivery_pkey PRIMARY KEY,
    channel     text        NOT NULL,
    recipient   text        NOT NULL,
    kind        text        NOT NULL,
    language    text        NOT NULL,
    payload     bytea,
    state       text        NOT NULL DEFAULT 'queued',
    attempts    integer     NOT NULL DEFAULT 0,
    last_error  text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT delivery_channel_known CHECK (channel IN ('mail', 'sms')),
    CONSTRAINT delivery_state_known CHECK (state IN ('queued', 'sent', 'expired', 'refused')),
    CONSTRAINT delivery_payload_erased CHECK ((state = 'queued') = (payload IS NOT NULL)),
    CONSTRAINT delivery_finished CHECK ((state = 'queued') = (finished_at IS NULL))
);
CREATE INDEX delivery_by_creation ON delivery (created_at);
CREATE INDEX delivery_by_recipient ON delivery (recipient, created_at);

CREATE TABLE audit_event (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_event_pkey PRIMARY KEY,
    at         timestamptz NOT NULL,
    action     text        NOT NULL,
    account_id text,
    session_id text,
    subject    text        NOT NULL,
    address    inet,
    user_agent text        NOT NULL,
    request_id text        NOT NULL
);
CREATE INDEX audit_event_by_account ON audit_event (account_id, at) WHERE account_id IS NOT NULL;

-- Stages by time: published from created_at, signing from signs_at until the next key's signs_at,
-- verifying until retires_at.
CREATE TABLE signing_key (
    id          text        NOT NULL CONSTRAINT signing_key_pkey PRIMARY KEY,
    public_key  bytea       NOT NULL,
    private_key bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    signs_at    timestamptz NOT NULL,
    retires_at  timestamptz,
    CONSTRAINT signing_key_public_length CHECK (octet_length(public_key) = 32)
);
