-- Shared first part of commit.lua and session.lua. Python puts it in front of each of them (scripts/__init__.py).
--
-- Atomicity: Redis runs no other command while a script runs, so an operation takes effect completely or not at all.
-- All keys carry the shard's hash tag, so they are in one cluster slot.
--
-- KEYS  1 jobs           stream of the jobs of the group, live or of recordings: audio, or transcripts
--       2 transcripts    stream of transcripts to translate
--       3 session        hash, see below
--       4 log            stream of the session's durable events
--       5 dead_letters   stream of the group's dead letters
--       6 channel        sharded pub/sub channel of the session
--       7 recordings     stream of transcripts of recordings to translate
-- ARGV  1 operation   2 TTL of the session, s   3 events kept in the log   4 dead letters kept   5.. see each script
--
-- Fields of the session hash, for utterance n and attempt a:
--   epoch, owner, token, caller, start, correlation   the lease and the client's request
--   next                        the utterance whose result is released next
--   count, audio                the last closed utterance, and the end of the audio that is safe (ms)
--   speakers                    the speakers as the gateway labels them, with descriptions of their voices; optional
--   sharing                     as JSON, optional: the room, its beginning in the log, the languages of the client
--   open                        "n:a": an early final whose endpoint is not certain yet
--   closed:n                    the attempt that is the final of utterance n
--   event:n:a, transcript:n:a   a result that waits for its release
--   translating:n               JSON array of the languages whose translations are still missing
--   translated:n                all translations were logged; kept for the last utterances, because a gateway that
--                               missed the event asks for it
local jobs, transcripts, session, log, dead_letters, channel, recordings = unpack(KEYS)
local operation, session_ttl_s, log_cap, dead_letter_cap = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- Field of the stored result, or of its transcript, of one attempt.
local function result_field(kind, utterance, attempt)
  return kind .. ':' .. utterance .. ':' .. attempt
end

local function log_event(event)
  local cursor = redis.call('XADD', log, 'MAXLEN', '~', log_cap, '*', 'e', event)
  redis.call('SPUBLISH', channel, cursor .. ' ' .. event)
end

local function extend_ttl()
  redis.call('EXPIRE', session, session_ttl_s)
  redis.call('EXPIRE', log, session_ttl_s)
end

local function submit_transcript(utterance, transcript)
  local job = cjson.decode(transcript)
  redis.call('XADD', job.priority == 'recording' and recordings or transcripts, '*', 'h', transcript)
  redis.call('HSET', session, 'translating:' .. utterance, cjson.encode(job.translate_to))
end

-- Releases results in the order of the utterances. A result waits until its utterance is closed (its endpoint is
-- certain) and all earlier results are released.
local function release_results()
  local utterance = tonumber(redis.call('HGET', session, 'next') or '1')
  while true do
    local closed = 'closed:' .. utterance
    local attempt = redis.call('HGET', session, closed)
    if not attempt then break end
    local event_field = result_field('event', utterance, attempt)
    local event = redis.call('HGET', session, event_field)
    if not event then break end
    log_event(event)
    local transcript_field = result_field('transcript', utterance, attempt)
    local transcript = redis.call('HGET', session, transcript_field)
    if transcript then submit_transcript(utterance, transcript) end
    redis.call('HDEL', session, closed, event_field, transcript_field)
    utterance = utterance + 1
  end
  redis.call('HSET', session, 'next', utterance)
  extend_ttl()
end
