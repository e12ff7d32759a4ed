-- +goose Up

-- Who a person is at another provider: subject is their id there. One identity belongs to at most one
-- account, and an account has at most one of each provider. profile is what the provider told of them
-- last. No token of theirs is kept: it was used once, to ask who they are.
CREATE TABLE identity (
    provider   text        NOT NULL,
    subject    text        NOT NULL,
    account_id text        NOT NULL,
    profile    jsonb       NOT NULL,
    bound_at   timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT identity_pkey PRIMARY KEY (provider, subject),
    CONSTRAINT identity_account_id_key UNIQUE (account_id, provider),
    CONSTRAINT identity_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT identity_provider_known CHECK (provider IN ('lark')),
    CONSTRAINT identity_subject_length CHECK (octet_length(subject) BETWEEN 1 AND 128)
);
