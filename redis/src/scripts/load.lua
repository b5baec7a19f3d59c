-- KEYS: head, log. ARGV: the id to read after, how many bytes to read.
-- Returns the head, and ids and values of entries.
return {redis.call('GET', KEYS[1]), read(KEYS[2], ARGV[1], tonumber(ARGV[2]))}
