-- +goose Up
-- +goose NO TRANSACTION

-- What a search for accounts looks in. The server folds it, because what the database can fold depends on its locale: name and
-- search are null until the server has done so, for accounts that the previous version creates or changes, too.
ALTER TABLE account ADD COLUMN IF NOT EXISTS folded_name text;
ALTER TABLE account ADD COLUMN IF NOT EXISTS search text;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION account_forget_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.folded_name := NULL;
    NEW.search := NULL;
    RETURN NEW;
END $$;
-- +goose StatementEnd

DROP TRIGGER IF EXISTS account_forget_search ON account;
CREATE TRIGGER account_forget_search BEFORE UPDATE OF email, name, phone ON account
FOR EACH ROW WHEN (OLD.email <> NEW.email OR OLD.name <> NEW.name OR OLD.phone IS DISTINCT FROM NEW.phone)
EXECUTE FUNCTION account_forget_search();

-- Parts of words. The extension belongs to PostgreSQL, and the owner of a database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Made beside the traffic. One that was broken off is there and of no use, and made again.
DROP INDEX CONCURRENTLY IF EXISTS account_by_search;
CREATE INDEX CONCURRENTLY account_by_search ON account USING gin (search gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS account_by_folded_name;
CREATE INDEX CONCURRENTLY account_by_folded_name ON account (folded_name COLLATE "C", id);
DROP INDEX CONCURRENTLY IF EXISTS account_without_search;
CREATE INDEX CONCURRENTLY account_without_search ON account (id) WHERE search IS NULL;
