-- sq_reap: every worker's tick. Batches whose lease ran out are taken apart (claimed jobs back to the head of their
-- lists, started ones to their next attempt or dead, cancel-asked ones cancelled), overdue jobs expire, due jobs move,
-- old entries go. A job that was only presumed to have started may not have run: it goes back uncharged, once, as a
-- suspect, whose next start is told exactly; should its worker die again, it was the job's doing or its bad luck, and
-- is charged. Leases are judged by Redis TIME; when that has jumped, or nobody has reaped for a while (Redis was
-- down, the machine asleep), the workers could not extend, and all leases begin anew instead, those that have not run
-- out yet too: their owners may find their way back later than the one who asks now.
-- KEYS  T
-- ARGV  lease_us, instance, boot, bound
--       instance, boot: batches of this instance from another boot are taken apart at once; '' for none
--       bound: jobs of each kind that one call handles
-- reply {now, next_due_us | 0, requeued, retried, died, cancelled, expired, promoted, rearmed, isolated, leases, more 0/1,
--       waiting}: the jobs that could be claimed now, should their wake-up marker have been lost

local function rearm(T, from, to, deadline)
	local key, n = T .. ':lease', 0
	repeat
		local batches = call('ZRANGE', key, from, to, 'BYSCORE', 'LIMIT', 0, 1000)
		local leases = {}
		for i = 1, #batches do
			leases[2 * i - 1], leases[2 * i] = deadline, batches[i]
		end
		if #batches > 0 then
			call('ZADD', key, unpack(leases))
		end
		n = n + #batches
	until #batches < 1000
	return n
end

