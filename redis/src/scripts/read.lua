-- Returns ids and values, in turn, of the items of a log that follow an id: about `budget` bytes.
local function read(log, after, budget)
  local found, bytes, from, count = {}, 0, '(' .. after, 2
  repeat
    local page = redis.call('XRANGE', log, from, '+', 'COUNT', count)
    for _, item in ipairs(page) do
      local value = item[2][1] == 'e' and item[2][2] or ''
      found[#found + 1] = item[1]
      found[#found + 1] = value
      bytes = bytes + #value
      from = '(' .. item[1]
    end
    local is_end = #page < count
    -- As many as fit if they are like the ones so far, since an item may be one entry or hundreds.
    local fit = (budget - bytes) * #found / 2 / math.max(bytes, 1)
    count = math.max(1, math.min(16, math.floor(fit)))
  until is_end or bytes >= budget
  return found
end
