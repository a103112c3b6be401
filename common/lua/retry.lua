-- sq_retry: a job that ended dead, failed, cancelled or expired runs again, as if it were new: at the tail of its list,
-- with fresh attempts, its expiry counted anew. While the entry of its first wait still stands in its list, it waits
-- there. Nobody is told of its end but who asks again.
-- KEYS  T
-- ARGV  id, live_max
-- reply {code, record}: 'k' queued; 'l' it is live, or has succeeded; 'F' the queue is full; '0' unknown (no record)
-- again 'l'

register('sq_retry', {'allow-oom'}, function(keys, argv)
	local T, id, live_max = keys[1], argv[1], tonumber(argv[2])
	if not live_max then
		return refuse('expected an id and live_max')
	end
	local c = changes(T, now())
	local rec = call('MGET', T .. ':j:' .. id)[1]
	local reply_at, envelope_at, outcome_at, state = layout(rec)
	if not reply_at then
		return {'0'}
	elseif not IS_FINAL[state] or state == 's' then
		return {'l', rec}
	elseif tonumber(call('HGET', T .. ':st', 'live') or 0) >= live_max then
		return {'F', rec}
	end
	revive(c, id, rec, reply_at, envelope_at, outcome_at)
	apply(c)
	return {'k', call('GET', T .. ':j:' .. id)}
end)
