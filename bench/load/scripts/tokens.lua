-- Another token with every request. Argument: a file with a token a line.
local requests, next = {}, 0
function init(arguments)
  local headers = {}
  for name, value in pairs(wrk.headers) do
    headers[name] = value
  end
  for token in io.lines(arguments[1]) do
    headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format(nil, nil, headers)
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
