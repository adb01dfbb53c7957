-- Stores a client secret unless its caller has too many. It is one step, so concurrent requests keep to the limit.
--
-- KEYS  1 secrets  hash:  for each secret 'expiry:hash', the session that it opens
-- ARGV  1 now, Unix time in seconds   2 the field of the new secret   3 its session   4 maximum   5 TTL of the key, s
-- Returns 1 if the secret was stored, 0 if there are too many that have not expired
local secrets, now, kept = KEYS[1], tonumber(ARGV[1]), 0
for _, field in ipairs(redis.call('HKEYS', secrets)) do
  if tonumber(string.match(field, '^%d+')) <= now then
    redis.call('HDEL', secrets, field)
  else
    kept = kept + 1
  end
end
if kept >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', secrets, ARGV[2], ARGV[3])
redis.call('EXPIRE', secrets, ARGV[5])
return 1
