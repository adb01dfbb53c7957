-- The one step in which a result becomes true. Whoever acknowledges first wins; everyone else changes nothing.
--
-- Results of a session are released in the order of its utterances: a result waits in the session's hash until its
-- utterance is closed (its endpoint decided) and all earlier ones have been released.
--
-- KEYS  1 jobs  2 onward lane  3 session  4 log  5 dead letters
-- ARGV  1 operation  2 group  3 entry id  4 utterance  5 attempt  6 channel  7 ttl s  8 log cap, then by operation:
--   commit  9 event  10 transcript or ''  11 partial or ''    an utterance's result
--   append  9.. events                                        results that need no order among themselves
--   close                                                     the gateway: this attempt is the utterance's final
--   bury    9 event or ''  10.. field, value, ...             a dead letter, and the word of it to the client
-- Returns 1 when this call took effect, 0 when someone else was first, 2 when further speech had overtaken the result.
local jobs, onward, session, log, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local operation, group, id, utterance, attempt = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local channel, ttl, cap = ARGV[6], ARGV[7], ARGV[8]

local function say(event)
  local cursor = redis.call('XADD', log, 'MAXLEN', '~', cap, '*', 'e', event)
  redis.call('PUBLISH', channel, cursor .. ' ' .. event)
end

local function keep_alive()
  redis.call('EXPIRE', session, ttl)
  redis.call('EXPIRE', log, ttl)
end

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
    if transcript then redis.call('XADD', onward, '*', 'h', transcript) end
    redis.call('HDEL', session, closed, result, text)
    turn = turn + 1
  end
  redis.call('HSET', session, 'next', turn)
  keep_alive()
end

local function overtaken()
  local decided = redis.call('HGET', session, 'closed:' .. utterance)
  if decided then return decided ~= attempt end
  return redis.call('HGET', session, 'open') ~= utterance .. ':' .. attempt
end

local function hold(event, transcript)
  redis.call('HSET', session, 'event:' .. utterance .. ':' .. attempt, event)
  if transcript ~= '' then
    redis.call('HSET', session, 'transcript:' .. utterance .. ':' .. attempt, transcript)
  end
end

if operation == 'close' then
  redis.call('HSET', session, 'closed:' .. utterance, attempt)
  redis.call('HDEL', session, 'open')
  release()
  return 1
end

local entry = operation == 'bury' and redis.call('XRANGE', jobs, id, id)[1]
if redis.call('XACK', jobs, group, id) == 0 then return 0 end
redis.call('XDEL', jobs, id)

if operation == 'append' then
  for n = 9, #ARGV do say(ARGV[n]) end
  keep_alive()
  return 1
end

if operation == 'bury' then
  local letter = entry and entry[2] or {}
  for n = 10, #ARGV do letter[#letter + 1] = ARGV[n] end
  redis.call('XADD', dead, 'MAXLEN', '~', cap, '*', unpack(letter))
  if ARGV[9] == '' then return 1 end
  if utterance == '' then
    say(ARGV[9])
    keep_alive()
    return 1
  end
end

if overtaken() then return 2 end
hold(ARGV[9], operation == 'commit' and ARGV[10] or '')
local open = not redis.call('HGET', session, 'closed:' .. utterance)
if open and operation == 'commit' and ARGV[11] ~= '' then
  redis.call('PUBLISH', channel, '- ' .. ARGV[11])
end
release()
return 1
