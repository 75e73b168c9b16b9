-- Lines "TOKEN PATH" of a file, a random one for each request; ends with one line of JSON.
local requests = {}

function init(args)
   for line in io.lines(args[1]) do
      local token, path = line:match("(%S+) (%S+)")
      requests[#requests + 1] = wrk.format("GET", path, { Authorization = "Bearer " .. token, Host = "localhost" })
   end
   math.randomseed(7)
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency, _)
   local e = summary.errors
   io.write(string.format('{"requests": %d, "bad": %d, "p50": %.3f, "p99": %.3f}\n',
      summary.requests, e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
