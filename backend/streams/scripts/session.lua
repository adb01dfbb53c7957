-- What a gateway writes about a session. Fenced: a gateway with an older epoch changes nothing.
--
-- KEYS, ARGV 1 to 4: see common.lua
-- ARGV  5 epoch (resume: the hash of the token)   6.. by operation:
--   open                   6.. field, value, ...
--                          a new session
--   resume                 6 last settled utterance   7 owner   8 caller
--                          another connection takes the session over; returns all fields of the session
--   update                 6.. field, value, ...
--                          sets fields and extends the TTL
--   submit                 6 utterance  7 attempt  8 '1' when early  9 end of the audio, ms  10 header  11 PCM
--                          adds a final job; returns the id of the entry
--   close_utterance        6 utterance  7 attempt  8 end of the audio, ms  9 entry id
--                          the endpoint is certain: the early attempt is the final
--   withdraw_early_final   6 utterance  7 attempt  8 entry id
--                          more speech followed: the early attempt is void
--   resubmit_transcript    6 utterance  7 transcript
--                          Redis lost the transcript before it was translated
--   restore                6 last settled utterance   7.. field, value, ...
--                          after Redis lost writes; returns all fields of the session
-- Returns 'ok', unless stated otherwise above
--         'taken_over'   another connection has resumed the session
--         'unknown'      Redis does not know the session, the token does not match, or the entry to close is lost
local epoch = ARGV[5]
local RESULT_FIELDS = { closed = true, event = true, transcript = true }

local function set_fields(first)
  if ARGV[first] then redis.call('HSET', session, unpack(ARGV, first)) end
  extend_ttl()
end

-- Continues after utterance `settled`, whose result the client has. It loops over the existing fields, not over the
-- numbers up to `settled`: a client chooses that number, and a long loop would block Redis.
local function skip_settled(settled)
  local next = tonumber(redis.call('HGET', session, 'next') or '1')
  for _, field in ipairs(redis.call('HKEYS', session)) do
    local kind, utterance = string.match(field, '^(%a+):(%d+)')
    if RESULT_FIELDS[kind] and tonumber(utterance) <= settled then redis.call('HDEL', session, field) end
  end
  redis.call('HSET', session, 'next', math.max(next, settled + 1))
  release_results()
end

if operation == 'open' then
  redis.call('HSET', session, 'epoch', epoch)
  set_fields(6)
  return 'ok'
end

if operation == 'resume' then
  local token, settled, owner, caller = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
  if redis.call('HGET', session, 'token') ~= token then return 'unknown' end
  -- Sessions of an older release have no caller.
  if (redis.call('HGET', session, 'caller') or caller) ~= caller then return 'unknown' end
  local new_epoch = redis.call('HINCRBY', session, 'epoch', 1)
  redis.call('HSET', session, 'owner', owner)
  -- The new gateway receives the audio of the open utterance again and submits attempts of its own.
  local open = redis.call('HGET', session, 'open')
  if open then redis.call('HDEL', session, 'open', 'event:' .. open, 'transcript:' .. open) end
  redis.call('SPUBLISH', channel, '! ' .. new_epoch)
  skip_settled(settled)
  return redis.call('HGETALL', session)
end

local held_epoch = tonumber(redis.call('HGET', session, 'epoch') or '-1')
if held_epoch > tonumber(epoch) then return 'taken_over' end

if operation == 'restore' then
  local settled = tonumber(ARGV[6])
  redis.call('HSET', session, 'epoch', epoch)
  for n = 7, #ARGV, 2 do
    local field, value = ARGV[n], ARGV[n + 1]
    -- If Redis still has `count` and `audio`, they match the jobs that it has. The gateway may be ahead of them, and
    -- only the jobs that it submits again may advance them.
    local keep_existing = field == 'count' or field == 'audio'
    redis.call(keep_existing and 'HSETNX' or 'HSET', session, field, value)
  end
  extend_ttl()
  skip_settled(settled)
  return redis.call('HGETALL', session)
end

-- A lower epoch means that a failover lost the resume that created this lease.
if held_epoch < tonumber(epoch) then return 'unknown' end

if operation == 'update' then
  set_fields(6)
elseif operation == 'submit' then
  local utterance, attempt, is_early, audio_ms, header, pcm = unpack(ARGV, 6, 11)
  if is_early == '1' then
    redis.call('HSET', session, 'open', utterance .. ':' .. attempt)
  else
    redis.call('HSET', session, 'closed:' .. utterance, attempt, 'count', utterance, 'audio', audio_ms)
    redis.call('HDEL', session, 'open')
  end
  return redis.call('XADD', jobs, '*', 'h', header, 'p', pcm)
elseif operation == 'close_utterance' then
  local utterance, attempt, audio_ms, entry_id = unpack(ARGV, 6, 9)
  local has_result = redis.call('HEXISTS', session, result_field('event', utterance, attempt)) == 1
  local is_in_stream = #redis.call('XRANGE', jobs, entry_id, entry_id) > 0
  if not has_result and not is_in_stream then return 'unknown' end
  redis.call('HSET', session, 'closed:' .. utterance, attempt, 'count', utterance, 'audio', audio_ms)
  redis.call('HDEL', session, 'open')
  release_results()
elseif operation == 'withdraw_early_final' then
  local utterance, attempt, entry_id = unpack(ARGV, 6, 8)
  redis.call('XDEL', jobs, entry_id)
  local result, transcript = result_field('event', utterance, attempt), result_field('transcript', utterance, attempt)
  redis.call('HDEL', session, 'open', result, transcript)
elseif operation == 'resubmit_transcript' then
  local utterance, transcript = ARGV[6], ARGV[7]
  submit_transcript(utterance, transcript)
end
return 'ok'
