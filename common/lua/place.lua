-- Where jobs stand, by names derived from the tag T alone:
--   T:w:high T:w:normal T:w:low  LIST, waiting ids      T:d      ZSET, delayed ids by run_at
--   T:x      ZSET, waiting ids by expires_at            T:b:B    HASH, a batch: id -> c claimed, p presumed to have
--                                                                started, s started; with ! behind: cancel asked
--   T:lease  ZSET, batch by deadline                    T:j:ID   STRING, the record
--   T:i:H    STRING, an idempotency key, 24 h           T:r:R    LIST, replies for a receiver, 60 s
--   T:mk     LIST, wake-up markers, <= 64               T:recent LIST, finished ids, <= 1000
--   T:dead   ZSET, dead ids by time, 7 days             T:bad    LIST, ids of malformed records, <= 1000
--   T:k:I.B  LIST, for boot B of instance I: jobs of it to be cancelled, <= 64, 60 s
--   T:st     HASH, live run us paused n:s n:f n:x n:c n:e   T:clk  STRING, time of the last reap
--   T:rate   STRING, the last sample of the counters, see figures.lua
--   T:cache  HASH, question -> the job that answers it, <= 100000    T:joined  ZSET, jobs that follow, by created_at
--   T:f:ID   LIST, the question and the jobs that follow job ID, <= 1001
--
-- A transition collects what it changes in a table made by changes() and ends with apply(), which writes it with as few
-- and as wide commands as there are kinds of change: an inner command costs about as much as all of Lua's work on a job.

local LISTS = {
	{suffix = ':w:high', tail = 'tailh', head = 'headh'},
	{suffix = ':w:normal', tail = 'tailn', head = 'headn'},
	{suffix = ':w:low', tail = 'taill', head = 'headl'},
}
local TAIL = {[104] = 'tailh', [110] = 'tailn', [108] = 'taill'} -- by the priority's byte
local TOTALS = {'n:s', 'n:f', 'n:x', 'n:c', 'n:e'}
local TOTAL_OF = {s = 'n:s', f = 'n:f', x = 'n:x', c = 'n:c', e = 'n:e'}

-- Lists come into being with their first element and tables with their usual fields: to grow a table of Lua 5.1 from
-- nothing costs more than to fill it.
local function changes(T, at)
	return {T = T, at = at, live = 0, run = 0, set = false, final = false, records = false, ttl = false,
		tailn = false, delayed = false, expiry = false, unexpire = false, skipped = 0}
end

local function add(c, kind, a, b)
	local list = c[kind]
	if not list then
		c[kind] = b and {a, b} or {a}
		return
	end
	local n = #list
	list[n + 1] = a
	if b then
		list[n + 2] = b
	end
end

-- Writes it all; below. And what becomes of those who follow a job that has ended: see cache.lua.
local apply, settle

local function count(c, kind)
	c[kind] = (c[kind] or 0) + 1
end

-- Whether the text is a sane number of microseconds.
local function duration(text)
	local us = tonumber(text)
	return us and us >= 0 and us < DURATION_MAX
end

local function job_keys(T, ids)
	local prefix = T .. ':j:'
	local names = {prefix .. ids[1]}
	for i = 2, #ids do
		names[i] = prefix .. ids[i]
	end
	return names
end

