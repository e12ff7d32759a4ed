-- +goose Up

-- The devices that have signed in to an account. digest is that of the token that the device holds; previous_digest that of the
-- one before it, which a device still sends whose last response was lost. A token may stand for several accounts.
CREATE TABLE device (
    id              text        NOT NULL CONSTRAINT device_pkey PRIMARY KEY,
    account_id      text        NOT NULL CONSTRAINT device_account_id_fkey REFERENCES account ON DELETE CASCADE,
    digest          bytea       NOT NULL,
    previous_digest bytea,
    name            text        NOT NULL,
    address         inet,
    created_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    CONSTRAINT device_digest_key UNIQUE (digest, account_id)
);
CREATE INDEX device_by_previous_digest ON device (previous_digest) WHERE previous_digest IS NOT NULL;
CREATE INDEX device_by_account ON device (account_id, seen_at);

-- The networks (IPv4 /24, IPv6 /56) from which a user has signed in lately.
CREATE TABLE known_network (
    account_id text        NOT NULL CONSTRAINT known_network_account_id_fkey REFERENCES account ON DELETE CASCADE,
    network    text        NOT NULL,
    seen_at    timestamptz NOT NULL,
    CONSTRAINT known_network_pkey PRIMARY KEY (account_id, network)
);
CREATE INDEX known_network_by_seen ON known_network (seen_at);

-- Failures are counted per user, factor and place. person is the account's id or, without an account, the address in the request:
-- what lifts a user's waits finds them by it. Rows without it are the previous version's.
ALTER TABLE failure ADD COLUMN person text;
CREATE INDEX failure_by_person ON failure (person);
