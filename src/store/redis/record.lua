-- What the scripts have in common; it is put in front of each of them.

local FORMAT = '1'

-- Microseconds by Redis' own clock, so that gateways whose clocks differ agree.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Lua's own conversion keeps 14 digits, and an instant has 16.
local function text(instant)
  return string.format('%.0f', instant)
end

-- Redis removes the key by itself, never later than the session ends.
local function expire_at(key, instant)
  redis.call('PEXPIREAT', key, text(math.floor(instant / 1000)))
end
