-- sq_fail: attempts that ended in a way that may pass: another one after a pause, or dead when there is none left.
-- A job whose cancel was asked is cancelled instead.
-- KEYS  T
-- ARGV  batch, then per job: id, kind (r worth another attempt; w it took its process with it, worth one more),
--       run_us, error JSON
-- reply per job 'd' will be retried, 'x' dead, 'k' cancelled, 'm' ended earlier by this batch, '-' fenced or unknown
-- again 'd' as long as no other batch took the job, 'm' when it has ended

-- The answer to a second call; the record remembers which batch had it last.
local function failed_before(rec, batch)
	local reply, _, _, state = layout(rec)
	if not reply or record_batch(rec, reply) ~= batch then
		return '-'
	elseif IS_FINAL[state] then
		return 'm'
	end
	return (state == 'd' or state == 'q') and 'd' or '-'
end

local FAIL_KINDS = {r = true, w = true}

register('sq_fail', {'allow-oom'}, function(keys, argv)
	local T, batch, n = keys[1], argv[1], (#argv - 1) / 4
	local ids, left, verdicts, done = {}, {}, {}, {}
	if n < 1 or n > ENQUEUE_MAX or n ~= floor(n) then
		return refuse('expected a batch and per job id, kind, run_us, JSON')
	end
	for i = 1, n do
		ids[i] = argv[4 * i - 2]
		if not FAIL_KINDS[argv[4 * i - 1]] or not duration(argv[4 * i]) then
			return refuse('job ' .. i .. ': expected id, kind r or w, run_us, JSON')
		end
	end
	local c = changes(T, now())
	local marks, recs = call('HMGET', T .. ':b:' .. batch, unpack(ids)), call('MGET', unpack(job_keys(T, ids)))
	for i = 1, n do
		local id, mark, rec, run_us, json = ids[i], marks[i], recs[i], tonumber(argv[4 * i]), argv[4 * i + 1]
		if done[id] then
			verdicts[i] = done[id]
		elseif not mark then
			verdicts[i] = failed_before(rec, batch)
		else
			local reply_at, _, outcome_at, state = layout(rec)
			left[#left + 1] = id
			c.run, c.us = c.run - 1, (c.us or 0) + run_us
			if state ~= 'r' or record_batch(rec, reply_at) ~= batch then
				isolate(c, id, true)
				verdicts[i] = '-'
			elseif sub(mark, -1) == '!' then
				finalise(c, id, rec, reply_at, outcome_at, 'c', sub(mark, 1, 1) ~= 'c', run_us, ERROR_CANCELLED)
				verdicts[i] = 'k'
			else
				verdicts[i] = retry(c, id, rec, reply_at, outcome_at, run_us, json, argv[4 * i - 1])
			end
			done[id] = (verdicts[i] == 'k' or verdicts[i] == 'x') and 'm' or verdicts[i]
		end
	end
	apply(c)
	leave_batch(T, batch, left)
	return concat(verdicts)
end)
