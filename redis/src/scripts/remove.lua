-- KEYS: head, log. ARGV: the head that remains, the channel.
local head = redis.call('GET', KEYS[1])
if head and not string.match(head, '^%x+%-0%-') then
  redis.call('SET', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[2])
  redis.pcall('SPUBLISH', ARGV[2], '')
end
return 1
