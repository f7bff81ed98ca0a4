-- Notes that a credential of the backend is spent.
--
-- KEYS[1]  its note
-- ARGV[1]  how long it is remembered, in microseconds

remember(KEYS[1], tonumber(ARGV[1]))
