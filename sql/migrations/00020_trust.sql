-- +goose Up

-- Until when a device counts as the second factor. The previous version trusts none.
ALTER TABLE device ADD COLUMN trusted_until timestamptz;
