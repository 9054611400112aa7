-- SPDX-License-Identifier: GPL-3.0-or-later
-- What wrk sends, by its first argument, and one line of numbers at the end:
-- requests a second, p50, p99 and p99.9 in milliseconds, requests that failed.
--   get | paced MS | put | paced-put MS | webdis | etcd | batch LINES

local bodies, at = {}, 0
local value = string.rep("v", 100)

local function base64(text)
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  return (text:gsub("..?.?", function(part)
    local a, b, c = part:byte(1, 3)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    local out = ""
    for shift = 3, 0, -1 do
      local index = math.floor(bits / 64 ^ shift) % 64
      out = out .. digits:sub(index + 1, index + 1)
    end
    return out:sub(1, #part + 1) .. string.rep("=", 3 - #part)
  end))
end

local function make(kind, i, lines)
  local key = string.format("key-%012d", i)
  if kind == "put" then
    return wrk.format("PUT", "/key/" .. key, nil, '{"value":"' .. value .. '"}')
  elseif kind == "webdis" then
    return wrk.format("PUT", "/SET/" .. key, nil, value)
  elseif kind == "etcd" then
    return wrk.format("POST", "/v3/kv/put", nil,
      '{"key":"' .. base64(key) .. '","value":"' .. base64(value) .. '"}')
  end
  local body = {}
  for line = 1, lines do
    body[line] = string.format('{"op":"put","key":"key-%012d","value":"%s"}', i * lines + line, value)
  end
  return wrk.format("POST", "/v1/batch", nil, table.concat(body, "\n") .. "\n")
end

function init(args)
  local kind = args[1]
  if kind == "paced" then
    local pause = tonumber(args[2])
    delay = function() return pause end
  elseif kind ~= "get" then
    if kind == "paced-put" then
      local pause = tonumber(args[2])
      delay = function() return pause end
      kind = "put"
    end
    if kind == "batch" then wrk.headers["Content-Type"] = "application/x-ndjson" end
    -- Made before the run, so that making them costs nothing in it.
    for i = 1, kind == "batch" and 50 or 10000 do
      bodies[i] = make(kind, i, tonumber(args[2]))
    end
    request = function()
      at = at % #bodies + 1
      return bodies[at]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("#%.1f %.3f %.3f %.3f %d\n",
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
