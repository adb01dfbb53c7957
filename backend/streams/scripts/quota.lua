-- Counts what a caller uses, over all gateways, and checks it against the caller's limits. Times are by Redis's clock.
--
-- KEYS  1 usage   hash:        day, spoken   the day (UTC, days since 1970) and the audio received on it, ms
--                              starts, at    tokens left in the token bucket of new sessions, and when it was updated
--       2 slots   sorted set:  sessions, each with the time (ms) when its slot expires
-- ARGV  1 operation   2 maximum sessions   3 maximum minutes of audio a day   4 maximum new sessions a minute
--       (a maximum of 0: no limit)   5.. by operation:
--   take_slot      5 session   6 TTL of the slot, ms   7 '1' for a new session, '0' for a resumed one
--   renew_slots    5 audio since the last call, ms   6 TTL of the slots, ms   7.. sessions
--   release_slot   5 audio since the last call, ms   6 session
-- Returns {exhausted limit, ms until a retry makes sense}; the limit is 'sessions', 'minutes', 'starts', or '' for none
local usage, slots, operation = KEYS[1], KEYS[2], ARGV[1]
local max_sessions, max_minutes, max_starts = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local DAY_MS, MINUTE_MS = 86400000, 60000
local WITHIN_LIMITS = { '', 0 }
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)
local day = math.floor(now_ms / DAY_MS)

-- Returns today's audio, including these milliseconds.
local function add_audio(ms)
  if redis.call('HGET', usage, 'day') ~= tostring(day) then redis.call('HSET', usage, 'day', day, 'spoken', 0) end
  redis.call('PEXPIRE', usage, 2 * DAY_MS)
  return redis.call('HINCRBY', usage, 'spoken', ms)
end

local function hold_slot(session, ttl_ms)
  redis.call('ZADD', slots, now_ms + ttl_ms, session)
  redis.call('PEXPIRE', slots, DAY_MS)
end

local function is_audio_exhausted(audio_ms)
  return max_minutes > 0 and audio_ms >= max_minutes * MINUTE_MS
end

local function retry_tomorrow()
  return { 'minutes', (day + 1) * DAY_MS - now_ms }
end

if operation == 'release_slot' then
  local audio_ms, session = ARGV[5], ARGV[6]
  add_audio(audio_ms)
  redis.call('ZREM', slots, session)
  return WITHIN_LIMITS
end

if operation == 'renew_slots' then
  local audio_ms, ttl_ms = ARGV[5], ARGV[6]
  for n = 7, #ARGV do hold_slot(ARGV[n], ttl_ms) end
  if is_audio_exhausted(add_audio(audio_ms)) then return retry_tomorrow() end
  return WITHIN_LIMITS
end

local session, ttl_ms, is_new = ARGV[5], ARGV[6], ARGV[7] == '1'
if is_audio_exhausted(add_audio(0)) then return retry_tomorrow() end
redis.call('ZREMRANGEBYSCORE', slots, '-inf', now_ms)
-- A session that is resumed on another gateway may still hold its slot: it counts once.
local other_sessions = redis.call('ZCARD', slots) - (redis.call('ZSCORE', slots, session) and 1 or 0)
if max_sessions > 0 and other_sessions >= max_sessions then return { 'sessions', 0 } end
if is_new and max_starts > 0 then
  -- A token bucket: it holds `max_starts` tokens and refills at `max_starts` a minute.
  local tokens, updated_ms = unpack(redis.call('HMGET', usage, 'starts', 'at'))
  local refilled = (now_ms - (tonumber(updated_ms) or now_ms)) * max_starts / MINUTE_MS
  local left = math.min(max_starts, (tonumber(tokens) or max_starts) + refilled)
  if left < 1 then return { 'starts', math.ceil((1 - left) * MINUTE_MS / max_starts) } end
  redis.call('HSET', usage, 'starts', tostring(left - 1), 'at', now_ms)
end
hold_slot(session, ttl_ms)
return WITHIN_LIMITS
