-- Dead letters without their audio: field p holds the number of bytes instead. An entry may hold a megabyte of audio,
-- and a list needs only its length. Read-only.
--
-- KEYS  1 dead letters   ARGV  1 first id   2 last id   3 maximum number
-- Returns what XRANGE returns.
local dead_letters, first, last, count = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('XRANGE', dead_letters, first, last, 'COUNT', count)
for _, dead_letter in ipairs(found) do
  local fields = dead_letter[2]
  for n = 1, #fields, 2 do
    if fields[n] == 'p' then fields[n + 1] = tostring(#fields[n + 1]) end
  end
end
return found
