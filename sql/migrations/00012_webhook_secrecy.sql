-- +goose Up

-- The address of a webhook, encrypted for this row: for many receivers it is the key. url is empty then. An address that the
-- previous version of the server wrote is in url; it counts until a clean-up of this version has encrypted it. The previous
-- version does not call a webhook without url: it tries again later, when this one may do it.
ALTER TABLE webhook ADD COLUMN sealed_url bytea;
