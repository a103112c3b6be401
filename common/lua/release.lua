-- sq_release: a worker gives jobs back unharmed, started or not: to the head of their lists, in this order, no attempt
-- charged. A job whose cancel was asked is cancelled.
-- KEYS  T
-- ARGV  batch, ids...
-- reply per id 'k' given back, '-' not this batch's
-- again '-': it is not this batch's any more

register('sq_release', {'allow-oom'}, function(keys, argv)
	local T, batch, n = keys[1], argv[1], #argv - 1
	if n < 1 or n > ENQUEUE_MAX then
		return refuse('expected a batch and ids')
	end
	local c, ids, left, verdicts, done = changes(T, now()), {unpack(argv, 2)}, {}, {}, {}
	local marks, recs = call('HMGET', T .. ':b:' .. batch, unpack(ids)), call('MGET', unpack(job_keys(T, ids)))
	for i = 1, n do
		local id, mark, rec = ids[i], marks[i], recs[i]
		verdicts[i] = '-'
		if mark and not done[id] then
			local reply_at, _, outcome_at, state = layout(rec)
			left[#left + 1] = id
			c.run = c.run - 1
			if state ~= 'r' or record_batch(rec, reply_at) ~= batch then
				isolate(c, id, true)
			elseif sub(mark, -1) == '!' then
				finalise(c, id, rec, reply_at, outcome_at, 'c', sub(mark, 1, 1) == 's', 0, ERROR_CANCELLED)
				verdicts[i] = 'k'
			else
				give_back(c, id, rec, reply_at, outcome_at)
				verdicts[i] = 'k'
			end
			done[id] = true
		end
	end
	apply(c)
	leave_batch(T, batch, left)
	return concat(verdicts)
end)
