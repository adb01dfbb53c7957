-- Deletes a group's abandoned consumers of one stream; returns how many.
--
-- KEYS  1 stream
-- ARGV  1 group  2 silent for at least, ms  3 only this name, or ''  4 'keep' those that hold entries, or ''
local group, silent, only, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] == 'keep'
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], group)
if consumers.err then return 0 end
local deleted = 0
for _, consumer in ipairs(consumers) do
  local fields = {}
  for n = 1, #consumer, 2 do fields[consumer[n]] = consumer[n + 1] end
  local meant = only == '' and fields.idle >= silent or fields.name == only
  if meant and (fields.pending == 0 or not keep) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, fields.name)
    deleted = deleted + 1
  end
end
return deleted
