-- Webhook events that await delivery: one stream per call, and the calls with the time of their next attempt.
--
-- KEYS  1 due     sorted set: calls, each with the time (ms) from which a gateway may deliver its first event
--       2 tries   hash: attempts to deliver the first event of a call
--       3 events  stream of one call: fields 'event'     (only add, settle, postpone)
-- ARGV  1 operation   2 now, Unix time in ms   then those of the operation
local due, tries, events = KEYS[1], KEYS[2], KEYS[3]
local operation, now = ARGV[1], tonumber(ARGV[2])

-- ARGV  3 call   4 event   5 TTL, s   6 most events of a call   7 most calls
-- Returns 1 if the event was stored, 0 if there are too many
if operation == 'add' then
  local is_new = not redis.call('ZSCORE', due, ARGV[3])
  if redis.call('XLEN', events) >= tonumber(ARGV[6]) then return 0 end
  if is_new and redis.call('ZCARD', due) >= tonumber(ARGV[7]) then return 0 end
  redis.call('XADD', events, '*', 'event', ARGV[4])
  redis.call('EXPIRE', events, ARGV[5])
  if is_new then redis.call('ZADD', due, now, ARGV[3]) end
  return 1
end

-- ARGV  3 how long the caller may deliver without asking again, ms   4 most calls
-- Returns the calls that are due. No other gateway gets them meanwhile
if operation == 'claim' then
  local calls = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4]))
  for _, call in ipairs(calls) do redis.call('ZADD', due, now + tonumber(ARGV[3]), call) end
  return calls
end

-- ARGV  3 call   4 as 3 of claim
-- Returns the number of this attempt, which is counted before it is made, the id and the event; nothing if there is none
if operation == 'begin' then
  local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
  if not first then
    redis.call('ZREM', due, ARGV[3])
    redis.call('HDEL', tries, ARGV[3])
    return {}
  end
  redis.call('ZADD', due, now + tonumber(ARGV[4]), ARGV[3])
  return {redis.call('HINCRBY', tries, ARGV[3], 1), first[1], first[2][2]}
end

-- ARGV  3 call   4 id of the event, which was delivered or is given up
if operation == 'settle' then
  if redis.call('XDEL', events, ARGV[4]) == 1 then redis.call('HDEL', tries, ARGV[3]) end
  return 1
end

-- ARGV  3 call   4 time of the next attempt, ms
if operation == 'postpone' then
  if redis.call('ZSCORE', due, ARGV[3]) then redis.call('ZADD', due, ARGV[4], ARGV[3]) end
  return 1
end
