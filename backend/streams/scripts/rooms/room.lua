-- A room: its owner, its log of captions, and links for readers.
--
-- KEYS  1 state    hash:    owner, until (Unix time, ms), started (when the first caption came, ms),
--                           hold (ms for which lines wait for a moderator), released (id of the last released entry)
--       2 log      stream:  final captions, field 'e'
--       3 links    hash:    links as JSON, by id
--       4 events   channel of captions
--       5 seen     string:  position in the log of one session, up to which its captions are in the room
--       6 corrected  hash:  captions that replace those of the log, by the ids of their entries
-- ARGV  1 operation   2 least time to keep the room, ms   then those of the operation
local state, log, links, events, seen, corrected = unpack(KEYS)
local operation, keep_ms = ARGV[1], tonumber(ARGV[2])
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)

-- All keys of the room expire together, so a new owner finds nothing of an earlier one.
local function extend()
  local kept_until = math.max(tonumber(redis.call('HGET', state, 'until') or '0'), now_ms + keep_ms)
  redis.call('HSET', state, 'until', string.format('%.0f', kept_until))
  for _, key in ipairs({state, log, links, corrected}) do
    redis.call('PEXPIRE', key, string.format('%.0f', kept_until - now_ms))
  end
end

local function is_after(cursor, other)
  local ms, count = string.match(cursor, '^(%d+)-(%d+)$')
  local other_ms, other_count = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms > other_ms or (ms == other_ms and tonumber(count) > tonumber(other_count))
end

-- The id of the last caption; nil if there is none.
local function last_logged()
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1]
end

local function release(cursor)
  if is_after(cursor, redis.call('HGET', state, 'released') or '0-0') then
    redis.call('HSET', state, 'released', cursor)
  end
end

local function owned_by(owner)
  return (redis.call('HGET', state, 'owner') or owner) == owner
end

-- ARGV  3 owner
-- Returns 1, or 0 if the room has another owner
if operation == 'claim' then
  if not owned_by(ARGV[3]) then return 0 end
  redis.call('HSET', state, 'owner', ARGV[3])
  extend()
  return 1
end

-- ARGV  3 owner   4 captions kept   then for each caption:
--       '' (speech in progress), '-' (final), or a final's position in the log of its session   and the caption
-- Returns 1, or 0 if the room has another owner
if operation == 'publish' then
  if not owned_by(ARGV[3]) then return 0 end
  redis.call('HSET', state, 'owner', ARGV[3])
  redis.call('HSETNX', state, 'started', string.format('%.0f', now_ms))
  local last = redis.call('GET', seen) or '0-0'
  for n = 5, #ARGV, 2 do
    local position, caption = ARGV[n], ARGV[n + 1]
    if position == '' then
      redis.call('SPUBLISH', events, '- ' .. caption)
    elseif position == '-' or is_after(position, last) then
      if position ~= '-' then last = position end
      local cursor = redis.call('XADD', log, 'MAXLEN', '~', ARGV[4], '*', 'e', caption)
      redis.call('SPUBLISH', events, cursor .. ' ' .. caption)
    end
  end
  -- As long as the captions: otherwise a session that resumes would publish them again.
  redis.call('SET', seen, last, 'PX', ARGV[2])
  extend()
  return 1
end

-- Returns the hold of the room: hold, ms   id of the last released entry   Unix time, ms
if operation == 'hold' then
  local hold = redis.call('HMGET', state, 'hold', 'released')
  return {hold[1] or '0', hold[2] or '0-0', string.format('%.0f', now_ms)}
end

-- ARGV  3 hold, ms. What readers have seen stays visible
if operation == 'set_hold' then
  local hold, last = tonumber(redis.call('HGET', state, 'hold') or '0'), last_logged()
  if hold == 0 and last then release(last) end
  -- One ms less: a caption that follows in this one is not visible yet.
  if tonumber(ARGV[3]) > hold then release(string.format('%.0f-0', now_ms - hold - 1)) end
  redis.call('HSET', state, 'hold', ARGV[3])
  extend()
  return 1
end

-- ARGV  3 id of an entry. Releases it and those before it
if operation == 'release' then
  local last = last_logged()
  if redis.call('EXISTS', state) == 0 or not last then return 1 end
  -- A position in the future would release lines that no moderator has seen.
  release(is_after(ARGV[3], last) and last or ARGV[3])
  extend()
  return 1
end

-- ARGV  3 captions kept   4 corrected captions kept   5 the correction   then for each caption that it changes:
--       the id of its entry, and the caption with the corrected text, or '' to remove it
if operation == 'correct' then
  for n = 6, #ARGV, 2 do
    redis.call('XDEL', log, ARGV[n])
    if ARGV[n + 1] == '' then
      redis.call('HDEL', corrected, ARGV[n])
    else
      redis.call('HSET', corrected, ARGV[n], ARGV[n + 1])
    end
  end
  local kept = redis.call('HKEYS', corrected)
  table.sort(kept, function(one, other) return is_after(other, one) end)
  for n = 1, #kept - tonumber(ARGV[4]) do redis.call('HDEL', corrected, kept[n]) end
  local cursor = redis.call('XADD', log, 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[5])
  redis.call('SPUBLISH', events, cursor .. ' ' .. ARGV[5])
  extend()
  return 1
end

-- ARGV  3 owner   4 id of the link   5 link as JSON   6 maximum
-- Returns 'ok', 'taken' if the room has another owner, 'full' if there are too many links that have not expired
if operation == 'add_link' then
  if not owned_by(ARGV[3]) then return 'taken' end
  local found, kept = redis.call('HGETALL', links), 0
  for n = 1, #found, 2 do
    if cjson.decode(found[n + 1]).expires * 1000 <= now_ms then
      redis.call('HDEL', links, found[n])
    else
      kept = kept + 1
    end
  end
  if kept >= tonumber(ARGV[6]) then return 'full' end
  redis.call('HSET', state, 'owner', ARGV[3])
  redis.call('HSET', links, ARGV[4], ARGV[5])
  extend()
  return 'ok'
end
