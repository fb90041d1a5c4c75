-- What wrk sends: a file of bodies in turn, every request under a key of its own. Arguments: bodies, headers, run.
local head, tails, run, sent = nil, {}, "", 0

function init(args)
  local lines = {}
  for line in io.lines(args[2]) do lines[#lines + 1] = line end
  run = args[3]
  head = "POST " .. wrk.path .. " HTTP/1.1\r\n" .. table.concat(lines, "\r\n") .. "\r\nIdempotency-Key: "
  for line in io.lines(args[1]) do
    tails[#tails + 1] = "\r\nContent-Length: " .. #line .. "\r\n\r\n" .. line
  end
end

function request()
  sent = sent + 1
  return head .. run .. sent .. tails[sent % #tails + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"p50_ms":%f,"p99_ms":%f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
