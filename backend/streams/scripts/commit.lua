-- Acknowledges an entry and stores its result. The first acknowledgement wins: a second worker with the same entry
-- changes nothing.
--
-- KEYS, ARGV 1 to 4: see common.lua
-- ARGV  5 group   6 entry id   7 utterance, or ''   8 attempt, '' for a transcript   9.. by operation:
--   commit                9 event   10 transcript, or ''   11 partial, or ''
--                         the final of an utterance, which is released in order
--   commit_late           9 event   10 transcript, or ''
--                         the final of a replayed dead letter, whose error was released before
--   commit_translations   9.. events
--                         all missing translations of an utterance
--   dead_letter           9 event, or ''   10.. field, value, ... that are added to the fields of the entry
--                         no worker can process the entry. The event is the error for the client
-- Returns 'committed'
--         'already_acknowledged'   another worker was first
--         'superseded'             more speech followed, and a later attempt replaces this one
local group, entry_id, utterance, attempt = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

-- Fields and values that are copied to a dead letter. Our entries have four. A foreign entry may have any number, and
-- Lua's unpack fails at about 8,000.
local MAX_COPIED = 1000
-- Utterances for which `translated:n` is kept. A gateway waits for at most this many.
local TRANSLATED_KEPT = 64

local function is_superseded()
  local final_attempt = redis.call('HGET', session, 'closed:' .. utterance)
  if final_attempt then return final_attempt ~= attempt end
  return redis.call('HGET', session, 'open') ~= utterance .. ':' .. attempt
end

local function store_result(event, transcript)
  redis.call('HSET', session, result_field('event', utterance, attempt), event)
  if transcript ~= '' then
    redis.call('HSET', session, result_field('transcript', utterance, attempt), transcript)
  end
end

local function mark_translated()
  redis.call('HDEL', session, 'translating:' .. utterance, 'translated:' .. utterance - TRANSLATED_KEPT)
  redis.call('HSET', session, 'translated:' .. utterance, 1)
  extend_ttl()
end

local function add_dead_letter(entry)
  local dead_letter = {}
  for n = 1, math.min(entry and #entry[2] or 0, MAX_COPIED) do dead_letter[n] = entry[2][n] end
  for n = 10, #ARGV do dead_letter[#dead_letter + 1] = ARGV[n] end
  redis.call('XADD', dead_letters, 'MAXLEN', '~', dead_letter_cap, '*', unpack(dead_letter))
end

-- The entry must be read before it is deleted.
local entry = operation == 'dead_letter' and redis.call('XRANGE', jobs, entry_id, entry_id)[1]
if redis.call('XACK', jobs, group, entry_id) == 0 then return 'already_acknowledged' end
redis.call('XDEL', jobs, entry_id)

if operation == 'commit' then
  local event, transcript, partial = ARGV[9], ARGV[10], ARGV[11]
  if is_superseded() then return 'superseded' end
  store_result(event, transcript)
  -- While the endpoint is uncertain, the client sees the early result as a partial.
  local is_open = not redis.call('HGET', session, 'closed:' .. utterance)
  if is_open and partial ~= '' then redis.call('SPUBLISH', channel, '- ' .. partial) end
  release_results()
elseif operation == 'commit_late' then
  local event, transcript = ARGV[9], ARGV[10]
  log_event(event)
  if transcript ~= '' then submit_transcript(utterance, transcript) end
  extend_ttl()
elseif operation == 'commit_translations' then
  for n = 9, #ARGV do log_event(ARGV[n]) end
  mark_translated()
elseif operation == 'dead_letter' then
  local event = ARGV[9]
  local is_audio = attempt ~= ''
  if event ~= '' and is_audio and is_superseded() then return 'superseded' end
  add_dead_letter(entry)
  if event ~= '' and is_audio then
    -- The error takes the place of the final, so later results are not blocked.
    store_result(event, '')
    release_results()
  elseif event ~= '' then
    log_event(event)
    mark_translated()
  end
end
return 'committed'
