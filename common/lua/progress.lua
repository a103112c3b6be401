-- sq_progress: how far running jobs have come, for whoever reads them meanwhile. It stands where the outcome will, and
-- goes when the attempt ends. Nobody needs it: a full Redis may refuse it.
-- KEYS  T
-- ARGV  batch, then per job: id, JSON
-- reply per job 'k' written, '-' not this batch's
-- again the same

register('sq_progress', {}, function(keys, argv)
	local T, batch, n = keys[1], argv[1], (#argv - 1) / 2
	if n < 1 or n > BATCH_MAX or n ~= floor(n) then
		return refuse('expected a batch and per job id, JSON')
	end
	local ids, verdicts = {}, {}
	for i = 1, n do
		ids[i] = argv[2 * i]
		if #argv[2 * i + 1] > PROGRESS_MAX then
			return refuse('job ' .. i .. ': expected at most ' .. PROGRESS_MAX .. ' bytes of JSON')
		end
	end
	local names = job_keys(T, ids)
	local marks, recs = call('HMGET', T .. ':b:' .. batch, unpack(ids)), call('MGET', unpack(names))
	now()
	for i = 1, n do
		local reply_at, _, outcome_at, state = layout(recs[i])
		verdicts[i] = '-'
		if marks[i] and state == 'r' and record_batch(recs[i], reply_at) == batch then
			local json = argv[2 * i + 1]
			call('SET', names[i], sub(recs[i], 1, outcome_at - 1) .. pack('<I4', #json) .. json)
			verdicts[i] = 'k'
		end
	end
	return concat(verdicts)
end)
