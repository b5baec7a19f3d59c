-- KEYS: head, log. ARGV: 1 the expected position, 2 whether a missing head is that position,
-- 3 the new head, 4 and 5 the ids of the number before the first entry and of that entry, 6 the oldest id to
-- retain, 7 the channel, 8 how many bytes a notification may have, 9 how many bytes a refusal may have,
-- from 10 on the items, each after its id.
-- Returns 1; or 0 and the items after the expected position.
local head = redis.call('GET', KEYS[1])
local position = head and string.match(head, '^%S*')
if (head and position ~= ARGV[1]) or (not head and ARGV[2] ~= '1') then
  return {0, read(KEYS[2], ARGV[4], tonumber(ARGV[9]))}
end

-- The id of an item is that of its last entry, so it may be higher than the id of what is in its way.
if #redis.call('XRANGE', KEYS[2], ARGV[5], '+', 'COUNT', 1) > 0 then
  return redis.error_reply('ERR an id is equal or smaller than the target stream top item')
end
local bytes = 0
for i = 10, #ARGV, 2 do
  -- If the first one fails nothing was written; the others have higher ids and do not fail.
  redis.call('XADD', KEYS[2], ARGV[i], 'e', ARGV[i + 1])
  bytes = bytes + 4 + #ARGV[i + 1]
end
redis.call('SET', KEYS[1], ARGV[3])
if ARGV[6] ~= '1-0' then
  redis.pcall('XTRIM', KEYS[2], 'MINID', '~', ARGV[6])
end

-- An empty notification makes followers read. One item is published as it is: Lua hashes each byte of a
-- string that it makes, which takes as long as all else that is done with an item.
local notification = ''
if bytes <= tonumber(ARGV[8]) then
  notification = ARGV[11]
  if #ARGV > 11 then
    local parts = {}
    for i = 11, #ARGV, 2 do
      parts[#parts + 1] = struct.pack('>I4', #ARGV[i])
      parts[#parts + 1] = ARGV[i]
    end
    notification = table.concat(parts)
  end
end
redis.pcall('SPUBLISH', ARGV[7], notification)
return {1}
