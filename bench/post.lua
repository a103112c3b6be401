-- SPDX-License-Identifier: GPL-3.0-or-later
-- wrk script: each request submits one job, its argument counts up.
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  n = n + 1
  return wrk.format(nil, nil, nil, '{"op":"square","args":[' .. n .. ']}')
end
