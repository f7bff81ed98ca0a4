-- What is kept of users beside sessions, sealed by its keeper. It never runs out.
CREATE TABLE vault (
    user TEXT NOT NULL,
    -- How often the record was written.
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (user)
) STRICT, WITHOUT ROWID;
