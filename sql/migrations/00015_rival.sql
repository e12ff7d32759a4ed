-- +goose Up

-- A refresh token whose answer was lost gets another successor, its rival, beside the first, which may have arrived after all:
-- the one that is presented first goes on. rivals counts those that the last rotated token has opened. The previous version
-- ignores them; what it rotates leaves the rival behind, which is then an old token.
ALTER TABLE session
    ADD COLUMN rival    bigint,
    ADD COLUMN rival_at timestamptz,
    ADD COLUMN rivals   integer NOT NULL DEFAULT 0;
