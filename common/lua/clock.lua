-- The queue's only clock, in microseconds. Tests replace this file by a clock they can turn.
local function now()
	local t = call('TIME')
	return t[1] * 1000000 + t[2]
end
