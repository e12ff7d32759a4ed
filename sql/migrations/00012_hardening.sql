-- +goose Up

-- The address of a webhook, encrypted for this row: for many receivers it is the key. url is empty then. An address that the
-- previous version of the server wrote is in url; it counts until a clean-up of this version has encrypted it. The previous
-- version does not call a webhook without url: it tries again later, when this one may do it.
ALTER TABLE webhook ADD COLUMN sealed_url bytea;

-- Everyone who registers is in the group None: a right of it would be everyone's, and a second factor that it asks for would
-- shut new accounts out. The table has a few rows.
UPDATE member_group
SET rights = '{}', requires_totp = false, version = version + 1
WHERE name = 'None' AND (rights <> '{}' OR requires_totp);
ALTER TABLE member_group ADD CONSTRAINT member_group_none_is_plain CHECK (name <> 'None' OR (rights = '{}' AND NOT requires_totp));
