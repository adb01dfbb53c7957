-- Decides which gateway serves a client on a message bus, and keeps how far it is for the next one.
--
-- KEYS  1 claim  hash: 'holder', 'until' (ms, time of Redis), 'progress'
-- ARGV  1 operation   2 holder   then those of the operation
local claim, operation, holder = KEYS[1], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local current, valid_until = unpack(redis.call('HMGET', claim, 'holder', 'until'))
local is_free = not current or current == holder or now >= tonumber(valid_until)

local function hold(ttl_ms, keep_ms)
  redis.call('HSET', claim, 'holder', holder, 'until', now + tonumber(ttl_ms))
  redis.call('PEXPIRE', claim, keep_ms)
end

-- ARGV  3 duration of the claim, ms   4 time to live of the progress, ms
-- Returns the progress ('' if there is none); nothing if another gateway holds the claim
if operation == 'take' then
  if not is_free then return {} end
  hold(ARGV[3], ARGV[4])
  return {redis.call('HGET', claim, 'progress') or ''}
end

-- A gateway that was paused must not change what the next one has taken
if not is_free or (current and current ~= holder) then return 0 end

-- ARGV  3 and 4 as above   5 progress
-- Returns 1 if the claim is renewed, also after Redis has lost it; 0 if another gateway has taken it
if operation == 'renew' then
  hold(ARGV[3], ARGV[4])
  redis.call('HSET', claim, 'progress', ARGV[5])
  return 1
end

-- ARGV  3 how long no other gateway may take it, ms   4 whether the progress is kept   5 its time to live, ms
if operation == 'release' then
  if ARGV[4] == '1' then
    hold(ARGV[3], ARGV[5])
  else
    redis.call('HDEL', claim, 'progress')
    hold(ARGV[3], math.max(tonumber(ARGV[3]), 1))
  end
  return 1
end
