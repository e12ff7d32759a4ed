-- +goose Up

-- How far the import of a file has come, so that one that was broken off goes on and brings nobody twice. digest is
-- the file's SHA-256; without one, what came by standard input, which cannot go on. position is the first byte that
-- has not been dealt with, line how many lines were.
CREATE TABLE account_import (
    id          text        NOT NULL CONSTRAINT account_import_pkey PRIMARY KEY,
    digest      bytea,
    format      text        NOT NULL,
    source      text        NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    line        bigint      NOT NULL DEFAULT 0,
    imported    bigint      NOT NULL DEFAULT 0,
    present     bigint      NOT NULL DEFAULT 0,
    refused     bigint      NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL,
    moved_at    timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT account_import_format_known CHECK (format IN ('gateway', 'public', 'json', 'csv')),
    CONSTRAINT account_import_digest_length CHECK (octet_length(digest) = 32)
);
CREATE UNIQUE INDEX account_import_under_way ON account_import (digest, format) WHERE finished_at IS NULL;
