-- What a session remembers of its user's password. None in a record that was written before.
ALTER TABLE session ADD COLUMN password_mark BLOB;
