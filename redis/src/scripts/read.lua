-- Returns ids and values, in turn, of the entries of a log that follow an id: about `budget` bytes.
local function read(log, after, budget)
  local found, bytes, from = {}, 0, '(' .. after
  repeat
    local page = redis.call('XRANGE', log, from, '+', 'COUNT', 16)
    for _, entry in ipairs(page) do
      local value = entry[2][1] == 'e' and entry[2][2] or ''
      found[#found + 1] = entry[1]
      found[#found + 1] = value
      bytes = bytes + #value
      from = '(' .. entry[1]
    end
  until #page < 16 or bytes >= budget
  return found
end
