-- sq_finish: outcomes of jobs of a batch, stored once. The mark in the batch is the fence: without it the batch was
-- reaped, or the job was finished before.
-- KEYS  T
-- ARGV  batch, then per job: id, kind (s succeeded, f failed, c cancelled), run_us, JSON
-- reply per job 'k' stored, 'm' stored earlier by this batch, '-' fenced or unknown
-- again 'm'

local KINDS = {s = true, f = true, c = true}

local function is_mine(rec, batch)
	local reply, _, _, state = layout(rec)
	return reply and IS_FINAL[state] and record_batch(rec, reply) == batch
end

register('sq_finish', {'allow-oom'}, function(keys, argv)
	local T, batch, n = keys[1], argv[1], (#argv - 1) / 4
	local ids, names, left, verdicts = {}, {}, {}, {}
	if n < 1 or n > ENQUEUE_MAX or n ~= floor(n) then
		return refuse('expected a batch and per job id, kind, run_us, JSON')
	end
	for i = 1, n do
		local id, kind = argv[4 * i - 2], argv[4 * i - 1]
		if not KINDS[kind] or not duration(argv[4 * i]) then
			return refuse('job ' .. i .. ': expected id, kind s, f or c, run_us, JSON')
		end
		ids[i], names[i] = id, T .. ':j:' .. id
	end
	local c = changes(T, now())
	local marks, recs, done = call('HMGET', T .. ':b:' .. batch, unpack(ids)), call('MGET', unpack(names)), {}
	for i = 1, n do
		local id, mark, rec, kind = ids[i], marks[i], recs[i], argv[4 * i - 1]
		if done[id] then
			verdicts[i] = done[id]
		elseif not mark then
			verdicts[i] = is_mine(rec, batch) and 'm' or '-'
		else
			local reply_at, _, outcome_at, state = layout(rec)
			left[#left + 1] = id
			local run_us = tonumber(argv[4 * i])
			c.run, c.us = c.run - 1, (c.us or 0) + run_us
			if state == 'r' and record_batch(rec, reply_at) == batch then
				local ran = kind ~= 'c' or sub(mark, 1, 1) == 's'
				finalise(c, id, rec, reply_at, outcome_at, kind, ran, run_us, argv[4 * i + 1])
				verdicts[i], done[id] = 'k', 'm'
			else
				isolate(c, id, true)
				verdicts[i], done[id] = '-', '-'
			end
		end
	end
	apply(c)
	leave_batch(T, batch, left)
	return concat(verdicts)
end)
