-- The holder of a challenge has shown the first code of the factor that was set up by it.
ALTER TABLE challenge ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;

-- How often something was tried in a row, until when nothing more is admitted, and when all of it is forgotten.
CREATE TABLE attempts (
    tag BLOB NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    forgotten_at INTEGER NOT NULL,
    PRIMARY KEY (tag, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_by_time ON attempts (forgotten_at);
