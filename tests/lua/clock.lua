-- The queue's clock in tests: the number that stands at {jq:vclock}, in microseconds.
local function now()
	return tonumber(call('GET', '{jq:vclock}'))
end
