-- Ends a session.
--
-- KEYS[1]  the session's key, KEYS[2] the index
--
-- Returns 1 when there was one.

return finish(KEYS[2], KEYS[1])