-- Batches to take apart, the oldest first: those of earlier boots of the caller's instance, and those past their lease.
local function lost_batches(T, at, instance, boot, bound)
	local lost, known = {}, {}
	local before = instance .. '.'
	for _, batch in ipairs(instance ~= '' and call('ZRANGE', T .. ':lease', 0, -1) or {}) do
		local its_boot = sub(batch, 1, #before) == before and string.match(batch, '^([^.]*)%.[^.]*$', #before + 1)
		if its_boot and its_boot ~= boot then
			lost[#lost + 1], known[batch] = batch, true
		end
	end
	for _, batch in ipairs(call('ZRANGE', T .. ':lease', '-inf', at, 'BYSCORE', 'LIMIT', 0, bound + 1)) do
		if not known[batch] then
			lost[#lost + 1] = batch
		end
	end
	return lost
end

local function reap_job(c, batch, id, mark, rec)
	local reply_at, _, outcome_at, state = layout(rec)
	local first = sub(mark, 1, 1)
	local started = first == 's' or first == 'p' and record_is_suspect(rec or '')
	c.run = c.run - 1
	if state ~= 'r' or record_batch(rec, reply_at) ~= batch then
		isolate(c, id, true)
		count(c, 'isolated')
	elseif sub(mark, -1) == '!' then
		finalise(c, id, rec, reply_at, outcome_at, 'c', first == 's', 0, ERROR_CANCELLED)
		count(c, 'cancelled')
	elseif not started then
		give_back(c, id, first == 'p' and record_suspected(rec) or rec, reply_at, outcome_at)
		count(c, 'requeued')
	else
		count(c, retry(c, id, rec, reply_at, outcome_at, 0, ERROR_LOST, 'l') == 'd' and 'retried' or 'died')
	end
end

-- True when the bound was reached before the last batch.
local function reap_batches(c, batches, bound)
	local T, jobs = c.T, 0
	for i = 1, #batches do
		if jobs >= bound then
			return true
		end
		local batch = batches[i]
		local key, ids, marks = T .. ':b:' .. batch, {}, {}
		local all = redis.pcall('HGETALL', key)
		for k = 1, all.err and 0 or #all, 2 do
			ids[#ids + 1], marks[#marks + 1] = all[k], all[k + 1]
		end
		if #ids > 0 then
			local recs = call('MGET', unpack(job_keys(T, ids)))
			for k = 1, #ids do
				reap_job(c, batch, ids[k], marks[k], recs[k])
			end
			call('DEL', key)
		end
		call('ZREM', T .. ':lease', batch)
		jobs = jobs + #ids
	end
	return false
end

-- Jobs that nobody started in time, queued or delayed. The entry of a queued one stays in its list as a tombstone.
local function expire(T, at, bound)
	local c = changes(T, at)
	local ids = call('ZRANGE', T .. ':x', '-inf', at, 'BYSCORE', 'LIMIT', 0, bound)
	if #ids == 0 then
		return 0, false
	end
	local recs, delayed = call('MGET', unpack(job_keys(T, ids))), {}
	for i = 1, #ids do
		local id, rec = ids[i], recs[i]
		local reply_at, _, outcome_at, state = layout(rec)
		add(c, 'unexpire', id)
		if state == 'd' then
			delayed[#delayed + 1] = id
			finalise(c, id, rec, reply_at, outcome_at, 'e', false, 0, ERROR_EXPIRED)
		elseif state == 'q' then
			finalise(c, id, record_tombstone(rec), reply_at, outcome_at, 'e', false, 0, ERROR_EXPIRED)
		end
	end
	if #delayed > 0 then
		call('ZREM', T .. ':d', unpack(delayed))
	end
	apply(c)
	return c['n:e'] or 0, #ids == bound
end

-- Drops tombstones from the heads of the lists, which nobody else does while the queue is paused.
local function sweep(T, at, bound)
	local c, isolated = changes(T, at), 0
	for i = 1, 3 do
		local list = T .. LISTS[i].suffix
		for _ = 1, bound do
			local id = call('LINDEX', list, 0)
			local rec = id and call('MGET', T .. ':j:' .. id)[1]
			local _, _, _, state = layout(rec)
			if not id or state == 'q' then
				break
			end
			call('LPOP', list)
			if bury(c, id, rec) then
				isolated = isolated + 1
			end
		end
	end
	apply(c)
	return isolated
end

-- Leases after a jump of the clock. Returns how many began anew.
local function mend_leases(T, at, lease_us)
	local last, anew = tonumber(call('GET', T .. ':clk') or 0), at + lease_us
	local rearmed = 0
	if at < last or at - last > CLOCK_GAP_US then
		rearmed = rearm(T, '-inf', '(' .. format('%.0f', anew), anew)
	end
	call('SET', T .. ':clk', format('%.0f', at))
	return rearmed + rearm(T, format('%.0f', anew + 1000000), '+inf', anew)
end

-- Jobs that a claim would get now: not those that follow another one.
local function waiting(T)
	local st = call('HMGET', T .. ':st', 'live', 'run', 'paused')
	if st[3] == '1' then
		return 0
	end
	return max(0, tonumber(st[1] or 0) - tonumber(st[2] or 0) - call('ZCARD', T .. ':d')
		- call('ZCARD', T .. ':joined'))
end

register('sq_reap', {'allow-oom'}, function(keys, argv)
	local T, lease_us, instance, boot, bound = keys[1], tonumber(argv[1]), argv[2], argv[3], tonumber(argv[4])
	if not lease_us or lease_us < 1 or not instance or not boot or not bound or bound < 1 or bound > ENQUEUE_MAX then
		return refuse('expected a lease, an instance, its boot and a bound of 1 to ' .. ENQUEUE_MAX)
	end
	local at = now()
	local rearmed = mend_leases(T, at, lease_us)
	local c = changes(T, at)
	local more = reap_batches(c, lost_batches(T, at, instance, boot, bound), bound)
	apply(c)
	local expired, more_expired = expire(T, at, bound)
	local due, promoted, isolated = promote(T, at, bound)
	isolated = isolated + sweep(T, at, bound) + (c.isolated or 0)
	redis.pcall('ZREMRANGEBYSCORE', T .. ':dead', '-inf', at - DEAD_TTL_S * 1000000)
	redis.pcall('ZREMRANGEBYRANK', T .. ':dead', 0, -DEAD_MAX - 1)
	local n, enqueued, ended = read_counters(T)
	sample(T, at, enqueued, ended, n[3])
	more = more or more_expired or promoted >= bound
	return {at, due, c.requeued or 0, c.retried or 0, c.died or 0, c.cancelled or 0, expired, promoted, rearmed,
		isolated, call('ZCARD', T .. ':lease'), more and 1 or 0, waiting(T)}
end)
