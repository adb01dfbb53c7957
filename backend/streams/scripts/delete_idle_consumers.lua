-- Deletes idle consumers of a group. A worker that is killed leaves its consumer in the group forever.
--
-- KEYS  1 stream
-- ARGV  1 group   2 minimum idle time, ms   3 delete only the consumer of this name, busy or idle, or ''
--       4 'keep_pending': keep consumers with pending entries, or ''
-- Returns how many were deleted. It checks and deletes in one script: between two commands a consumer could read an
-- entry, and XGROUP DELCONSUMER drops the pending entries of a consumer.
local stream, group, min_idle_ms, only, keep_pending = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
-- The stream or the group does not exist.
if consumers.err then return 0 end
local deleted = 0
for _, info in ipairs(consumers) do
  local consumer = {}
  for n = 1, #info, 2 do consumer[info[n]] = info[n + 1] end
  local is_selected = only == '' and consumer.idle >= min_idle_ms or consumer.name == only
  if is_selected and (consumer.pending == 0 or keep_pending == '') then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    deleted = deleted + 1
  end
end
return deleted
