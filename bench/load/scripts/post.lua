-- Every request is a POST of 1 KiB.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"item":"' .. string.rep("x", 1013) .. '"}'
