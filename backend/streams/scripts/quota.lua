-- Counts what a caller uses, over all gateways, and checks it against the caller's limits. Times are by Redis's clock.
--
-- KEYS  1 usage   hash:        day, spoken   the day (UTC, days since 1970) and the audio reserved on it, ms
--                              starts, at    tokens left in the token bucket of new sessions, and when it was updated
--       2 slots   sorted set:  sessions, each with the time (ms) when its slot expires
--       3 owners  hash:        for each session 'epoch:start', the lease that holds its slot, and its start, ms
-- ARGV  1 operation   2 maximum sessions   3 maximum minutes of audio a day   4 maximum new sessions a minute
--       (a maximum of 0: no limit)   5.. by operation:
--   take_slot       5 session   6 epoch   7 TTL of the slot, ms   8 '1' for a new session, '0' for a resumed one
--                   9 for a new session: how many the client opens together, starting with this one. There must be room
--                     for all, so that those of a connection that is refused use up none of the new sessions
--   renew_slots     5 TTL of the slots, ms   6.. session, epoch, session, epoch, ...
--   reserve_audio   5 wanted audio, ms
--   release_slot    5 reserved audio that was not used, ms   6 session   7 epoch
-- Returns {exhausted limit, ms until a retry makes sense}; the limit is 'sessions', 'minutes', 'starts', or '' for none
--   reserve_audio   {'', reserved audio, ms}: less than wanted when less is left
--   renew_slots     {'', 0, session, ...}: the sessions that exceed the limit, the newest first
local usage, slots, owners, operation = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local max_sessions, max_minutes, max_starts = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local DAY_MS, MINUTE_MS = 86400000, 60000
-- A renewed slot that had expired ranks behind sessions that started within this time, which took its place.
local LAPSED_MS = 1000
local WITHIN_LIMITS = { '', 0 }
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)
local day = math.floor(now_ms / DAY_MS)

-- Returns today's audio, including these milliseconds. Audio that is returned after midnight belongs to yesterday.
local function add_audio(ms)
  if redis.call('HGET', usage, 'day') ~= tostring(day) then redis.call('HSET', usage, 'day', day, 'spoken', 0) end
  redis.call('PEXPIRE', usage, 2 * DAY_MS)
  local spoken = redis.call('HINCRBY', usage, 'spoken', ms)
  if spoken < 0 then redis.call('HSET', usage, 'spoken', 0) end
  return math.max(0, spoken)
end

local function remaining_audio()
  return max_minutes > 0 and max_minutes * MINUTE_MS - add_audio(0) or math.huge
end

local function retry_tomorrow()
  return { 'minutes', (day + 1) * DAY_MS - now_ms }
end

-- The epoch of the lease that holds the slot of a session, and the start of the session. Nil without a slot, or for a
-- slot of a release that did not write owners.
local function owner_of(session)
  if not redis.call('ZSCORE', slots, session) then return nil end
  local epoch, start_ms = string.match(redis.call('HGET', owners, session) or '', '^(%d+):(%d+)$')
  return tonumber(epoch), tonumber(start_ms)
end

local function hold_slot(session, epoch, ttl_ms, new_start_ms)
  local _, start_ms = owner_of(session)
  redis.call('ZADD', slots, now_ms + ttl_ms, session)
  redis.call('HSET', owners, session, epoch .. ':' .. string.format('%d', start_ms or new_start_ms))
  redis.call('PEXPIRE', slots, DAY_MS)
  redis.call('PEXPIRE', owners, DAY_MS)
end

-- A slot that a newer lease holds is neither renewed nor released by an older one.
local function is_held_by_newer(session, epoch)
  local held_epoch = owner_of(session)
  return held_epoch ~= nil and held_epoch > tonumber(epoch)
end

local function expire_slots()
  for _, session in ipairs(redis.call('ZRANGEBYSCORE', slots, '-inf', now_ms)) do
    redis.call('HDEL', owners, session)
  end
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now_ms)
end

-- The sessions beyond the limit, the newest first. A gateway that was frozen renews slots whose places are taken.
local function sessions_over_limit()
  local excess = redis.call('ZCARD', slots) - max_sessions
  if max_sessions == 0 or excess <= 0 then return {} end
  local started = {}
  for _, session in ipairs(redis.call('ZRANGE', slots, 0, -1)) do
    local _, start_ms = owner_of(session)
    started[#started + 1] = { start_ms or 0, session }
  end
  table.sort(started, function(a, b) return a[1] > b[1] or (a[1] == b[1] and a[2] > b[2]) end)
  local newest = {}
  for n = 1, excess do newest[n] = started[n][2] end
  return newest
end

if operation == 'reserve_audio' then
  local reserved_ms = math.min(tonumber(ARGV[5]), remaining_audio())
  if reserved_ms <= 0 then return retry_tomorrow() end
  add_audio(reserved_ms)
  return { '', reserved_ms }
end

if operation == 'release_slot' then
  local unused_ms, session, epoch = tonumber(ARGV[5]), ARGV[6], ARGV[7]
  add_audio(-unused_ms)
  if not is_held_by_newer(session, epoch) then
    redis.call('ZREM', slots, session)
    redis.call('HDEL', owners, session)
  end
  return WITHIN_LIMITS
end

expire_slots()

if operation == 'renew_slots' then
  local ttl_ms = ARGV[5]
  for n = 6, #ARGV, 2 do
    local session, epoch = ARGV[n], ARGV[n + 1]
    if not is_held_by_newer(session, epoch) then hold_slot(session, epoch, ttl_ms, now_ms + LAPSED_MS) end
  end
  local answer = { '', 0 }
  for _, session in ipairs(sessions_over_limit()) do answer[#answer + 1] = session end
  return answer
end

local session, epoch, ttl_ms, is_new = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'
local count = is_new and tonumber(ARGV[9]) or 1
if remaining_audio() <= 0 then return retry_tomorrow() end
-- A session that is resumed on another gateway may still hold its slot: it counts once.
local other_sessions = redis.call('ZCARD', slots) - (redis.call('ZSCORE', slots, session) and 1 or 0)
if max_sessions > 0 and other_sessions + count > max_sessions then return { 'sessions', 0 } end
if is_new and max_starts > 0 then
  -- A token bucket: it holds `max_starts` tokens and refills at `max_starts` a minute.
  local tokens, updated_ms = unpack(redis.call('HMGET', usage, 'starts', 'at'))
  local refilled = (now_ms - (tonumber(updated_ms) or now_ms)) * max_starts / MINUTE_MS
  local left = math.min(max_starts, (tonumber(tokens) or max_starts) + refilled)
  if left < count then return { 'starts', math.ceil((count - left) * MINUTE_MS / max_starts) } end
  redis.call('HSET', usage, 'starts', tostring(left - 1), 'at', now_ms)
end
if not is_held_by_newer(session, epoch) then hold_slot(session, epoch, ttl_ms, now_ms) end
return WITHIN_LIMITS
