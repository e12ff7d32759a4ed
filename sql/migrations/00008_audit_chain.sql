-- +goose Up

-- The events that are not in the chain yet. Each comes here in the statement that writes it, and leaves in the
-- transaction that seals it: whatever the order in which transactions commit, none is passed over.
CREATE TABLE audit_unsealed (
    event_id bigint NOT NULL CONSTRAINT audit_unsealed_pkey PRIMARY KEY
);

-- The chain: hash is a SHA-256 over the hash before it and all columns of the event (internal/audit). seq counts
-- from 1, without gaps. No key refers to the event: one that is gone has to leave its link behind.
CREATE TABLE audit_link (
    seq      bigint NOT NULL CONSTRAINT audit_link_pkey PRIMARY KEY,
    event_id bigint NOT NULL CONSTRAINT audit_link_event_id_key UNIQUE,
    hash     bytea  NOT NULL,
    CONSTRAINT audit_link_seq_positive CHECK (seq > 0),
    CONSTRAINT audit_link_hash_length CHECK (octet_length(hash) = 32)
);

-- What the server vouches for: a digest of the link at seq, with a key that is not in the database. Whoever writes
-- a link anew, and all that follow, cannot write this anew.
CREATE TABLE audit_checkpoint (
    id     bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_checkpoint_pkey PRIMARY KEY,
    seq    bigint      NOT NULL,
    at     timestamptz NOT NULL,
    key_id smallint    NOT NULL,
    mac    bytea       NOT NULL
);
CREATE INDEX audit_checkpoint_by_seq ON audit_checkpoint (seq, id);

INSERT INTO audit_unsealed (event_id) SELECT id FROM audit_event;

-- Refuses every role, the owner included, who has to take the trigger away first. Last, because it locks the table.
-- +goose StatementBegin
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();

-- A replica role does not get around them.
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;
ALTER TABLE audit_link ENABLE ALWAYS TRIGGER audit_link_append_only;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_append_only;