-- A job that ends parts from those who follow it (what becomes of them is settled when all else is written), or from
-- the one it follows. Returns its record, and where the variable parts begin now.
local function part(c, id, rec, reply_at, outcome_at, state, json)
	local flags = byte(rec, 5)
	if flags >= LED then
		c.led = c.led or {}
		c.led[#c.led + 1] = {id = id, state = state, json = json}
		return sub(rec, 1, 4) .. char(flags - LED) .. sub(rec, 6), reply_at, outcome_at
	end
	local leader = record_batch(rec, reply_at)
	if leader ~= '' then
		add(c, 'left', leader, id)
		rec = record_following(rec, reply_at, flags, '')
	end
	return rec, reply_at - #leader, outcome_at - #leader
end

-- Ends a job: its record gets a time to live, whoever waits hears of it. outcome_at, rec as from layout().
local function finalise(c, id, rec, reply_at, outcome_at, state, ran, run_us, json)
	if byte(rec, 5) >= JOINED then
		rec, reply_at, outcome_at = part(c, id, rec, reply_at, outcome_at, state, json)
	end
	local final, ttl = record_final(rec, outcome_at, state, c.at, ran, run_us, json)
	if state == 'x' then
		ttl = DEAD_TTL_S
		add(c, 'dead', c.at, id)
	end
	add(c, 'final', id)
	add(c, 'records', final)
	add(c, 'ttl', ttl)
	count(c, TOTAL_OF[state])
	c.live = c.live - 1
	local names = byte(rec, reply_at)
	if names > 0 then
		c.replies = c.replies or {}
		for name in string.gmatch(sub(rec, reply_at + 1, reply_at + names), '[^,]+') do
			add(c.replies, name, id .. final)
		end
	end
end

-- An attempt has failed for a reason that may pass: back to wait, or dead when attempts are used up. 'd' or 'x'.
-- kind: r it may pass, w it took its process with it, which it may do once, l the worker was lost.
local function retry(c, id, rec, reply_at, outcome_at, run_us, json, kind)
	local attempt, allowed = unpack_bytes('<HH', rec, 7)
	if attempt + 1 >= allowed or kind == 'w' and record_crashed(rec) then
		finalise(c, id, rec, reply_at, outcome_at, 'x', true, run_us, json)
		return 'x'
	end
	local run_at = c.at + backoff(id, attempt + 1)
	local waiting, expires_at = record_retry(rec, outcome_at, attempt + 1, run_at, kind)
	add(c, 'set', c.T .. ':j:' .. id, waiting)
	add(c, 'delayed', run_at, id)
	if expires_at > 0 then
		add(c, 'expiry', expires_at, id)
	end
	return 'd'
end

-- Back to the head of its list, as if nobody had claimed it. Heads appear in the order of these calls.
local function give_back(c, id, rec, reply_at, outcome_at)
	add(c, 'set', c.T .. ':j:' .. id, record_under(record_silent(rec, outcome_at), reply_at, 'q', ''))
	add(c, 'head' .. sub(rec, 4, 4), id)
	local expires_at = record_expires_at(rec)
	if expires_at > 0 then
		add(c, 'expiry', expires_at, id)
	end
end

-- A job that has ended runs again, as if it were new. While an entry of it still stands in its list, that is its place.
local function revive(c, id, rec, reply_at, envelope_at, outcome_at)
	local anew, expires_at = record_anew(rec, c.at, reply_at, envelope_at, outcome_at)
	add(c, 'set', c.T .. ':j:' .. id, anew)
	if byte(rec, 5) % 2 == 0 then
		add(c, TAIL[byte(rec, 4)], id)
	else
		c.fresh = (c.fresh or 0) + 1
	end
	if expires_at > 0 then
		add(c, 'expiry', expires_at, id)
	end
	add(c, 'revived', id)
	c.live = c.live + 1
end

-- A job whose record is lost may have been followed.
local function orphan(c, id)
	c.led = c.led or {}
	c.led[#c.led + 1] = {id = id}
end

-- A record that is not one of ours: out of the queue, its id kept for a person to look at. The key is left as it is but
-- gets a time to live. It counted as live unless it has one already (final records do).
local function isolate(c, id, was_running)
	local key = c.T .. ':j:' .. id
	if was_running or call('TTL', key) == -1 then
		c.live = c.live - 1
	end
	call('EXPIRE', key, DEAD_TTL_S)
	add(c, 'bad', id)
	add(c, 'unexpire', id)
	orphan(c, id)
end

-- Hints (markers, replies, the list of the finished) go through pcall: whatever stands under their names, they must not
-- stop a transition half-way. Length of the list, 0 when it is none.
local function push_hint(command, key, items)
	local n = redis.pcall(command, key, unpack(items))
	return type(n) == 'number' and n or 0
end

local function push_markers(T, n)
	local key, marks = T .. ':mk', {'1'}
	for i = 2, n < MARKERS_MAX and n or MARKERS_MAX do
		marks[i] = '1'
	end
	if n > 0 and push_hint('RPUSH', key, marks) > MARKERS_MAX then
		call('LTRIM', key, -MARKERS_MAX, -1)
	end
end

local function apply_lists(c)
	local T, fresh = c.T, c.fresh or 0
	for i = 1, 3 do
		local list = LISTS[i]
		local tail, head = c[list.tail], c[list.head]
		if tail then
			call('RPUSH', T .. list.suffix, unpack(tail))
			fresh = fresh + #tail
		end
		if head then
			local reversed, n = {}, #head
			for k = 1, n do
				reversed[k] = head[n + 1 - k]
			end
			call('LPUSH', T .. list.suffix, unpack(reversed))
			fresh = fresh + n
		end
	end
	if c.delayed then
		call('ZADD', T .. ':d', unpack(c.delayed))
		fresh = fresh + #c.delayed / 2
	end
	if fresh > 0 then
		push_markers(T, fresh)
	end
end

local function apply_replies(T, replies)
	for name, entries in pairs(replies) do
		local key = T .. ':r:' .. name
		if push_hint('RPUSH', key, entries) > REPLY_MAX then
			call('LTRIM', key, -REPLY_MAX, -1)
		end
		call('EXPIRE', key, REPLY_TTL_S)
	end
end

local function apply_finals(c)
	local T, ids, records, ttl = c.T, c.final, c.records, c.ttl
	local prefix, sets, last, text = T .. ':j:', {}, nil, nil
	if #ids == 1 then
		call('SET', prefix .. ids[1], records[1], 'EX', tostring(ttl[1]))
		return
	end
	for i = 1, #ids do
		sets[2 * i - 1], sets[2 * i] = prefix .. ids[i], records[i]
	end
	call('MSET', unpack(sets)) -- with an EXPIRE each still cheaper than as many SET EX
	for i = 1, #ids do
		if ttl[i] ~= last then -- Redis makes text of a number slowly; most are alike
			last, text = ttl[i], tostring(ttl[i])
		end
		call('EXPIRE', sets[2 * i - 1], text)
	end
end

-- Redis makes text of a number slowly; the small ones, which nearly all are, are made once.
local TEXTS = {}
local function text_of(n)
	local text = TEXTS[n]
	if not text then
		text = format('%.0f', n)
		if n >= -SMALL_MAX and n <= SMALL_MAX then
			TEXTS[n] = text
		end
	end
	return text
end

local function apply_counters(c)
	local key = c.T .. ':st'
	if c.live ~= 0 then
		call('HINCRBY', key, 'live', text_of(c.live))
	end
	if c.run ~= 0 then
		call('HINCRBY', key, 'run', text_of(c.run))
	end
	if c.us then
		call('HINCRBY', key, 'us', text_of(floor(c.us)))
	end
	if c.final then
		for i = 1, #TOTALS do
			local n = c[TOTALS[i]]
			if n then
				call('HINCRBY', key, TOTALS[i], text_of(n))
			end
		end
	end
end

-- Of ended jobs, what is there to find them by: not what they are.
local function apply_hints(c)
	local T = c.T
	if push_hint('LPUSH', T .. ':recent', c.final) > RECENT_MAX then
		call('LTRIM', T .. ':recent', 0, RECENT_MAX - RECENT_SLACK - 1)
	end
	if c.dead then
		redis.pcall('ZADD', T .. ':dead', unpack(c.dead))
	end
	if c.replies then
		apply_replies(T, c.replies)
	end
end

-- What lives is neither among the ended nor among the dead.
local function apply_revived(T, ids)
	local recent = T .. ':recent'
	redis.pcall('ZREM', T .. ':dead', unpack(ids))
	if #ids == 1 then
		redis.pcall('LREM', recent, 1, ids[1])
		return
	end
	local revived, kept, all = {}, {}, redis.pcall('LRANGE', recent, 0, -1)
	for i = 1, #ids do
		revived[ids[i]] = true
	end
	for i = 1, #all do
		if not revived[all[i]] then
			kept[#kept + 1] = all[i]
		end
	end
	if #kept < #all then
		call('DEL', recent)
		if kept[1] then
			call('RPUSH', recent, unpack(kept))
		end
	end
end

-- Pairs of a leader and who no longer follows it.
local function apply_left(T, pairs)
	for i = 1, #pairs, 2 do
		redis.pcall('LREM', T .. ':f:' .. pairs[i], 1, pairs[i + 1])
		call('ZREM', T .. ':joined', pairs[i + 1])
	end
end

function apply(c)
	local T = c.T
	if c.set then
		call('MSET', unpack(c.set))
	end
	if c.marks then
		call('HSET', T .. ':b:' .. c.batch, unpack(c.marks))
	end
	if c.final then
		apply_finals(c)
	end
	apply_lists(c)
	if c.unexpire then
		call('ZREM', T .. ':x', unpack(c.unexpire))
	end
	if c.expiry then
		call('ZADD', T .. ':x', unpack(c.expiry))
	end
	if c.bad then
		call('LPUSH', T .. ':bad', unpack(c.bad))
		call('LTRIM', T .. ':bad', 0, BAD_MAX - 1)
	end
	apply_counters(c)
	if c.final then
		apply_hints(c)
	end
	if c.revived then
		apply_revived(T, c.revived)
	end
	if c.left then
		apply_left(T, c.left)
	end
	if c.led then
		settle(c)
	end
end

-- Takes jobs out of a batch; a batch without jobs is gone, and its lease with it.
local function leave_batch(T, batch, ids)
	if #ids > 0 then
		local key = T .. ':b:' .. batch
		if call('HLEN', key) == #ids then
			call('DEL', key)
			call('ZREM', T .. ':lease', batch)
		else
			call('HDEL', key, unpack(ids))
		end
	end
end

-- Moves delayed jobs that are due to the tails of their lists. Returns when the next one is due (0: none), how many
-- were moved, how many were isolated.
local function promote(T, at, bound)
	local key = T .. ':d'
	local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
	if not first[1] then
		return 0, 0, 0
	end
	if tonumber(first[2]) > at then
		return tonumber(first[2]), 0, 0
	end
	local ids = call('ZRANGE', key, '-inf', at, 'BYSCORE', 'LIMIT', 0, bound)
	local names, c, moved, isolated = job_keys(T, ids), changes(T, at), 0, 0
	local recs = call('MGET', unpack(names))
	call('ZREM', key, unpack(ids))
	for i = 1, #ids do
		local reply, _, _, state = layout(recs[i])
		if not reply then
			isolate(c, ids[i], false)
			isolated = isolated + 1
		elseif state == 'd' then
			call('SETRANGE', names[i], 2, 'q')
			add(c, TAIL[byte(recs[i], 4)], ids[i])
			moved = moved + 1
		end
	end
	apply(c)
	first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
	return tonumber(first[2] or 0), moved, isolated
end

-- An entry of a waiting list that names no waiting job: its job was cancelled or has expired meanwhile, or the record
-- is not ours. Called when the entry has left the list. True when the record had to be isolated.
local function bury(c, id, rec)
	local key = c.T .. ':j:' .. id
	if not layout(rec) then
		if not rec and call('EXISTS', key) == 0 then
			orphan(c, id)
			return false
		end
		isolate(c, id, false)
		return true
	end
	local flags = byte(rec, 5)
	if flags % 2 == 1 then
		call('SETRANGE', key, 4, char(flags - 1))
	end
	return false
end
