-- Stores an enrolled voice. Atomic, so that an owner never has more than the limit.
--
-- KEYS  1 index of the owner (sorted set: profile id, time of expiry in ms)   2 profile
-- ARGV  1 profile id   2 profile as JSON   3 lifetime, ms   4 limit of profiles
-- Returns 1, or 0 if the owner has as many profiles as allowed.
local index, profile = KEYS[1], KEYS[2]
local id, json, lifetime_ms, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local seconds, microseconds = unpack(redis.call('TIME'))
local now_ms = seconds * 1000 + math.floor(microseconds / 1000)

redis.call('ZREMRANGEBYSCORE', index, '-inf', now_ms)
local is_new = not redis.call('ZSCORE', index, id)
if is_new and redis.call('ZCARD', index) >= limit then return 0 end
redis.call('SET', profile, json, 'PX', lifetime_ms)
redis.call('ZADD', index, now_ms + lifetime_ms, id)
-- The index expires with its last profile.
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', index, math.max(1, tonumber(last[2]) - now_ms))
return 1
