-- The backend's own tokens of users, sealed by their keeper. They never run out here.
CREATE TABLE tokens (
    user TEXT NOT NULL,
    -- How often the record was written.
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (user)
) STRICT, WITHOUT ROWID;
