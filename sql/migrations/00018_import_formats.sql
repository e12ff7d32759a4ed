-- +goose Up

-- The formats that an import reads are those of the program: a list here would change with each. The names stay short.
ALTER TABLE account_import DROP CONSTRAINT account_import_format_known;
ALTER TABLE account_import ADD CONSTRAINT account_import_format_known CHECK (format ~ '^[a-z0-9-]{1,32}$');
