-- +goose Up

-- The language of an account's mails and text messages, once its user has chosen one. Without it they are in that of the request.
ALTER TABLE account ADD COLUMN language text CONSTRAINT account_language_known CHECK (language IN ('zh', 'en'));
