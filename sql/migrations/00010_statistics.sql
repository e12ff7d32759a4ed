-- +goose Up

-- How many sealed events there were of each action in each hour of UTC, so that a chart reads a few thousand rows
-- and not the log. Nobody stands in it: it stays as it is whatever becomes of the events.
CREATE TABLE audit_count (
    action text        NOT NULL,
    hour   timestamptz NOT NULL,
    events bigint      NOT NULL,
    CONSTRAINT audit_count_pkey PRIMARY KEY (action, hour),
    CONSTRAINT audit_count_events_positive CHECK (events > 0)
);

-- The last link whose event is counted: the one row of the table. A link counts once because this moves in the
-- transaction that counts it, and counts even where a server of the version before has made it.
CREATE TABLE audit_counted (
    seq     bigint  NOT NULL,
    the_one boolean NOT NULL DEFAULT true CONSTRAINT audit_counted_pkey PRIMARY KEY,
    CONSTRAINT audit_counted_the_one CHECK (the_one)
);

-- What is sealed at one moment, which is what one statement sees. What waits is counted when it is sealed.
WITH counted AS (
    INSERT INTO audit_count (action, hour, events)
    SELECT e.action, date_trunc('hour', e.at, 'UTC'), count(*)
    FROM audit_event e
    JOIN audit_link l ON l.event_id = e.id
    GROUP BY 1, 2
)
INSERT INTO audit_counted (seq) SELECT coalesce(max(l.seq), 0) FROM audit_link l;
