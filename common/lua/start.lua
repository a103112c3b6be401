-- sq_start: jobs are about to run. A cancel that was asked meanwhile stays and is answered.
-- KEYS  T
-- ARGV  batch, show 0/1, ids...
--       show 1: they run as soon as the answer is there: the attempt counts from here, and started_at is written where
--       readers see it; 0: one after the other, the worker does not wait for the answer: they are presumed to have
--       started, as with a claim that starts them
-- reply {now, verdicts}: per id 's' started, 'c' cancel was asked, '-' not this batch's
-- again 's'; a started_at that stands is kept

-- Writes started_at in place; a record that is not what it should be is left for the finish or the reaper.
local function show_started(T, at, ids)
	local names = job_keys(T, ids)
	local recs = call('MGET', unpack(names))
	for i = 1, #ids do
		local reply, _, _, state = layout(recs[i])
		if reply and state == 'r' and sub(recs[i], 39, 46) == ZERO8 then
			call('SETRANGE', names[i], 38, pack('<i8', at))
		end
	end
end

register('sq_start', {'allow-oom'}, function(keys, argv)
	local T, batch, show, n = keys[1], argv[1], argv[2] == '1', #argv - 2
	if n < 1 or n > BATCH_MAX then
		return refuse('expected a batch, show and 1 to 64 ids')
	end
	local at = now()
	local key, marks, ids, verdicts = T .. ':b:' .. batch, {}, {}, {}
	local have = call('HMGET', key, unpack(argv, 3))
	for i = 1, n do
		local mark, id = have[i], argv[i + 2]
		if not mark then
			verdicts[i] = '-'
		elseif sub(mark, -1) == '!' then
			verdicts[i] = 'c'
		else
			verdicts[i] = 's'
			ids[#ids + 1] = id
			marks[#marks + 1] = id
			marks[#marks + 1] = (show or mark == 's') and 's' or 'p'
		end
	end
	if #ids > 0 then
		call('HSET', key, unpack(marks))
		if show then
			show_started(T, at, ids)
		end
	end
	return {at, concat(verdicts)}
end)
