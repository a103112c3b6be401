-- sq_redrive: dead jobs run again like sq_retry's, the oldest first.
-- KEYS  T
-- ARGV  max (1..512), live_max
-- reply {moved, more 0/1, full 0/1}: more when dead ones are left; full when that is because the queue is
-- again the next ones

-- The jobs to revive among the first max of the dead, whose records have no more than so many bytes. Entries that name
-- no dead job any more are collected in stale.
local function read_dead(c, limit, room, stale)
	local T, moved, bytes = c.T, 0, 0
	for _, id in ipairs(redis.pcall('ZRANGE', T .. ':dead', 0, limit - 1)) do
		local key = T .. ':j:' .. id
		local size = redis.pcall('STRLEN', key)
		local rec = type(size) == 'number' and size > 0 and call('GETRANGE', key, 2, 2) == 'x'
		if rec and (moved >= room or moved > 0 and bytes + size > REDRIVE_BYTES) then
			return moved, moved >= room
		end
		rec = rec and call('GET', key)
		local reply_at, envelope_at, outcome_at, state = layout(rec)
		if state == 'x' then
			revive(c, id, rec, reply_at, envelope_at, outcome_at)
			moved, bytes = moved + 1, bytes + size
		else
			stale[#stale + 1] = id
		end
	end
	return moved, false
end

register('sq_redrive', {'allow-oom'}, function(keys, argv)
	local T, limit, live_max = keys[1], tonumber(argv[1]), tonumber(argv[2])
	if not limit or limit < 1 or limit > REDRIVE_MAX or not live_max then
		return refuse('expected 1 to ' .. REDRIVE_MAX .. ' jobs and live_max')
	end
	local c, stale = changes(T, now()), {}
	local room = live_max - tonumber(call('HGET', T .. ':st', 'live') or 0)
	local moved, full = read_dead(c, limit, room, stale)
	if moved > 0 then
		apply(c)
	end
	if stale[1] then
		call('ZREM', T .. ':dead', unpack(stale))
	end
	local left = redis.pcall('ZCARD', T .. ':dead')
	return {moved, type(left) == 'number' and left > 0 and 1 or 0, full and 1 or 0}
end)
