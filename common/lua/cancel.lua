-- sq_cancel: a waiting job is cancelled at once; a running one is marked, and its worker hears of it with the next
-- start, extend or finish, and by a hint, which it waits for while it runs jobs that take a while.
-- KEYS  T
-- ARGV  id
-- reply {code, record}: 'c' cancelled now, 'a' asked, 'd' done already, '0' unknown (no record then)
-- again 'a', or 'd' with the record that says cancelled

-- The hint: "BATCH ID" for the boot of the instance that has the batch, INSTANCE.BOOT.COUNT.
local function hint(T, batch, id)
	local owner = string.match(batch, '^(.+)%.[^.]*$')
	if owner then
		local key = T .. ':k:' .. owner
		if push_hint('RPUSH', key, {batch .. ' ' .. id}) > HINTS_MAX then
			call('LTRIM', key, -HINTS_MAX, -1)
		end
		call('EXPIRE', key, HINT_TTL_S)
	end
end

-- Running: the mark and the record's flag. A running job without a mark belongs to nobody (part of the data was lost):
-- nobody would ever end it, so it ends here.
local function ask(T, c, id, rec, reply_at, outcome_at)
	local batch = record_batch(rec, reply_at)
	local key = T .. ':b:' .. batch
	local mark = call('HGET', key, id)
	if not mark then
		c.run = -1
		finalise(c, id, rec, reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
		return 'c'
	end
	if sub(mark, -1) ~= '!' then
		call('HSET', key, id, mark .. '!')
		call('SETRANGE', T .. ':j:' .. id, 4, char(floor(byte(rec, 5) / 4) * 4 + byte(rec, 5) % 2 + 2))
	end
	hint(T, batch, id)
	return 'a'
end

register('sq_cancel', {'allow-oom'}, function(keys, argv)
	local T, id = keys[1], argv[1]
	if not id then
		return refuse('expected an id')
	end
	local c, code = changes(T, now()), 'c'
	local rec = call('GET', T .. ':j:' .. id)
	local reply_at, _, outcome_at, state = layout(rec)
	if not reply_at then
		return {'0'}
	elseif IS_FINAL[state] then
		return {'d', rec}
	elseif state == 'r' then
		code = ask(T, c, id, rec, reply_at, outcome_at)
	elseif state == 'd' then
		call('ZREM', T .. ':d', id)
		finalise(c, id, rec, reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
	else
		finalise(c, id, record_tombstone(rec), reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
	end
	if state ~= 'r' and record_expires_at(rec) > 0 then
		add(c, 'unexpire', id)
	end
	apply(c)
	return {code, call('GET', T .. ':j:' .. id)}
end)
