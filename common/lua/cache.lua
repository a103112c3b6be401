-- Reuse of results. The first job that asks a question owns it (T:cache). Whoever asks the same while it is live
-- follows it and is never claimed; who asks later gets its result, while that is young enough. A job that follows has
-- its leader's id where the batch stands, and stands in T:f:LEADER, behind the question, and in T:joined, until it ends
-- or its leader does. When the leader succeeds, all who follow it do. When it fails, each computes by itself, from the
-- tail of its own list: they would fail too, or it was the leader's own time-out, and one after the other they would
-- wait for the sum of all. When the leader ends otherwise, the first of them leads the others.

-- The job becomes the one to follow for this question. Nobody needs the map to be complete.
local function own(T, question, id)
	local key = T .. ':cache'
	if redis.pcall('HSET', key, question, id) == 1 and call('HLEN', key) > CACHE_MAX then
		call('HDEL', key, unpack(call('HRANDFIELD', key, 2)))
	end
	call('EXPIRE', key, CACHE_TTL_S)
end

-- Appends the job to those who follow `leader`. False when they are too many.
local function follow(T, question, leader, flags, id, at, size)
	local key = T .. ':f:' .. leader
	local n = call('LLEN', key)
	if n > FOLLOW_MAX or n * size > FOLLOW_BYTES then
		return false
	end
	if n == 0 then
		call('RPUSH', key, question, id)
	else
		call('RPUSH', key, id)
	end
	call('ZADD', T .. ':joined', at, id)
	if flags < LED then
		call('SETRANGE', T .. ':j:' .. leader, 4, char(flags + LED))
	end
	return true
end

-- What there is for a question already: 's' and a result (none when its record has more bytes than there is room for),
-- 'q' and the job to follow with its flags, or nil.
local function reuse(T, at, question, max_age_us, room)
	local owner = redis.pcall('HGET', T .. ':cache', question)
	local head = type(owner) == 'string' and redis.pcall('GETRANGE', T .. ':j:' .. owner, 0, 53)
	if type(head) ~= 'string' or #head < 54 or sub(head, 1, 2) ~= 'J1' then
		return nil
	end
	local state, flags = STATE[byte(head, 3)], byte(head, 5)
	if state == 's' and at - unpack_bytes('<i8', head, 47) <= max_age_us then
		local rec = call('STRLEN', T .. ':j:' .. owner) <= room and call('GET', T .. ':j:' .. owner)
		if not rec then
			return 's'
		end
		local _, _, outcome = layout(rec)
		return outcome and 's', outcome and sub(rec, outcome + 4)
	elseif state and not IS_FINAL[state] and not record_joined(head) and call('TTL', T .. ':j:' .. owner) == -1 then
		-- (a record that was put aside has a time to live, whatever it says)
		return 'q', owner, flags
	end
	return nil
end

-- The records of those who followed, as far as they are what they should be: a table of {id, record, layout}.
local function read_followers(c, leader, all)
	local found, ids = {}, {unpack(all, 2)}
	local names = job_keys(c.T, ids)
	local recs = call('MGET', unpack(names))
	for i = 1, #ids do
		local rec = recs[i]
		local reply, _, outcome, state = layout(rec)
		if state == 'q' and record_joined(rec) and record_batch(rec, reply) == leader then
			local flags = byte(rec, 5)
			found[#found + 1] = {id = ids[i], key = names[i], reply_at = reply - #leader,
				outcome_at = outcome - #leader, rec = record_following(rec, reply, flags, '')}
		elseif not reply and (rec or call('EXISTS', names[i]) == 1) then
			isolate(c, ids[i], false)
		elseif not reply then
			c.live = c.live - 1
			add(c, 'unexpire', ids[i])
		end
	end
	call('ZREM', c.T .. ':joined', unpack(ids))
	return found
end

local function stand_alone(c, j, flags)
	add(c, 'set', j.key, sub(j.rec, 1, 4) .. char(flags) .. sub(j.rec, 6))
	add(c, TAIL[byte(j.rec, 4)], j.id)
end

-- The first of the jobs, from `first` on, goes to the tail of its list, and the others follow it.
local function lead_anew(c, question, jobs, first)
	local T, leader = c.T, jobs[first]
	local flags = byte(leader.rec, 5) - JOINED
	if first < #jobs then
		local ids, scores = {question}, {}
		flags = flags + LED
		for i = first + 1, #jobs do
			local j = jobs[i]
			ids[#ids + 1] = j.id
			scores[#scores + 1] = unpack_bytes('<i8', j.rec, 15)
			scores[#scores + 1] = j.id
			call('SETRANGE', j.key, 71, leader.id)
		end
		call('RPUSH', T .. ':f:' .. leader.id, unpack(ids))
		call('ZADD', T .. ':joined', unpack(scores))
	end
	stand_alone(c, leader, flags)
end

-- What becomes of the followers of a job that has ended, or (state nil) whose record is lost. copied: bytes of results
-- given to followers in this call so far; when they become too many the rest computes once more.
local function settle_one(c, led, copied)
	local T, key = c.T, c.T .. ':f:' .. led.id
	local all = redis.pcall('LRANGE', key, 0, -1)
	local question = all[1]
	if not all[2] then
		call('DEL', key)
		return copied
	end
	call('DEL', key)
	local jobs, next_one = read_followers(c, led.id, all), 1
	while led.state == 's' and jobs[next_one] and copied < COPY_BYTES do
		local j = jobs[next_one]
		if record_expires_at(j.rec) > 0 then
			add(c, 'unexpire', j.id)
		end
		finalise(c, j.id, j.rec, j.reply_at, j.outcome_at, 's', false, 0, led.json)
		copied = copied + #j.rec + #led.json
		next_one = next_one + 1
	end
	if jobs[next_one] then
		if led.state == 'f' then
			for i = next_one, #jobs do
				stand_alone(c, jobs[i], byte(jobs[i].rec, 5) - JOINED)
			end
		else
			lead_anew(c, question, jobs, next_one)
		end
		if led.state ~= 's' and (call('HGET', T .. ':cache', question) or led.id) == led.id then
			own(T, question, jobs[next_one].id)
		end
	end
	return copied
end

function settle(c)
	local copied = 0
	for i = 1, #c.led do
		local d = changes(c.T, c.at)
		copied = settle_one(d, c.led[i], copied)
		apply(d)
		c.freed = c.freed or d.tailh or d.tailn or d.taill
	end
end
