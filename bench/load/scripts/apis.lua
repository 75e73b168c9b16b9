-- Another API with every request, in an order that no cache of the last one helps with. Argument: how many there are.
local requests, next = {}, 0
function init(arguments)
  for i = 3, tonumber(arguments[1]) - 1 do
    requests[#requests + 1] = wrk.format(nil, "/api" .. i .. "/1.0.0/items/42")
  end
end
function request()
  next = (next + 7919) % #requests
  return requests[next + 1]
end
