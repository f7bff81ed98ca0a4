-- Logins that wait for a second factor. `token` is the hash of the challenge token.
CREATE TABLE challenge (
    tag BLOB NOT NULL,
    id BLOB NOT NULL,
    token BLOB NOT NULL,
    user TEXT NOT NULL,
    password_mark BLOB NOT NULL,
    device_name TEXT,
    tries_left INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    -- The session that it was used up for.
    session BLOB,
    PRIMARY KEY (tag, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX challenge_by_expiry ON challenge (expiry);
