-- What both scripts share: it is put before each of them.
--
-- KEYS  1 jobs  2 onward lane  3 session  4 log  5 dead letters  6 channel
-- ARGV  1 operation  2 ttl s  3 log cap, then what the operation takes
--
-- The session's hash:  epoch, owner, token, start, correlation   who holds it, and what was asked for
--   next          the utterance whose result is to be released next
--   count, audio  the last utterance that was closed, and up to where (ms) audio is safe
--   open          "n:a": attempt a of utterance n is decoded early; its endpoint is not decided
--   closed:n      the attempt that is utterance n's final
--   event:n:a, transcript:n:a   a result that waits for its turn
--   translating:n the languages in which translations of utterance n are still to come
--   translated:n  that they have come; kept for the last utterances, as a gateway may not have heard of it
local jobs, onward, session, log, dead, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local operation, ttl, cap = ARGV[1], ARGV[2], ARGV[3]

local function say(event)
  local cursor = redis.call('XADD', log, 'MAXLEN', '~', cap, '*', 'e', event)
  redis.call('SPUBLISH', channel, cursor .. ' ' .. event)
end

local function keep_alive()
  redis.call('EXPIRE', session, ttl)
  redis.call('EXPIRE', log, ttl)
end

local function translate(utterance, transcript)
  redis.call('XADD', onward, '*', 'h', transcript)
  redis.call('HSET', session, 'translating:' .. utterance, cjson.encode(cjson.decode(transcript).translate_to))
end

-- Results of a session are released in the order of its utterances: each waits until its utterance is closed (its
-- endpoint decided) and all earlier ones have been released.
local function release()
  local turn = tonumber(redis.call('HGET', session, 'next') or '1')
  while true do
    local closed = 'closed:' .. turn
    local decided = redis.call('HGET', session, closed)
    if not decided then break end
    local result = 'event:' .. turn .. ':' .. decided
    local event = redis.call('HGET', session, result)
    if not event then break end
    say(event)
    local text = 'transcript:' .. turn .. ':' .. decided
    local transcript = redis.call('HGET', session, text)
    if transcript then translate(turn, transcript) end
    redis.call('HDEL', session, closed, result, text)
    turn = turn + 1
  end
  redis.call('HSET', session, 'next', turn)
  keep_alive()
end
