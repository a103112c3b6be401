-- sq_look: which of some shards have anything to do, for who serves many quiet ones: one call for all that a node has.
-- KEYS  none: the tags may be of several slots
-- ARGV  tags...
-- reply one character a tag, in order: 'w' jobs are waiting to be claimed, 'l' something is alive but not that, '-' nothing
--       is, '?' this node does not serve it (any more)
-- again the same

-- 1 or 0; nil when the shard is not here.
local function any(...)
	local n = redis.pcall('EXISTS', ...)
	return type(n) == 'number' and min(n, 1) or nil
end

local function look(T)
	local waiting = any(T .. ':w:high', T .. ':w:normal', T .. ':w:low')
	if not waiting then
		return '?'
	elseif waiting == 1 and redis.pcall('HGET', T .. ':st', 'paused') ~= '1' then
		return 'w'
	end
	return (waiting == 1 or any(T .. ':lease', T .. ':d') == 1) and 'l' or '-'
end

register('sq_look', {'no-writes', 'allow-cross-slot-keys'}, function(_, argv)
	if #argv < 1 or #argv > TAGS_MAX then
		return refuse('expected 1 to ' .. TAGS_MAX .. ' tags')
	end
	local seen = {}
	for i = 1, #argv do
		seen[i] = look(argv[i])
	end
	return concat(seen)
end)
