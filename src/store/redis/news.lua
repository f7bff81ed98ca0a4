-- Reads on in the feed, and where it stands, at one instant.
--
-- KEYS[1]  the stream, KEYS[2] where it stands
-- ARGV[1]  the last entry that was read, ARGV[2] how many further ones at most
--
-- Returns epoch, number and id of the newest entry, nil for what there is not; and entries, each its id and fields.

return {
  redis.call('HMGET', KEYS[2], 'epoch', 'number', 'entry'),
  redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
