-- sq_enqueue: new jobs, to their lists or to wait for their time. The only function that a full Redis may refuse.
-- KEYS  T
-- ARGV  live_max, then per job: id, opts, record
--       opts: '' or 'run_at_us|idempotency hash|fingerprint', or the same and '|question|max_age_us'; each field may
--       be empty. question: a digest; another job's result may answer a job that has one and may run at once, cache.lua
-- reply {now} when all jobs were accepted anew, else {now, e1, e2, ...} with e: 'A<created_us>' accepted, now or before;
--       'H<created_us>' accepted and done: a stored result answers it; 'J<created_us>' accepted: it follows another;
--       'R<first id>' the idempotency key's first job; 'C' the key belongs to another body; 'F' the queue is full
-- again the same answer: the id exists (A, H, J), or the key does (A when its job is this one, else R)

-- The record as accepted: state, times and a clean slate, whatever the sender put there.
local function accepted(rec, state, at, run_at, expires_at)
	return 'J1' .. state .. sub(rec, 4, 4) .. '\0\0\0\0' .. sub(rec, 9, 14) .. pack('<i8i8i8', at, run_at, expires_at)
		.. ZERO16 .. sub(rec, 55)
end

-- A record as job_record_encode makes it, and a whole id.
local function is_new_job(id, rec)
	local reply, envelope, outcome = layout(rec)
	return reply and #id == 36 and byte(rec, 71) == 0 and #rec == outcome + 3 and byte(rec, envelope + 4) > 0
end

-- The fast way, when nothing is asked for but to run soon: records and lists in one go. nil when it does not apply.
local function read_plain(c, argv, n)
	local prefix, sets, seen = c.T .. ':j:', {}, {}
	local slate = pack('<i8i8', c.at, c.at) .. ZERO8 .. ZERO16
	for i = 1, n do
		local id, rec = argv[3 * i - 1], argv[3 * i + 1]
		if argv[3 * i] ~= '' or seen[id] or not is_new_job(id, rec) or sub(rec, 55, 70) ~= ZERO16 then
			return nil
		end
		seen[id] = true
		sets[2 * i - 1] = prefix .. id
		sets[2 * i] = 'J1q' .. sub(rec, 4, 4) .. '\0\0\0\0' .. sub(rec, 9, 14) .. slate .. sub(rec, 55)
		add(c, TAIL[byte(rec, 4)], id)
	end
	return sets
end

-- Reads and checks all jobs. Returns nil and what is wrong when one is not as it should be.
local function read_jobs(T, argv, n, at)
	local jobs = {}
	for i = 1, n do
		local id, opts, rec = argv[3 * i - 1], argv[3 * i], argv[3 * i + 1]
		if not is_new_job(id, rec) then
			return nil, 'job ' .. i .. ': expected a 36-character id and the record of a new job'
		end
		local run_at, hash, print, more = string.match(opts, '^(%d*)|([^|]*)|([^|]*)(.*)$')
		local question, max_age = string.match(more or '', '^|([^|]*)|(%d*)$')
		if opts ~= '' and (not run_at or more ~= '' and not question) then
			return nil, 'job ' .. i .. ': expected options run_at|hash|fingerprint[|question|max_age]'
		end
		local expires_in, delay = unpack_bytes('<i8i8', rec, 55)
		local j = {id = id, key = T .. ':j:' .. id, tail = TAIL[byte(rec, 4)], print = print}
		if hash and hash ~= '' then
			j.idem = T .. ':i:' .. hash
		end
		j.run_at = max(tonumber(run_at or '') or 0, at + delay)
		j.expires_at = expires_in > 0 and j.run_at + expires_in or 0
		j.delayed = j.run_at > at
		if question and question ~= '' and not j.delayed then
			j.question, j.max_age = question, tonumber(max_age) or 0
		end
		j.rec = accepted(rec, j.delayed and 'd' or 'q', at, j.run_at, j.expires_at)
		jobs[i] = j
	end
	return jobs
end

local function remember_key(c, j)
	if j.idem then
		call('SET', j.idem, j.id .. format('%.0f', c.at) .. ':' .. j.print, 'EX', IDEM_TTL_S)
	end
end

