-- Adds a session, and ends those that are too many for its user: the ones that would run out first.
--
-- KEYS[1]  the session's key, KEYS[2] the index, KEYS[3…] sessions that may have to end
-- ARGV[1]  hash of its refresh token
-- ARGV[2]  idle lifetime, ARGV[3] absolute lifetime, in microseconds
-- ARGV[4]  how many sessions the user may have
-- ARGV[5…] the other fields of the record, name and value in turn
--
-- Returns 'created' and the ids of KEYS[3…] that have ended; 'conflict'; or 'wanting' and ids.

return add(3, 5)
