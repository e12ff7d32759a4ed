-- +goose Up

-- Where audit events are sent to. Without actions it gets all of them. secret is encrypted for this row, and so is the one before
-- it, with which calls are signed as well until previous_until. gone_at is when the receiver wanted no more. A webhook that was
-- deleted has no secret any more, and goes once its deliveries are gone.
CREATE TABLE webhook (
    id              text        NOT NULL CONSTRAINT webhook_pkey PRIMARY KEY,
    url             text        NOT NULL,
    description     text        NOT NULL,
    actions         text[]      NOT NULL,
    enabled         boolean     NOT NULL,
    secret          bytea,
    previous_secret bytea,
    previous_until  timestamptz,
    gone_at         timestamptz,
    version         integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    CONSTRAINT webhook_secret_while_alive CHECK ((secret IS NULL) = (deleted_at IS NOT NULL)),
    CONSTRAINT webhook_previous_with_end CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);

-- What became of an event at a webhook: one row for both, so that none is sent there twice unasked. round counts how often
-- somebody asked for it again: a job of an earlier round finds nothing to do. No key refers to the event, as in audit_link.
CREATE TABLE webhook_delivery (
    webhook_id  text        NOT NULL,
    event_id    bigint      NOT NULL,
    state       text        NOT NULL,
    round       integer     NOT NULL DEFAULT 0,
    attempts    integer     NOT NULL DEFAULT 0,
    last_status integer,
    last_error  text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    queued_at   timestamptz NOT NULL,
    next_at     timestamptz,
    finished_at timestamptz,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, event_id),
    CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook (id),
    CONSTRAINT webhook_delivery_state_known CHECK (state IN ('pending', 'delivered', 'failed')),
    CONSTRAINT webhook_delivery_next_while_pending CHECK ((next_at IS NULL) = (state <> 'pending')),
    CONSTRAINT webhook_delivery_finished_when_done CHECK ((finished_at IS NULL) = (state = 'pending'))
);
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (webhook_id, state, event_id);
CREATE INDEX webhook_delivery_pending ON webhook_delivery (next_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_done ON webhook_delivery (queued_at) WHERE state <> 'pending';

-- Whoever gives rights and reads events has this one: nobody else could give it.
UPDATE member_group
SET rights = array_append(rights, 'webhooks.write'), version = version + 1
WHERE rights @> '{groups.write,audit.read}' AND NOT 'webhooks.write' = ANY (rights);
