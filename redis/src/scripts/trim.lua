-- KEYS: head, log. ARGV: the oldest number to retain. The newest entry stays.
local head = redis.call('GET', KEYS[1])
local newest = head and tonumber(string.match(head, '^%x+%-(%d+)%-'))
if newest and newest > 0 then
  local before = math.min(newest, tonumber(ARGV[1]))
  redis.call('XTRIM', KEYS[2], 'MINID', '=', string.format('%.0f-0', before))
end
return 1
