-- sq_claim: up to max waiting jobs become running under a batch. Due delayed jobs are moved first; overdue jobs expire
-- on the way; a paused queue gives none.
-- KEYS  T
-- ARGV  batch, max (1..64), lease_us, start 0/1/2 (may be left out: 0)
--       start: the jobs are presumed to have started from here, for a worker that expects nothing but short ones. Which
--       of them ran when it dies, nobody can tell: none is charged, all become suspects (reap.lua). With 2 the worker
--       sees who is one (the record's flag), and starts it by a call of its own, alone
-- reply {now, next_due_us | 0, more 0/1, paused 0/1, id1, record1, ...}
-- again the batch exists: its unfinished jobs, the lease begins anew

-- Takes popped ids under the batch, as far as they are waiting jobs still. seen guards against an id that stands twice.
local function take(c, under, ids, seen, reply)
	local names = job_keys(c.T, ids)
	local recs = call('MGET', unpack(names))
	for i = 1, #ids do
		local id, rec = ids[i], recs[i]
		local reply_at, _, outcome_at, state = layout(rec)
		if state == 'q' and not seen[id] then
			seen[id] = true
			local expires_at = record_expires_at(rec)
			if expires_at > 0 then
				add(c, 'unexpire', id)
			end
			if expires_at > 0 and expires_at <= c.at then
				finalise(c, id, rec, reply_at, outcome_at, 'e', false, 0, ERROR_EXPIRED)
				c.skipped = c.skipped + 1
			else
				local running = record_claimed(rec, reply_at, under)
				add(c, 'set', names[i], running)
				add(c, 'marks', id, c.wary and record_is_suspect(rec) and 'c' or c.mark)
				c.run = c.run + 1
				reply[#reply + 1] = id
				reply[#reply + 1] = running
			end
		else
			if not seen[id] then
				bury(c, id, rec)
			end
			c.skipped = c.skipped + 1
		end
	end
end

-- Fills the batch. True when jobs are (or may be) waiting still.
local function fill(T, at, batch, start, limit, reply)
	local high, normal, low = T .. ':w:high', T .. ':w:normal', T .. ':w:low'
	local c, seen, empty = changes(T, at), {}, false
	local under = char(#batch) .. batch
	c.batch, c.mark, c.wary = batch, (start == '1' or start == '2') and 'p' or 'c', start == '2'
	repeat
		local popped = call('LMPOP', 3, high, normal, low, 'LEFT', 'COUNT', limit - c.run)
		if popped then
			take(c, under, popped[2], seen, reply)
		else
			empty = true
		end
	until empty or c.run == limit or c.skipped >= SKIP_MAX
	apply(c)
	if not c.marks then
		call('ZREM', T .. ':lease', batch)
	end
	return (not empty or c.freed) and call('EXISTS', high, normal, low) > 0
end

-- The batch exists: the same jobs once more. False when it does not (a lease alone says nothing).
local function claim_again(T, batch, reply)
	local ids = call('HKEYS', T .. ':b:' .. batch)
	if #ids == 0 then
		return false
	end
	local recs = call('MGET', unpack(job_keys(T, ids)))
	for i = 1, #ids do
		local reply_at, _, _, state = layout(recs[i])
		if state == 'r' and record_batch(recs[i], reply_at) == batch then
			reply[#reply + 1] = ids[i]
			reply[#reply + 1] = recs[i]
		end
	end
	return true
end

register('sq_claim', {'allow-oom'}, function(keys, argv)
	local T, batch, limit, lease_us = keys[1], argv[1], tonumber(argv[2]), tonumber(argv[3])
	if not batch or batch == '' or #batch > BATCH_NAME_MAX or not limit or limit < 1 or limit > BATCH_MAX
		or not lease_us or lease_us < 1 then
		return refuse('expected a batch of 1 to 120 bytes, 1 to 64 jobs and a lease')
	end
	local at = now()
	local due = promote(T, at, PROMOTE_MAX)
	local paused, more = call('HGET', T .. ':st', 'paused') == '1', false
	local reply = {at, due, 0, paused and 1 or 0}
	-- Leases and batches go together: a lease that can be added is that of a new batch.
	local lease, deadline = T .. ':lease', at + lease_us
	local new = not paused and call('ZADD', lease, 'NX', deadline, batch) == 1
	if not new and claim_again(T, batch, reply) then
		call('ZADD', lease, deadline, batch)
		more = call('EXISTS', T .. ':w:high', T .. ':w:normal', T .. ':w:low') > 0
	elseif not paused then
		if not new then
			call('ZADD', lease, deadline, batch)
		end
		-- Reapers leave a shard without leases alone: their silence before the first one is none (reap.lua).
		if call('ZCARD', lease) == 1 then
			call('SET', T .. ':clk', format('%.0f', at))
		end
		more = fill(T, at, batch, argv[4], limit, reply)
		if not more then
			call('DEL', T .. ':mk')
		end
	end
	reply[3] = more and not paused and 1 or 0
	return reply
end)
