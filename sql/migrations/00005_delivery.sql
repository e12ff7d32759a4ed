-- +goose Up

-- The clean-up asks for messages whose job was lost. An early copy of 00001 made this index already.
CREATE INDEX IF NOT EXISTS delivery_queued ON delivery (expires_at) WHERE state = 'queued';
