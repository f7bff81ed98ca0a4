-- Credentials of the backend that were exchanged for a session or logged out, and how long they are remembered.
CREATE TABLE spent (
    tag BLOB NOT NULL,
    id BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (tag, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_by_time ON spent (until);
