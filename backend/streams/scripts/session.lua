-- What a gateway does to a session of its own. Fenced: whoever holds an older epoch changes nothing.
--
-- ARGV  4 epoch (resume: the token's hash), then by operation:
--   open      5.. field, value, ...                a new session
--   resume    5 utterance  6 owner                 another connection takes it over; returns all fields, or -2
--   keep      5.. field, value, ...                it lives; these fields are so now
--   submit    5 utterance  6 attempt  7 '1' when early  8 audio ms  9 header  10 PCM     returns the entry's id
--   close     5 utterance  6 attempt  7 audio ms  8 entry id   this early attempt is the utterance's final
--   withdraw  5 utterance  6 attempt  7 entry id   further speech voids this early attempt
--   translate 5 utterance  6 transcript            a transcript that was lost before it was translated
--   restore   5 settled utterance  6.. field, value, ...   after Redis has lost writes; returns all fields
-- Returns 1, -1 when another connection has taken the session over, -2 when Redis does not know it (any more).
local epoch = ARGV[4]
local WAITING = { closed = true, event = true, transcript = true }

local function set_from(first)
  if ARGV[first] then redis.call('HSET', session, unpack(ARGV, first)) end
  keep_alive()
end

-- Only what is there is gone through: how far it is to `settled` a client says, and Redis serves nobody else meanwhile.
local function skip_to(settled)
  local next = tonumber(redis.call('HGET', session, 'next') or '1')
  for _, field in ipairs(redis.call('HKEYS', session)) do
    local kind, turn = string.match(field, '^(%a+):(%d+)')
    if WAITING[kind] and tonumber(turn) <= settled then redis.call('HDEL', session, field) end
  end
  redis.call('HSET', session, 'next', math.max(next, settled + 1))
  release()
end

if operation == 'open' then
  redis.call('HSET', session, 'epoch', epoch)
  set_from(5)
  return 1
end

if operation == 'resume' then
  if redis.call('HGET', session, 'token') ~= epoch then return -2 end
  local current = redis.call('HINCRBY', session, 'epoch', 1)
  redis.call('HSET', session, 'owner', ARGV[6])
  local early = redis.call('HGET', session, 'open')
  if early then redis.call('HDEL', session, 'open', 'event:' .. early, 'transcript:' .. early) end
  redis.call('SPUBLISH', channel, '! ' .. current)
  skip_to(tonumber(ARGV[5]))
  return redis.call('HGETALL', session)
end

local held = tonumber(redis.call('HGET', session, 'epoch') or '-1')
if held > tonumber(epoch) then return -1 end

if operation == 'restore' then
  redis.call('HSET', session, 'epoch', epoch)
  for n = 6, #ARGV, 2 do
    -- What Redis still knows of closed utterances and safe audio fits its lanes; only what it submits anew moves them.
    local own = ARGV[n] == 'count' or ARGV[n] == 'audio'
    redis.call(own and 'HSETNX' or 'HSET', session, ARGV[n], ARGV[n + 1])
  end
  keep_alive()
  skip_to(tonumber(ARGV[5]))
  return redis.call('HGETALL', session)
end

if held < tonumber(epoch) then return -2 end

if operation == 'keep' then
  set_from(5)
elseif operation == 'submit' then
  local utterance, attempt, early, audio = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
  if early == '1' then
    redis.call('HSET', session, 'open', utterance .. ':' .. attempt)
  else
    redis.call('HSET', session, 'closed:' .. utterance, attempt, 'count', utterance, 'audio', audio)
    redis.call('HDEL', session, 'open')
  end
  return redis.call('XADD', jobs, '*', 'h', ARGV[9], 'p', ARGV[10])
elseif operation == 'close' then
  local heard = redis.call('HEXISTS', session, 'event:' .. ARGV[5] .. ':' .. ARGV[6]) == 1
  if not heard and #redis.call('XRANGE', jobs, ARGV[8], ARGV[8]) == 0 then return -2 end
  redis.call('HSET', session, 'closed:' .. ARGV[5], ARGV[6], 'count', ARGV[5], 'audio', ARGV[7])
  redis.call('HDEL', session, 'open')
  release()
elseif operation == 'withdraw' then
  redis.call('XDEL', jobs, ARGV[7])
  local place = ARGV[5] .. ':' .. ARGV[6]
  redis.call('HDEL', session, 'open', 'event:' .. place, 'transcript:' .. place)
elseif operation == 'translate' then
  translate(ARGV[5], ARGV[6])
end
return 1
