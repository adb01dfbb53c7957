-- Puts a dead letter back on its lane in one step, so that neither a crash nor a second operator doubles it.
--
-- KEYS  1 dead letters  2 lane  3 session
-- ARGV  1 entry id  2 utterance, '' unless it is audio that can be read  3 attempt
--       4 the header of a replayed job, '' to leave it as it was
-- Returns 1, or 0 when someone else has replayed or dropped it.
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return 0 end
local header = ARGV[4]

-- Where the utterance's turn has not come, its client has not been told of any error. That is taken back, and the job
-- goes as it first went: its result takes its turn.
local turn = redis.call('HGET', KEYS[3], 'next')
if turn and ARGV[2] ~= '' and tonumber(turn) <= tonumber(ARGV[2]) then
  local place = 'event:' .. ARGV[2] .. ':' .. ARGV[3]
  local held = redis.call('HGET', KEYS[3], place)
  if held and cjson.decode(held).type == 'error' then redis.call('HDEL', KEYS[3], place) end
  header = ''
end

local added = {reason = true, error = true, attempts = true, worker = true, time = true}
local entry = {}
for n = 1, #letter[2], 2 do
  local field, value = letter[2][n], letter[2][n + 1]
  if field == 'h' and header ~= '' then value = header end
  if not added[field] then
    entry[#entry + 1] = field
    entry[#entry + 1] = value
  end
end
redis.call('XADD', KEYS[2], '*', unpack(entry))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
