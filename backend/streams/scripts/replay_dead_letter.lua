-- Moves a dead letter back to its stream. Atomic, so neither a crash nor a second operator duplicates it.
--
-- KEYS  1 dead letters   2 stream of final jobs   3 session
-- ARGV  1 id of the dead letter   2 utterance, '' unless it is readable audio   3 attempt
--       4 header of the replayed job, '' to keep the original   5.. names of the fields that describe the failure
-- Returns 'replayed'
--         'gone'       it was replayed or dropped already
local dead_letters, jobs, session = unpack(KEYS)
local id, utterance, attempt, header = unpack(ARGV, 1, 4)
local dead_letter = redis.call('XRANGE', dead_letters, id, id)[1]
if not dead_letter then return 'gone' end

-- If the result of the utterance is not released yet, the client has not received the error. Withdraw the error and
-- submit the original job: its result is then released in order. Otherwise the result follows the error, out of order.
local next = redis.call('HGET', session, 'next')
if next and utterance ~= '' and tonumber(next) <= tonumber(utterance) then
  local event_field = 'event:' .. utterance .. ':' .. attempt
  local event = redis.call('HGET', session, event_field)
  if event and cjson.decode(event).type == 'error' then redis.call('HDEL', session, event_field) end
  header = ''
end

local is_failure_field = {}
for n = 5, #ARGV do is_failure_field[ARGV[n]] = true end
local entry = {}
for n = 1, #dead_letter[2], 2 do
  local field, value = dead_letter[2][n], dead_letter[2][n + 1]
  if field == 'h' and header ~= '' then value = header end
  if not is_failure_field[field] then
    entry[#entry + 1] = field
    entry[#entry + 1] = value
  end
end
redis.call('XADD', jobs, '*', unpack(entry))
redis.call('XDEL', dead_letters, id)
return 'replayed'
