-- How a lane stands: the age in milliseconds, by Redis's clock, of its oldest entry that no worker of the group has taken
-- (0 when none waits), how many entries lie on it, and how many of these workers have in hand.
--
-- KEYS  1 lane      ARGV  1 group
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0, 0} end
local taken, pending = '0-0', 0
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for n = 1, #group, 2 do fields[group[n]] = group[n + 1] end
  if fields.name == ARGV[1] then taken, pending = fields['last-delivered-id'], fields.pending end
end
local length = redis.call('XLEN', KEYS[1])
local oldest = redis.call('XRANGE', KEYS[1], '(' .. taken, '+', 'COUNT', 1)[1]
if not oldest then return {0, length, pending} end
local now = redis.call('TIME')
local age = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(string.match(oldest[1], '^%d+'))
return {math.max(0, age), length, pending}
