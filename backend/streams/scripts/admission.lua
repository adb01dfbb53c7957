-- Adds up the speech of all gateways, and admits another session if it fits. Times are by Redis's clock.
--
-- KEYS  1 speech   hash:   for each gateway 'speech:at', its seconds of speech per second, and when it wrote that (ms)
-- ARGV  1 gateway   2 its speech   3 speech of the session to admit, 0 for a report   4 limit of the sum, 0 for none
--       5.. gateway, speech, ...   other gateways by their heartbeats, for those that do not write the hash
-- Returns {1 if the session is admitted or there is none, else 0; speech of the other gateways}
local key, own_name, own, additional, limit = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- A gateway writes twice a second. One that has not written for this long is dead.
local STALE_MS = 10000
-- Below this sum, no session speaks. Another one is then admitted at any speed, because a slow first batch would
-- otherwise refuse all sessions, and there would never be a second batch.
local SILENCE = 0.05
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)

local elsewhere, known = 0, {}
local fields = redis.call('HGETALL', key)
for n = 1, #fields, 2 do
  local name, speech, at_ms = fields[n], string.match(fields[n + 1], '^(.+):(%d+)$')
  if now_ms - tonumber(at_ms) > STALE_MS then
    redis.call('HDEL', key, name)
  elseif name ~= own_name then
    elsewhere, known[name] = elsewhere + tonumber(speech), true
  end
end
for n = 5, #ARGV, 2 do
  if not known[ARGV[n]] then elsewhere = elsewhere + tonumber(ARGV[n + 1]) end
end

local sum = own + elsewhere
local fits = additional == 0 or limit == 0 or sum < SILENCE or sum + additional < limit
if fits then own = own + additional end
redis.call('HSET', key, own_name, string.format('%.3f:%d', own, now_ms))
redis.call('PEXPIRE', key, 6 * STALE_MS)
return { fits and 1 or 0, string.format('%.3f', elsewhere) }
