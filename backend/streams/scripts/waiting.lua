-- Age in milliseconds, by Redis's clock, of a lane's oldest entry that no worker of the group has taken; 0 when none waits.
--
-- KEYS  1 lane      ARGV  1 group
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local taken = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for n = 1, #group, 2 do fields[group[n]] = group[n + 1] end
  if fields.name == ARGV[1] then taken = fields['last-delivered-id'] end
end
local oldest = redis.call('XRANGE', KEYS[1], '(' .. taken, '+', 'COUNT', 1)[1]
if not oldest then return 0 end
local now = redis.call('TIME')
return math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(string.match(oldest[1], '^%d+')))
