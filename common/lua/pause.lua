-- sq_pause: a paused queue accepts, and gives nothing out.
-- KEYS  T
-- ARGV  1 pause, 0 go on
-- reply 1 paused, 0 not
-- again the same

register('sq_pause', {'allow-oom'}, function(keys, argv)
	local T = keys[1]
	if argv[1] ~= '1' and argv[1] ~= '0' then
		return refuse('expected 1 or 0')
	end
	now()
	if argv[1] == '1' then
		call('HSET', T .. ':st', 'paused', '1')
		return 1
	end
	call('HDEL', T .. ':st', 'paused')
	local waiting = call('ZCARD', T .. ':d')
	for i = 1, 3 do
		waiting = waiting + call('LLEN', T .. LISTS[i].suffix)
	end
	push_markers(T, waiting)
	return 0
end)
