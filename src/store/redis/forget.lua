-- Takes sessions out of the index, unless they are there again.
--
-- KEYS[1]  the index, KEYS[2…] sessions whose end has been announced

for _, id in ipairs(gone(given(2))) do
  redis.call('ZREM', KEYS[1], id)
end
