-- The one step in which a worker's result becomes true. Whoever acknowledges first wins; everyone else changes nothing.
--
-- ARGV  4 group  5 entry id  6 utterance or ''  7 attempt, then by operation:
--   commit  8 event  9 transcript or ''  10 partial or ''   an utterance's result; it waits for its turn
--   late    8 event  9 transcript or ''                     the result of a replayed dead letter: its turn is over
--   append  8.. events                                      translations: all that are still to come of an utterance
--   bury    8 event or ''  9.. field, value, ...            a dead letter, and the word of it to the client
-- Returns 1 when this call took effect, 0 when someone else was first, 2 when further speech had overtaken the result.
local group, id, utterance, attempt = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

-- Of an entry's fields and values so many are kept of what is buried: ours has four, and Lua passes on 8,000 at most.
local MOST = 1000
-- Utterances of which it is remembered that their translations have come: as many as a gateway may wait for.
local REMEMBERED = 64

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

local function translated()
  redis.call('HDEL', session, 'translating:' .. utterance, 'translated:' .. utterance - REMEMBERED)
  redis.call('HSET', session, 'translated:' .. utterance, 1)
  keep_alive()
end

local entry = operation == 'bury' and redis.call('XRANGE', jobs, id, id)[1]
if redis.call('XACK', jobs, group, id) == 0 then return 0 end
redis.call('XDEL', jobs, id)

if operation == 'append' then
  for n = 8, #ARGV do say(ARGV[n]) end
  translated()
  return 1
end

if operation == 'late' then
  say(ARGV[8])
  if ARGV[9] ~= '' then translate(utterance, ARGV[9]) end
  keep_alive()
  return 1
end

if operation == 'bury' then
  if ARGV[8] ~= '' and attempt ~= '' and overtaken() then return 2 end
  local letter = {}
  for n = 1, math.min(entry and #entry[2] or 0, MOST) do letter[n] = entry[2][n] end
  for n = 9, #ARGV do letter[#letter + 1] = ARGV[n] end
  redis.call('XADD', dead, 'MAXLEN', '~', cap, '*', unpack(letter))
  if ARGV[8] == '' then return 1 end
  if attempt == '' then
    say(ARGV[8])
    translated()
    return 1
  end
end

if overtaken() then return 2 end
hold(ARGV[8], operation == 'commit' and ARGV[9] or '')
local open = not redis.call('HGET', session, 'closed:' .. utterance)
if open and operation == 'commit' and ARGV[10] ~= '' then
  redis.call('SPUBLISH', channel, '- ' .. ARGV[10])
end
release()
return 1