-- Accepts a job that a stored result answers: it ends in the same moment.
local function place_answered(c, j, json)
	local reply_at, _, outcome_at = layout(j.rec)
	j.rec = sub(j.rec, 1, 4) .. char(HIT) .. sub(j.rec, 6)
	call('SET', j.key, j.rec) -- so that a second one of the same id in this call finds it
	remember_key(c, j)
	finalise(c, j.id, j.rec, reply_at, outcome_at, 's', false, 0, json)
	c.live = c.live + 1
	c.copied = (c.copied or 0) + #json
end

-- Accepts a job that computes, or (leader) follows one that does; but for the live counter.
local function place_job(c, j, leader)
	if leader then
		j.rec = record_following(j.rec, 72, JOINED, leader)
	end
	call('SET', j.key, j.rec)
	remember_key(c, j)
	if j.delayed then
		add(c, 'delayed', j.run_at, j.id)
	elseif not leader then
		add(c, j.tail, j.id)
	end
	if j.expires_at > 0 then
		add(c, 'expiry', j.expires_at, j.id)
	end
end

-- What a known id or a known idempotency key answers; nil when the job is new.
local function known(j)
	local first = j.idem and call('GET', j.idem)
	local head = call('GETRANGE', j.key, 0, 21)
	if first and sub(first, 1, 36) ~= j.id then
		return sub(first, string.find(first, ':', 37, true) + 1) == j.print and 'R' .. sub(first, 1, 36) or 'C'
	elseif #head == 22 then
		local flags = byte(head, 5)
		local code = floor(flags / HIT) % 2 == 1 and 'H' or record_joined(head) and 'J' or 'A'
		return code .. format('%.0f', unpack_bytes('<i8', head, 15))
	elseif first then
		return 'A' .. string.match(first, '^(%d*)', 37)
	end
	return nil
end

-- A new job: what it is answered, without the time.
local function accept(c, j, room)
	local kind, what, flags
	if j.question then
		local left = c.copied and COPY_BYTES - c.copied or math.huge -- the first fits whatever its size
		kind, what, flags = reuse(c.T, c.at, j.question, j.max_age, left)
	end
	if kind == 's' and what then
		place_answered(c, j, what)
		return 'H'
	elseif not room then
		return 'F'
	elseif kind == 'q' and follow(c.T, j.question, what, flags, j.id, c.at, #j.rec) then
		place_job(c, j, what)
		c.live = c.live + 1
		return 'J'
	end
	place_job(c, j)
	c.live = c.live + 1
	if j.question and kind ~= 's' then
		own(c.T, j.question, j.id)
	end
	return 'A'
end

-- The careful way, job by job in order: each may have wishes, may exist already, or may not fit.
local function enqueue_each(c, jobs, live_max)
	local reply, live = {c.at}, tonumber(call('HGET', c.T .. ':st', 'live') or 0)
	local now_text = format('%.0f', c.at)
	local fresh, all_new = 'A' .. now_text, true
	for i = 1, #jobs do
		local e = known(jobs[i])
		if not e then
			e = accept(c, jobs[i], live + c.live < live_max)
			e = e == 'F' and e or e .. now_text
		end
		all_new = all_new and e == fresh
		reply[i + 1] = e
	end
	apply(c)
	return all_new and {c.at} or reply
end

register('sq_enqueue', {}, function(keys, argv)
	local T, live_max, n = keys[1], tonumber(argv[1]), (#argv - 1) / 3
	if not live_max or n < 1 or n > ENQUEUE_MAX or n ~= floor(n) then
		return refuse('expected live_max and 1 to ' .. ENQUEUE_MAX .. ' times id, options, record')
	end
	local at, st = now(), T .. ':st'
	local c = changes(T, at)
	local sets = read_plain(c, argv, n)
	if sets then
		-- All or none. Counting first saves a command, as the new count tells whether they fit.
		if call('HINCRBY', st, 'live', text_of(n)) <= live_max and call('MSETNX', unpack(sets)) == 1 then
			apply_lists(c)
			return {at}
		end
		call('HINCRBY', st, 'live', text_of(-n))
	end
	local jobs, wrong = read_jobs(T, argv, n, at)
	if not jobs then
		return refuse(wrong)
	end
	return enqueue_each(changes(T, at), jobs, live_max)
end)
