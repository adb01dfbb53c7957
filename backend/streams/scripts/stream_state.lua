-- The state of one stream, for health checks, metrics and admission. Read-only.
--
-- KEYS  1 stream   ARGV  1 group
-- Returns {age of the oldest entry that no consumer has read yet, ms (0: none), length, pending entries of the group}.
-- The age is by Redis's clock, so it does not depend on the clocks of gateways and workers.
local stream, group = KEYS[1], ARGV[1]
if redis.call('EXISTS', stream) == 0 then return { 0, 0, 0 } end
local last_delivered_id, pending = '0-0', 0
for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local fields = {}
  for n = 1, #info, 2 do fields[info[n]] = info[n + 1] end
  if fields.name == group then last_delivered_id, pending = fields['last-delivered-id'], fields.pending end
end
local length = redis.call('XLEN', stream)
local oldest = redis.call('XRANGE', stream, '(' .. last_delivered_id, '+', 'COUNT', 1)[1]
if not oldest then return { 0, length, pending } end
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)
local written_ms = tonumber(string.match(oldest[1], '^%d+'))
return { math.max(0, now_ms - written_ms), length, pending }
