-- What a caller may use, counted over all gateways, by Redis's clock.
--
-- KEYS  1 hash of what is used up  2 sorted set of the places that are held
-- ARGV  1 operation  2 sessions at most  3 minutes of audio a day at most  4 new sessions a minute at most; 0: no limit
--   enter  5 place  6 how long it is held, ms  7 '1' when it is a new session, '0' when one goes on
--   keep   5 audio since the last time, ms  6 how long, ms  7.. places
--   leave  5 audio since the last time, ms  6 place
-- Returns {what is used up: '', 'sessions', 'minutes' or 'starts', ms until it makes sense to come again}.
--
-- The hash:  day, spoken   the day (UTC, since 1970), and the audio of it in ms
--            starts, at    the token bucket of new sessions, and when (ms) it was looked at last
local used, places, operation = KEYS[1], KEYS[2], ARGV[1]
local most, minutes, starts = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local DAY_MS, MINUTE_MS = 86400000, 60000
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local day = math.floor(now / DAY_MS)

local function speak(ms)
  if redis.call('HGET', used, 'day') ~= tostring(day) then redis.call('HSET', used, 'day', day, 'spoken', 0) end
  redis.call('PEXPIRE', used, 2 * DAY_MS)
  return redis.call('HINCRBY', used, 'spoken', ms)
end

local function hold(place, ms)
  redis.call('ZADD', places, now + ms, place)
  redis.call('PEXPIRE', places, DAY_MS)
end

local function spent(spoken)
  return minutes > 0 and spoken >= minutes * MINUTE_MS
end

if operation == 'leave' then
  speak(ARGV[5])
  redis.call('ZREM', places, ARGV[6])
  return { '', 0 }
end

if operation == 'keep' then
  for n = 7, #ARGV do hold(ARGV[n], ARGV[6]) end
  if spent(speak(ARGV[5])) then return { 'minutes', (day + 1) * DAY_MS - now } end
  return { '', 0 }
end

local place, ms, new = ARGV[5], ARGV[6], ARGV[7] == '1'
if spent(speak(0)) then return { 'minutes', (day + 1) * DAY_MS - now } end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
local others = redis.call('ZCARD', places) - (redis.call('ZSCORE', places, place) and 1 or 0)
if most > 0 and others >= most then return { 'sessions', 0 } end
if new and starts > 0 then
  local bucket = redis.call('HMGET', used, 'starts', 'at')
  local left = math.min(starts, (tonumber(bucket[1]) or starts) + (now - (tonumber(bucket[2]) or now)) * starts / MINUTE_MS)
  if left < 1 then return { 'starts', math.ceil((1 - left) * MINUTE_MS / starts) } end
  redis.call('HSET', used, 'starts', tostring(left - 1), 'at', now)
end
hold(place, ms)
return { '', 0 }
