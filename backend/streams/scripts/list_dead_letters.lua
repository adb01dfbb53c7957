-- Dead letters without their audio: field p says how many bytes of it there are.
--
-- KEYS  1 dead letters      ARGV  1 first id  2 last id  3 how many at most
-- Returns what XRANGE returns.
local letters = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
for _, letter in ipairs(letters) do
  local fields = letter[2]
  for n = 1, #fields, 2 do
    if fields[n] == 'p' then fields[n + 1] = tostring(#fields[n + 1]) end
  end
end
return letters
