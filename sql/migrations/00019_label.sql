-- +goose Up

-- The names that users give their devices and sessions, and the app of a session, as it named itself. What the previous version
-- opens has none.
ALTER TABLE session ADD COLUMN label text;
ALTER TABLE session ADD COLUMN client text;
ALTER TABLE device ADD COLUMN label text;
