-- KEYS: head, log. ARGV: 1 the expected position, 2 whether a missing head is that position,
-- 3 the new head, 4 the number before the first entry, 5 the oldest number to retain, 6 the channel,
-- 7 how many bytes a notification may have, 8 how many bytes a refusal may have, from 9 on the entries.
-- Returns 1; or 0 and the entries after the expected position.
local head = redis.call('GET', KEYS[1])
local position = head and string.match(head, '^%S*')
if (head and position ~= ARGV[1]) or (not head and ARGV[2] ~= '1') then
  return {0, read(KEYS[2], ARGV[4] .. '-0', tonumber(ARGV[8]))}
end

local before, parts, bytes = tonumber(ARGV[4]) - 8, {}, 0
for i = 9, #ARGV do
  -- If the first one fails nothing was written; the others have higher ids and do not fail.
  redis.call('XADD', KEYS[2], string.format('%.0f-0', before + i), 'e', ARGV[i])
  bytes = bytes + 4 + #ARGV[i]
end
redis.call('SET', KEYS[1], ARGV[3])
if tonumber(ARGV[5]) > 1 then
  redis.pcall('XTRIM', KEYS[2], 'MINID', '~', ARGV[5] .. '-0')
end

-- An empty notification makes followers read.
if bytes <= tonumber(ARGV[7]) then
  for i = 9, #ARGV do
    parts[#parts + 1] = struct.pack('>I4', #ARGV[i])
    parts[#parts + 1] = ARGV[i]
  end
end
redis.pcall('SPUBLISH', ARGV[6], table.concat(parts))
return {1}
