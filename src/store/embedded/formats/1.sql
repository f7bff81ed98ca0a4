-- Times are microseconds since 1970-01-01T00:00:00Z. Hashes are SHA-256: no token is stored in the clear.
CREATE TABLE session (
    tag BLOB NOT NULL,
    id BLOB NOT NULL,
    user TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    idle_expiry INTEGER NOT NULL,
    absolute_expiry INTEGER NOT NULL,
    auth_time INTEGER NOT NULL,
    mfa INTEGER NOT NULL,
    ip TEXT,
    user_agent TEXT,
    device_name TEXT,
    current BLOB NOT NULL,
    -- The immediate predecessor of `current`, until when it is honoured, and `current` sealed under it.
    previous BLOB,
    previous_until INTEGER,
    sealed_successor BLOB,
    PRIMARY KEY (tag, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_expiry ON session (idle_expiry);
