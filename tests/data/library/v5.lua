#!lua name=square
-- SPDX-License-Identifier: GPL-3.0-or-later
-- The queue's functions: every transition of a job is one of them, and one unit for Redis. The files are joined in this
-- order: head, clock, record, place, then the others by name, one file per transition. The version rises with every
-- change of the library that a running peer could notice; whoever starts with a higher one loads its own.
local VERSION = 5

local BATCH_MAX = 64          -- jobs of one claim
local BATCH_NAME_MAX = 120    -- bytes of a batch id
local ENQUEUE_MAX = 1024      -- jobs of one enqueue; keeps every unpack() far from Lua's limit of 8,000 values
local SKIP_MAX = 1000         -- tombstones and overdue jobs that one claim clears away
local PROMOTE_MAX = 64        -- due jobs that one claim moves
local MARKERS_MAX = 64
local RECENT_MAX = 1000
local RECENT_SLACK = 64       -- trimmed so much lower, to be trimmed seldom
local BAD_MAX = 1000
local DEAD_MAX = 10000
local REPLY_MAX = 10000       -- entries of a reply list
local REPLY_NAMES_MAX = 250   -- bytes of all receivers of one job
local REPLY_TTL_S = 60
local IDEM_TTL_S = 86400
local DEAD_TTL_S = 604800
local BACKOFF_US = 250000
local BACKOFF_MAX_US = 300000000
local CLOCK_GAP_US = 3000000  -- a reaper's silence longer than this says nothing about the workers
local TAGS_MAX = 4096
local HINTS_MAX = 64        -- cancel hints of one worker
local HINT_TTL_S = 60
local PROGRESS_MAX = 1024    -- bytes of JSON
local DURATION_MAX = 1e13    -- microseconds that an attempt may say it took
local CACHE_MAX = 100000     -- questions whose owner is remembered
local CACHE_TTL_S = 604800
local FOLLOW_MAX = 1000      -- jobs that wait for the result of one
local FOLLOW_BYTES = 8388608 -- of their records, roughly
local COPY_BYTES = 2097152   -- of results that one call copies; at tens of ms a MiB, the others wait as long
local REDRIVE_MAX = 512
local REDRIVE_BYTES = 8388608
local PEEK_MAX = 1024
local HEAD_BYTES = 460       -- of a record: the envelope's length stands within
local PAGE_MAX = 200
local PAGE_BYTES = 1048576
local PAGE_LOOKS = 10000     -- entries that one page looks at
local RATE_US = 1000000      -- between two samples of the counters
local RATE_MEAN_US = 10000000

-- Redis hides everything but register_function while a library is loaded, so the first call of a function fetches these.
-- As globals they would cost as much as a table lookup through a metatable, each time.
local call, byte, char, sub, floor, max, min, concat, unpack, tonumber, pack, unpack_bytes, format

local function fetch()
	call, unpack, tonumber, concat = redis.call, _G.unpack, _G.tonumber, table.concat
	byte, char, sub, format = string.byte, string.char, string.sub, string.format
	floor, max, min = math.floor, math.max, math.min
	pack, unpack_bytes = struct.pack, struct.unpack
end

local function register(name, flags, callback)
	redis.register_function{function_name = name, flags = flags, callback = function(keys, argv)
		if not call then
			fetch()
		end
		return callback(keys, argv)
	end}
end

-- The answer to a call that is not as agreed: a bug of the caller, nothing was done.
local function refuse(text)
	return redis.error_reply('ERR square: ' .. text)
end

register('sq_version', {'no-writes'}, function()
	return VERSION
end)
-- clock.lua
-- The queue's only clock, in microseconds. Tests replace this file by a clock they can turn.
local function now()
	local t = call('TIME')
	return t[1] * 1000000 + t[2]
end
-- record.lua
-- A job's record, the packed string at T:j:ID; common/job.h describes the layout. Positions here count from 1. Records
-- are patched as strings: a table per job would cost more than the rest of a call.
local ZERO8 = '\0\0\0\0\0\0\0\0'
local ZERO16 = ZERO8 .. ZERO8
local IS_FINAL = {s = true, f = true, x = true, c = true, e = true}
-- By the byte that stands in a record; bytes are compared as numbers, because each sub() makes a string.
local STATE = {[100] = 'd', [113] = 'q', [114] = 'r', [115] = 's', [102] = 'f', [120] = 'x', [99] = 'c', [101] = 'e'}
local IS_PRIORITY = {[104] = true, [110] = true, [108] = true}

-- Where the variable parts of a record begin: the length bytes of the reply names, of the envelope and of the outcome,
-- then the state. nil when the record is not a well-formed one (or not there).
local function layout(rec)
	if not rec or #rec < 80 then
		return nil
	end
	local letter, digit, state, priority = byte(rec, 1, 4)
	if letter ~= 74 or digit ~= 49 or not STATE[state] or not IS_PRIORITY[priority] then
		return nil -- not J1
	end
	local reply = 72 + byte(rec, 71)
	local envelope = reply + 1 + (byte(rec, reply) or #rec)
	if #rec < envelope + 3 then
		return nil
	end
	local outcome = envelope + 4 + unpack_bytes('<I4', rec, envelope)
	if #rec < outcome + 3 or #rec ~= outcome + 3 + unpack_bytes('<I4', rec, outcome) then
		return nil
	end
	return reply, envelope, outcome, STATE[state]
end

local function record_batch(rec, reply)
	return sub(rec, 72, reply - 1)
end

-- 0 when there is none
local function record_expires_at(rec)
	return sub(rec, 31, 38) == ZERO8 and 0 or unpack_bytes('<i8', rec, 31)
end

-- Whether an attempt has taken its process with it before.
local function record_crashed(rec)
	return floor(byte(rec, 5) / 4) % 2 == 1
end

-- Flags: a stored result answered the job; it follows another one; others follow it.
local HIT, JOINED, LED = 8, 16, 32
local function record_joined(rec)
	return floor(byte(rec, 5) / JOINED) % 2 == 1
end

-- Running jobs have their progress where the outcome will stand; without it:
local function record_silent(rec, outcome)
	return #rec == outcome + 3 and rec or sub(rec, 1, outcome - 1) .. '\0\0\0\0'
end

-- The record as running under a batch, or given back (state q, batch ''): started_at becomes unknown.
local function record_under(rec, reply, state, batch)
	return 'J1' .. state .. sub(rec, 4, 38) .. ZERO8 .. sub(rec, 47, 70) .. char(#batch) .. batch .. sub(rec, reply)
end

-- The same for a record that waits (so started_at is unknown already). under: the batch with its length before it.
local function record_claimed(rec, reply, under)
	return 'J1r' .. sub(rec, 4, 70) .. under .. sub(rec, reply)
end

-- Flags with the bit set that says: an entry of this job still stands in its list. One that follows has none there.
local function record_tombstone(rec)
	local flags = byte(rec, 5)
	return (flags % 2 == 1 or record_joined(rec)) and rec or sub(rec, 1, 4) .. char(flags + 1) .. sub(rec, 6)
end

-- Counts and lengths as bytes: the small ones, which nearly all are, are made once.
local SMALL_MAX, ATTEMPTS, LENGTHS = 64, {}, {}
local function bytes_of(known, format, value)
	local bytes = known[value] or pack(format, value)
	if value <= SMALL_MAX then
		known[value] = bytes
	end
	return bytes
end

-- The jobs of one call end at the same time.
local ended_at, ended_bytes

-- The final record and its time to live. ran: whether this attempt counts. run_us: its duration, used when started_at
-- was never shown.
local function record_final(rec, outcome_at, state, at, ran, run_us, json)
	local attempt, _, ttl, created, run_at, _, started = unpack_bytes('<HHI4i8i8i8i8', rec, 7)
	local times
	if at ~= ended_at then
		ended_at, ended_bytes = at, pack('<i8', at)
	end
	if ran then
		attempt = attempt + 1
		if started == 0 then
			started = max(at - run_us, run_at, created)
		end
		times = pack('<i8', started < at and started or at)
	else
		times = sub(rec, 39, 46)
	end
	return 'J1' .. state .. sub(rec, 4, 6) .. bytes_of(ATTEMPTS, '<H', attempt) .. sub(rec, 9, 38) .. times ..
		ended_bytes .. sub(rec, 55, outcome_at - 1) .. bytes_of(LENGTHS, '<I4', #json) .. json, ttl
end

-- The record as waiting for its next attempt. The batch stays, so that the batch's second call gets the same answer.
local function record_retry(rec, outcome, attempt, run_at, crashed)
	local expires_in = unpack_bytes('<i8', rec, 55)
	local expires_at = expires_in > 0 and run_at + expires_in or 0
	local flags = byte(rec, 5) + (crashed and not record_crashed(rec) and 4 or 0)
	return 'J1d' .. sub(rec, 4, 4) .. char(flags) .. sub(rec, 6, 6) .. pack('<H', attempt) .. sub(rec, 9, 22)
		.. pack('<i8i8', run_at, expires_at) .. ZERO16 .. sub(record_silent(rec, outcome), 55), expires_at
end

-- The record as at a submission that may run now: the envelope and the wishes stay.
local function record_anew(rec, at, reply, envelope, outcome)
	local expires_in = unpack_bytes('<i8', rec, 55)
	local expires_at = expires_in > 0 and at + expires_in or 0
	return 'J1q' .. sub(rec, 4, 4) .. '\0\0\0\0' .. sub(rec, 9, 22) .. pack('<i8i8', at, expires_at) .. ZERO16
		.. sub(rec, 55, 70) .. '\0\0' .. sub(rec, envelope, outcome - 1) .. '\0\0\0\0', expires_at
end

-- The record with other flags, and the batch replaced: the job it follows, or nobody.
local function record_following(rec, reply, flags, leader)
	return sub(rec, 1, 4) .. char(flags) .. sub(rec, 6, 70) .. char(#leader) .. leader .. sub(rec, reply)
end

-- Exponential, with a jitter of half of it to either side that depends on nothing but the job and the attempt.
local function backoff(id, attempt)
	local base = min(BACKOFF_US * 2 ^ (attempt - 1), BACKOFF_MAX_US)
	local spread = ((tonumber(sub(id, -6), 16) or 0) + attempt * 40503) % 1000
	return floor(base * (500 + spread) / 1000)
end

local function system_error(kind, title, detail, retryable)
	return '{"type":"' .. kind .. '","title":"' .. title .. '","detail":"' .. detail .. '","retryable":' ..
		retryable .. '}'
end
local ERROR_EXPIRED = system_error('expired', 'Not started in time',
	'No worker could start the job before its expiry.', 'false')
local ERROR_CANCELLED = system_error('cancelled', 'Cancelled', 'The job was cancelled on request.', 'false')
local ERROR_LOST = system_error('worker-lost', 'Worker lost',
	'The worker that ran the job went away, at each of the attempts the job was allowed.', 'true')
-- place.lua
-- Where jobs stand, by names derived from the tag T alone:
--   T:w:high T:w:normal T:w:low  LIST, waiting ids      T:d      ZSET, delayed ids by run_at
--   T:x      ZSET, waiting ids by expires_at            T:b:B    HASH, a batch: id -> c claimed, s started; ! = cancel
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
-- crashed: it took its process with it, which it may do once.
local function retry(c, id, rec, reply_at, outcome_at, run_us, json, crashed)
	local attempt, allowed = unpack_bytes('<HH', rec, 7)
	if attempt + 1 >= allowed or crashed and record_crashed(rec) then
		finalise(c, id, rec, reply_at, outcome_at, 'x', true, run_us, json)
		return 'x'
	end
	local run_at = c.at + backoff(id, attempt + 1)
	local waiting, expires_at = record_retry(rec, outcome_at, attempt + 1, run_at, crashed)
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
-- cache.lua
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
-- cancel.lua
-- sq_cancel: a waiting job is cancelled at once; a running one is marked, and its worker hears of it with the next
-- start, extend or finish, and by a hint, which it waits for while it runs jobs that take a while.
-- KEYS  T
-- ARGV  id
-- reply {code, record}: 'c' cancelled now, 'a' asked, 'd' done already, '0' unknown (no record then)
-- again 'a', or 'd' with the record that says cancelled

-- The hint: "BATCH ID" for the boot of the instance that has the batch, INSTANCE.BOOT.COUNT.
local function hint(T, batch, id)
	local owner = string.match(batch, '^(.+)%.[^.]*$')
	if owner then
		local key = T .. ':k:' .. owner
		if push_hint('RPUSH', key, {batch .. ' ' .. id}) > HINTS_MAX then
			call('LTRIM', key, -HINTS_MAX, -1)
		end
		call('EXPIRE', key, HINT_TTL_S)
	end
end

-- Running: the mark and the record's flag. A running job without a mark belongs to nobody (part of the data was lost):
-- nobody would ever end it, so it ends here.
local function ask(T, c, id, rec, reply_at, outcome_at)
	local batch = record_batch(rec, reply_at)
	local key = T .. ':b:' .. batch
	local mark = call('HGET', key, id)
	if not mark then
		c.run = -1
		finalise(c, id, rec, reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
		return 'c'
	end
	if sub(mark, -1) ~= '!' then
		call('HSET', key, id, mark .. '!')
		call('SETRANGE', T .. ':j:' .. id, 4, char(floor(byte(rec, 5) / 4) * 4 + byte(rec, 5) % 2 + 2))
	end
	hint(T, batch, id)
	return 'a'
end

register('sq_cancel', {'allow-oom'}, function(keys, argv)
	local T, id = keys[1], argv[1]
	if not id then
		return refuse('expected an id')
	end
	local c, code = changes(T, now()), 'c'
	local rec = call('GET', T .. ':j:' .. id)
	local reply_at, _, outcome_at, state = layout(rec)
	if not reply_at then
		return {'0'}
	elseif IS_FINAL[state] then
		return {'d', rec}
	elseif state == 'r' then
		code = ask(T, c, id, rec, reply_at, outcome_at)
	elseif state == 'd' then
		call('ZREM', T .. ':d', id)
		finalise(c, id, rec, reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
	else
		finalise(c, id, record_tombstone(rec), reply_at, outcome_at, 'c', false, 0, ERROR_CANCELLED)
	end
	if state ~= 'r' and record_expires_at(rec) > 0 then
		add(c, 'unexpire', id)
	end
	apply(c)
	return {code, call('GET', T .. ':j:' .. id)}
end)
-- claim.lua
-- sq_claim: up to max waiting jobs become running under a batch. Due delayed jobs are moved first; overdue jobs expire
-- on the way; a paused queue gives none.
-- KEYS  T
-- ARGV  batch, max (1..64), lease_us, start 0/1 (may be left out: 0)
--       start: the jobs count as started from here, for a worker that expects nothing but short ones
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
				add(c, 'marks', id, c.mark)
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
local function fill(T, at, batch, mark, limit, reply)
	local high, normal, low = T .. ':w:high', T .. ':w:normal', T .. ':w:low'
	local c, seen, empty = changes(T, at), {}, false
	local under = char(#batch) .. batch
	c.batch, c.mark = batch, mark
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
		more = fill(T, at, batch, argv[4] == '1' and 's' or 'c', limit, reply)
		if not more then
			call('DEL', T .. ':mk')
		end
	end
	reply[3] = more and not paused and 1 or 0
	return reply
end)
-- enqueue.lua
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
-- extend.lua
-- sq_extend: the heartbeat, one call for all batches of a worker.
-- KEYS  T
-- ARGV  lease_us, batches...
-- reply per batch 'ok', 'cancel ID ID...' (ok, and these jobs are to be stopped), 'lost' (reaped: drop it)
-- again the same

register('sq_extend', {'allow-oom'}, function(keys, argv)
	local T, lease_us, n = keys[1], tonumber(argv[1]), #argv - 1
	if not lease_us or lease_us < 1 or n < 1 or n > ENQUEUE_MAX then
		return refuse('expected a lease and 1 to ' .. ENQUEUE_MAX .. ' batches')
	end
	local deadline = now() + lease_us
	local answers, leases = {}, {}
	for i = 1, n do
		local batch, cancel = argv[i + 1], {}
		local all = redis.pcall('HGETALL', T .. ':b:' .. batch)
		for k = 1, #all, 2 do
			if sub(all[k + 1], -1) == '!' then
				cancel[#cancel + 1] = all[k]
			end
		end
		if #all == 0 then -- or an error, of a foreign value that must not stop the other batches
			answers[i] = 'lost'
		else
			leases[#leases + 1] = deadline
			leases[#leases + 1] = batch
			answers[i] = cancel[1] and 'cancel ' .. concat(cancel, ' ') or 'ok'
		end
	end
	if #leases > 0 then
		call('ZADD', T .. ':lease', unpack(leases))
	end
	return answers
end)
-- fail.lua
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
				finalise(c, id, rec, reply_at, outcome_at, 'c', sub(mark, 1, 1) == 's', run_us, ERROR_CANCELLED)
				verdicts[i] = 'k'
			else
				verdicts[i] = retry(c, id, rec, reply_at, outcome_at, run_us, json, argv[4 * i - 1] == 'w')
			end
			done[id] = (verdicts[i] == 'k' or verdicts[i] == 'x') and 'm' or verdicts[i]
		end
	end
	apply(c)
	leave_batch(T, batch, left)
	return concat(verdicts)
end)
-- figures.lua
-- sq_figures: what a queue holds and has done.
-- KEYS  T
-- reply {now, queued, running, delayed, dead, oldest_us, paused 0/1, succeeded, failed, died, cancelled, expired,
--       enqueued, finished, run_us, then as texts: enqueued per s, finished per s, seconds of running per s}
-- again the same

-- The counters, as numbers: live, run, us, then those who ended by kind.
local COUNTERS = {'live', 'run', 'us', 'n:s', 'n:f', 'n:x', 'n:c', 'n:e'}
local function read_counters(T)
	local all, ended = call('HMGET', T .. ':st', unpack(COUNTERS)), 0
	for i = 1, #COUNTERS do
		all[i] = tonumber(all[i] or 0) or 0
		ended = ended + (i > 3 and all[i] or 0)
	end
	return all, all[1] + ended, ended
end

-- Means over about the last 10 s, exponential, brought up to date by the reaper and by who looks. The sample is 'time
-- enqueued ended us', and the three means; after a pause the mean of all that time counts, after a step of the clock
-- back the means stay until the next sample.
local function sample(T, at, enqueued, ended, us)
	local key = T .. ':rate'
	local counts, means, last = {enqueued, ended, us / 1000000}, {0, 0, 0}, {}
	local text = redis.pcall('GET', key)
	for field in string.gmatch(type(text) == 'string' and text or '', '%S+') do
		last[#last + 1] = tonumber(field)
	end
	if #last == 7 then
		local elapsed = (at - last[1]) / 1000000
		local keep = math.exp(-(at - last[1]) / RATE_MEAN_US)
		for i = 1, 3 do
			means[i] = last[i + 4]
			if elapsed * 1000000 >= RATE_US then
				means[i] = means[i] * keep + max(0, counts[i] - last[i + 1]) / elapsed * (1 - keep)
			end
		end
		if elapsed >= 0 and elapsed * 1000000 < RATE_US then
			return means
		end
	end
	call('SET', key, format('%.0f %.0f %.0f %.6f %.9f %.9f %.9f', at, counts[1], counts[2], counts[3], means[1],
		means[2], means[3]))
	return means
end

-- How long the longest waiting of those at the heads of the lists has been waiting. A few tombstones may stand there.
local function oldest(T, at)
	local since = at
	for i = 1, 3 do
		for _, id in ipairs(redis.pcall('LRANGE', T .. LISTS[i].suffix, 0, 15)) do
			local head = redis.pcall('GETRANGE', T .. ':j:' .. id, 0, 29)
			if type(head) == 'string' and #head == 30 and sub(head, 1, 3) == 'J1q' then
				local created, run_at = unpack_bytes('<i8i8', head, 15)
				since = min(since, max(created, run_at))
				break
			end
		end
	end
	return at - since
end

-- The number of members; of foreign data, none.
local function members(command, key)
	local n = redis.pcall(command, key)
	return type(n) == 'number' and n or 0
end

register('sq_figures', {'allow-oom'}, function(keys)
	local T, at = keys[1], now()
	local n, enqueued, ended = read_counters(T)
	local delayed = members('ZCARD', T .. ':d')
	local means = sample(T, at, enqueued, ended, n[3])
	return {at, max(0, n[1] - n[2] - delayed), n[2], delayed, members('ZCARD', T .. ':dead'), oldest(T, at),
		call('HGET', T .. ':st', 'paused') == '1' and 1 or 0, n[4], n[5], n[6], n[7], n[8], enqueued, ended, n[3],
		format('%.6f', means[1]), format('%.6f', means[2]), format('%.6f', means[3])}
end)
-- finish.lua
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
-- fsck.lua
-- What `square fsck` asks of a live queue. Every function looks at a slice, judges it in the same moment (so nothing
-- that is on its way between two places is ever taken for lost) and mends it there when it is asked to. A slice costs a
-- few ms at most, but for sq_fsck_job, fsck_lists.lua. The caller walks through the keyspace and the lists, and sees to
-- it that nothing is left out: queue_fsck.c.
--
-- A finding is four texts: a code (queue_fsck.c has the words), what it is about (an id, a batch, the rest of a key's
-- XX
local fsck = {}

do
	local LOOK_BYTES = 600 -- of a record: whatever its lengths, the envelope's stands within
	local BUDGET = 150     -- records that one call looks at, roughly
	local MARKS_MAX = 1024
	local LEASE_US = 10000000

	function fsck.new(T, argv)
		return {T = T, at = now(), repair = argv[1] == '1', out = {}, waiting = {}, suspects = {}, spent = 0, keyless = 0}
	end

	-- A finding; mend: what to do about it, when anything can be done. True when it was done.
	function fsck.found(c, code, subject, detail, mend)
		local done = c.repair and mend ~= nil
		if done then
			local d = changes(c.T, c.at)
			mend(d)
			apply(d)
		end
		local out = c.out
		local n = #out
		out[n + 1], out[n + 2], out[n + 3], out[n + 4] = code, subject, detail or '', done and '1' or mend and '0' or '-'
		return done
	end

	local function length_at(r, head, at)
		return unpack_bytes('<I4', at + 3 <= #head and sub(head, at, at + 3) or call('GETRANGE', r.key, at - 1, at + 2))
	end

	-- What a record says, without its arguments and its result. nil: there is none; false: it is none of ours.
	function fsck.read(T, id)
		local r = {id = id, key = T .. ':j:' .. id}
		local size = redis.pcall('STRLEN', r.key)
		if size == 0 and call('EXISTS', r.key) == 0 then
			return nil
		end
		local head = type(size) == 'number' and size >= 80 and call('GETRANGE', r.key, 0, LOOK_BYTES - 1) or ''
		local letter, digit, state, priority = byte(head, 1, 4)
		if letter ~= 74 or digit ~= 49 or not STATE[state] or not IS_PRIORITY[priority] then
			return false
		end
		local reply = 72 + byte(head, 71)
		local envelope = reply + 1 + (byte(head, reply) or size)
		if size < envelope + 3 then
			return false
		end
		local outcome = envelope + 4 + length_at(r, head, envelope)
		if size < outcome + 3 or size ~= outcome + 3 + length_at(r, head, outcome) then
			return false
		end
		r.state, r.priority, r.flags, r.batch = STATE[state], priority, byte(head, 5), record_batch(head, reply)
		r.attempt, r.allowed, r.ttl_s, r.created, r.run_at, r.expires_at, r.started =
			unpack_bytes('<HHI4i8i8i8i8', head, 7)
		r.joined = r.state == 'q' and record_joined(head)
		r.led = floor(r.flags / LED) % 2 == 1
		return r
	end

	function fsck.set_flags(r, flags)
		call('SETRANGE', r.key, 4, char(flags))
		r.flags = flags
	end

	-- The whole record, for what needs it: the record, and where its parts begin.
	function fsck.whole(r)
		local rec = call('GET', r.key)
		local reply_at, _, outcome_at = layout(rec)
		return rec, reply_at, outcome_at
	end

	-- Redis tells a score with 17 digits, which are the microseconds exactly.
	function fsck.score(key, member)
		local score = redis.pcall('ZSCORE', key, member)
		return type(score) == 'string' and tonumber(score) or nil, type(score) == 'table'
	end

	-- A record that was put aside has a time to live whatever it says, and its id was kept, if not for ever.
	function fsck.aside(T, id)
		return redis.pcall('LPOS', T .. ':bad', id) or members('LLEN', T .. ':bad') >= BAD_MAX
	end

	-- Followers of a job that will end no more: what becomes of them when it ends.
	function fsck.settle(T, leader, r)
		return function(d)
			local led = {id = leader}
			if r then
				local rec, _, outcome_at = fsck.whole(r)
				led.state, led.json = r.state, sub(rec, outcome_at + 4)
				fsck.set_flags(r, r.flags % LED)
			end
			d.led = {led}
		end
	end

	---- jobs by their records ----

	local function check_final(c, r)
		if r.ttl == -1 then
			fsck.found(c, 'final-no-ttl', r.id, r.state, function()
				call('EXPIRE', r.key, r.state == 'x' and DEAD_TTL_S or r.ttl_s)
			end)
		end
		if r.led then
			fsck.found(c, 'led-final', r.id, r.state, fsck.settle(c.T, r.id, r))
		end
		if r.flags % 2 == 1 then
			c.waiting[#c.waiting + 1] = r.id -- an entry must stand in its list
		end
	end

	-- True when it stands in its batch.
	local function check_running(c, r)
		local key = c.T .. ':b:' .. r.batch
		local mark = redis.pcall('HGET', key, r.id)
		if type(mark) == 'string' then
			local asked = floor(r.flags / 2) % 2 == 1
			if asked ~= (sub(mark, -1) == '!') then
				fsck.found(c, 'cancel-differs', r.id, r.batch, function()
					if asked then
						call('HSET', key, r.id, mark .. '!')
					else
						fsck.set_flags(r, r.flags + 2)
					end
				end)
			end
		elseif not (r.ttl >= 0 and fsck.aside(c.T, r.id)) then
			fsck.found(c, 'running-lost', r.id, r.batch, function(d)
				local rec, reply_at, outcome_at = fsck.whole(r)
				if floor(r.flags / 2) % 2 == 1 then
					finalise(d, r.id, rec, reply_at, outcome_at, 'c', r.started > 0, 0, ERROR_CANCELLED)
				elseif r.started > 0 then
					retry(d, r.id, rec, reply_at, outcome_at, 0, ERROR_LOST)
				else
					give_back(d, r.id, rec, reply_at, outcome_at)
				end
			end)
			return false
		end
		return type(mark) == 'string'
	end

	local function check_delayed(c, r)
		local key = c.T .. ':d'
		local score, foreign = fsck.score(key, r.id)
		if foreign or not score and r.ttl >= 0 and fsck.aside(c.T, r.id) then
			return false
		elseif score ~= r.run_at then
			fsck.found(c, score and 'delayed-time' or 'delayed-lost', r.id, format('%.0f', r.run_at), function()
				call('ZADD', key, r.run_at, r.id)
				if not score then
					push_markers(c.T, 1)
				end
			end)
		end
		return true
	end

	local function check_follower(c, r)
		local f, joined = c.T .. ':f:' .. r.batch, c.T .. ':joined'
		c.spent = c.spent + members('LLEN', f) / 20
		if not tonumber(redis.pcall('LPOS', f, r.id) or nil) then
			if r.ttl >= 0 and fsck.aside(c.T, r.id) then
				return false
			end
			return fsck.found(c, 'follower-lost', r.id, r.batch, function(d)
				local rec, reply_at = fsck.whole(r)
				add(d, 'set', r.key, record_following(rec, reply_at, r.flags - JOINED, ''))
				add(d, TAIL[r.priority], r.id)
				call('ZREM', joined, r.id)
			end)
		end
		local score, foreign = fsck.score(joined, r.id)
		if score ~= r.created and not foreign then
			fsck.found(c, 'joined-missing', r.id, r.batch, function()
				call('ZADD', joined, r.created, r.id)
			end)
		end
		return true
	end

	local function check_live(c, r)
		local placed = true
		if r.state == 'q' and not r.joined then
			-- Whether it stands in its list is for the caller to see, who reads the lists.
			local list = (r.ttl >= 0 or r.flags % 2 == 1) and c.suspects or c.waiting
			list[#list + 1], placed = r.id, false
		elseif r.flags % 2 == 1 then
			c.suspects[#c.suspects + 1] = r.id
		end
		local waits, expires_at = r.state ~= 'r', r.expires_at
		if r.joined then
			placed = check_follower(c, r)
		elseif r.state == 'd' then
			placed = check_delayed(c, r)
		elseif r.state == 'r' then
			placed = check_running(c, r)
		end
		if r.ttl >= 0 and placed then
			fsck.found(c, 'live-ttl', r.id, tostring(r.ttl), function() call('PERSIST', r.key) end)
		end
		local score, foreign
		if waits and expires_at > 0 then
			score, foreign = fsck.score(c.T .. ':x', r.id)
		end
		if waits and expires_at > 0 and score ~= expires_at and not foreign and (placed or r.ttl == -1) then
			fsck.found(c, 'expiry-missing', r.id, format('%.0f', expires_at), function()
				call('ZADD', c.T .. ':x', expires_at, r.id)
			end)
		end
		if r.attempt >= r.allowed then
			fsck.found(c, 'attempts', r.id, r.attempt .. ' of ' .. r.allowed)
		end
		if r.led and call('EXISTS', c.T .. ':f:' .. r.id) == 0 then
			fsck.found(c, 'led-nobody', r.id, '', function()
				fsck.set_flags(r, byte(call('GETRANGE', r.key, 4, 4)) - LED)
			end)
		end
	end

	local function check_job(c, id)
		local r = fsck.read(c.T, id)
		local ttl = call('TTL', c.T .. ':j:' .. id)
		c.spent = c.spent + 1
		if r then
			r.ttl = ttl
			if IS_FINAL[r.state] then
				check_final(c, r)
			else
				check_live(c, r)
			end
		elseif r == false and ttl == -1 then
			c.suspects[#c.suspects + 1] = id
		end
	end

	---- batches, followers, keys ----

	local function check_mark(c, key, batch, id, mark)
		local r = fsck.read(c.T, id)
		local function leave(d)
			d.run = -1
			leave_batch(c.T, batch, {id})
		end
		if r == nil then
			fsck.found(c, 'mark-no-record', id, batch, function(d)
				leave(d)
				d.live = -1
				orphan(d, id)
			end)
		elseif r == false then
			fsck.found(c, 'malformed', id, 'batch ' .. batch, function(d)
				leave(d)
				isolate(d, id, false)
			end)
		elseif r.state ~= 'r' or r.batch ~= batch then
			fsck.found(c, 'mark-not-its', id, batch, leave)
		elseif mark ~= 'c' and mark ~= 's' and mark ~= 'c!' and mark ~= 's!' then
			fsck.found(c, 'mark-wrong', id, batch, function()
				call('HSET', key, id, floor(r.flags / 2) % 2 == 1 and 's!' or 's')
			end)
		end
	end

	local function check_batch(c, key, batch)
		local n = members('HLEN', key)
		c.spent = c.spent + n
		if n > MARKS_MAX then
			fsck.found(c, 'bound', 'b:' .. batch, n .. ' jobs, at most ' .. BATCH_MAX)
			return
		end
		local lease, foreign = fsck.score(c.T .. ':lease', batch)
		if not lease and not foreign then
			fsck.found(c, 'batch-no-lease', batch, n .. ' jobs', function()
				call('ZADD', c.T .. ':lease', c.at + LEASE_US, batch)
			end)
		end
		local all = call('HGETALL', key)
		for i = 1, #all, 2 do
			check_mark(c, key, batch, all[i], all[i + 1])
		end
	end

	-- Followers whose records say so, no one twice.
	local function check_entries(c, key, leader)
		local seen, joined = {}, c.T .. ':joined'
		for _, id in ipairs(call('LRANGE', key, 1, -1)) do
			local r = fsck.read(c.T, id)
			if seen[id] then
				fsck.found(c, 'follows-twice', id, leader, function() call('LREM', key, -1, id) end)
			elseif not r or not r.joined or r.batch ~= leader then
				fsck.found(c, r == false and 'malformed' or 'follower-not-its', id, leader, function(d)
					call('LREM', key, 0, id)
					if not r then
						call('ZREM', joined, id)
						add(d, 'unexpire', id)
					end
					if r == false then
						isolate(d, id, false)
					elseif not r then
						d.live = -1
					end
				end)
			end
			seen[id] = true
		end
	end

	local function check_followers(c, key, leader)
		local n, r = members('LLEN', key), fsck.read(c.T, leader)
		c.spent = c.spent + n
		if n > FOLLOW_MAX + 1 then
			fsck.found(c, 'bound', 'f:' .. leader, n .. ' entries, at most ' .. FOLLOW_MAX + 1)
		elseif r == false and call('TTL', c.T .. ':j:' .. leader) == -1 then
			return -- malformed: whoever puts it aside sees to them
		elseif not r then
			fsck.found(c, 'leader-gone', leader, n - 1 .. ' jobs follow it', fsck.settle(c.T, leader))
		elseif not IS_FINAL[r.state] then
			if not r.led then
				fsck.found(c, 'led-unflagged', leader, n - 1 .. ' jobs follow it', function()
					fsck.set_flags(r, r.flags + LED)
				end)
			end
			check_entries(c, key, leader)
			if c.repair and call('LLEN', key) == 1 then
				call('DEL', key)
				fsck.set_flags(r, r.flags % LED)
			end
		elseif not r.led then -- with the flag it was found by its record
			fsck.found(c, 'led-final', leader, r.state, fsck.settle(c.T, leader, r))
		end
	end

	local function check_key_to_job(c, key, name)
		local value = call('GET', key)
		c.spent = c.spent + 1
		if not string.match(value, '^' .. string.rep('.', 36) .. '%d+:') then
			fsck.found(c, 'idem-malformed', 'i:' .. name)
		elseif call('EXISTS', c.T .. ':j:' .. sub(value, 1, 36)) == 0 then
			c.keyless = c.keyless + 1
		end
	end

	-- The kinds of keys by name, or by what the name begins with: type, most elements, time to live; hint: nobody loses
	-- anything with it; keep: from which end the entries are kept.
	local LIST, ZSET, HASH, STRING = {'list', 'LLEN'}, {'zset', 'ZCARD'}, {'hash', 'HLEN'}, {'string', 'STRLEN'}
	local KINDS = {
		['w:high'] = {LIST}, ['w:normal'] = {LIST}, ['w:low'] = {LIST}, d = {ZSET}, x = {ZSET}, lease = {ZSET},
		joined = {ZSET}, st = {HASH}, mk = {LIST, MARKERS_MAX, hint = true, keep = 'tail'},
		recent = {LIST, RECENT_MAX, hint = true, keep = 'head'}, bad = {LIST, BAD_MAX, hint = true, keep = 'head'},
		dead = {ZSET, DEAD_MAX + 50000, hint = true}, -- the reaper cuts it to DEAD_MAX, once a second
		clk = {STRING, 32, hint = true}, rate = {STRING, 256, hint = true},
		cache = {HASH, CACHE_MAX + 1, CACHE_TTL_S, hint = true},
		['b:'] = {HASH, check = check_batch}, ['f:'] = {LIST, check = check_followers},
		['i:'] = {STRING, 256, IDEM_TTL_S, check = check_key_to_job},
		['r:'] = {LIST, REPLY_MAX, REPLY_TTL_S, hint = true, keep = 'tail'},
		['k:'] = {LIST, HINTS_MAX, HINT_TTL_S, hint = true, keep = 'tail'},
	}

	local function check_bounds(c, key, name, kind)
		local n, most, ttl_s = call(kind[1][2], key), kind[2], kind[3]
		local ttl = call('TTL', key)
		if most and n > most then
			fsck.found(c, 'bound', name, n .. ' entries, at most ' .. most, (kind.keep or name == 'dead') and function()
				if kind.keep == 'tail' then
					call('LTRIM', key, -most, -1)
				elseif kind.keep then
					call('LTRIM', key, 0, most - 1)
				else
					call('ZREMRANGEBYRANK', key, 0, -DEAD_MAX - 1)
				end
			end or nil)
		end
		if ttl_s and (ttl == -1 or ttl > ttl_s) then
			fsck.found(c, 'key-no-ttl', name, 'at most ' .. ttl_s .. ' s', function() call('EXPIRE', key, ttl_s) end)
		elseif not ttl_s and ttl >= 0 then
			fsck.found(c, 'key-ttl', name, ttl .. ' s', function() call('PERSIST', key) end)
		end
	end

	local function check_key(c, name)
		local prefix, rest = string.match(name, '^(%a:)(.*)$')
		if prefix == 'j:' then
			check_job(c, rest)
			return
		end
		local key, kind = c.T .. ':' .. name, KINDS[name] or KINDS[prefix or '']
		local is = call('TYPE', key).ok
		c.spent = c.spent + 1
		if is == 'none' then
			return -- gone meanwhile
		elseif not kind then
			fsck.found(c, 'unknown-key', name, is)
		elseif is ~= kind[1][1] then
			fsck.found(c, 'foreign-key', name, is .. ', expected ' .. kind[1][1], kind.hint and function()
				call('UNLINK', key)
			end or nil)
		else
			check_bounds(c, key, name, kind)
			if kind.check then
				kind.check(c, key, rest)
			end
		end
	end

	-- sq_fsck_keys: checks the keys of these names, jobs' records for the most part.
	-- KEYS  T
	-- ARGV  repair 0/1, names (behind "T:")...
	-- reply {findings, ids that must stand in a list, ids to be judged by sq_fsck_job, how many of the names were
	--       checked (the rest: ask again), idempotency keys whose job has gone}
	-- again the same, less what was mended
	register('sq_fsck_keys', {'allow-oom'}, function(keys, argv)
		local c, n = fsck.new(keys[1], argv), 1
		if #argv < 2 or #argv > ENQUEUE_MAX then
			return refuse('expected repair and 1 to ' .. ENQUEUE_MAX - 1 .. ' names')
		end
		while n < #argv and c.spent < BUDGET do
			n = n + 1
			check_key(c, argv[n])
		end
		return {c.out, c.waiting, c.suspects, n - 1, c.keyless}
	end)
end
-- fsck_lists.lua
-- The other part of fsck.lua: where jobs stand, and the counters.
do
	local PAGE = 200
	local NEAR = 10000 -- entries from the head where a job is looked for
	local DEEP = 20000 -- entries of lists that one call walks through before it leaves the rest of its jobs
	local LEASES_MAX = 5000

	-- What stands in a sorted set and should not, by the set: a member, its record, its score.
	local SETS = {}

	function SETS.d(c, id, r)
		if r and r.state == 'd' then
			return
		end
		fsck.found(c, r == false and 'malformed' or r and 'delayed-not' or 'delayed-no-record', id, r and r.state or '',
			function(d)
				call('ZREM', c.T .. ':d', id)
				if r == false then
					isolate(d, id, false)
				elseif not r then
					d.live = -1
					add(d, 'unexpire', id)
					orphan(d, id)
				end
			end)
	end

	function SETS.x(c, id, r)
		if r == nil or r and (r.state ~= 'q' and r.state ~= 'd' or r.expires_at == 0) then
			fsck.found(c, 'expiry-not', id, r and r.state or '', function() call('ZREM', c.T .. ':x', id) end)
		end
	end

	function SETS.joined(c, id, r)
		if r == nil or r and not r.joined then
			fsck.found(c, 'joined-not', id, r and r.state or '', function() call('ZREM', c.T .. ':joined', id) end)
		end
	end

	local function check_lease(c, batch)
		if call('EXISTS', c.T .. ':b:' .. batch) == 0 then
			fsck.found(c, 'lease-no-batch', batch, '', function() call('ZREM', c.T .. ':lease', batch) end)
		end
	end

	-- sq_fsck_set: checks some members of a sorted set.
	-- KEYS  T
	-- ARGV  repair 0/1, set (d, x, joined or lease), cursor ('0' to begin)
	-- reply {findings, the next cursor ('0': that was all)}
	register('sq_fsck_set', {'allow-oom'}, function(keys, argv)
		local c, name = fsck.new(keys[1], argv), argv[2]
		if not argv[3] or name ~= 'lease' and not SETS[name] then
			return refuse('expected repair, one of d, x, joined and lease, and a cursor')
		end
		local page = redis.pcall('ZSCAN', c.T .. ':' .. name, argv[3], 'COUNT', PAGE)
		if page.err then
			return {c.out, '0'} -- not a sorted set: found by its key
		end
		for i = 1, #page[2], 2 do
			if name == 'lease' then
				check_lease(c, page[2][i])
			else
				SETS[name](c, page[2][i], fsck.read(c.T, page[2][i]))
			end
		end
		return {c.out, page[1]}
	end)

	-- What an entry of a list is: q a waiting job, t a tombstone (claims skip it), ! for sq_fsck_job to judge.
	local function entry(T, id, priority)
		local key = T .. ':j:' .. id
		local head = redis.pcall('GETRANGE', key, 0, 4)
		if head == '' and call('EXISTS', key) == 0 then
			return 't' -- of a job whose time has run out, or whose record is lost: the counters tell which
		elseif type(head) ~= 'string' or #head < 5 or sub(head, 1, 2) ~= 'J1' then
			return call('TTL', key) == -1 and '!' or 't'
		end
		local _, _, state, its_priority, flags = byte(head, 1, 5)
		state = STATE[state]
		if state == 'q' then
			return its_priority == priority and flags % 2 == 0 and floor(flags / JOINED) % 2 == 0 and 'q' or '!'
		end
		return IS_FINAL[state] and flags % 2 == 1 and 't' or '!'
	end

	-- sq_fsck_list: reads a page of a list, counted from its tail. Entries come and go at the ends alone, and what is put
	-- at the tail makes a page show entries once more: who reads to the head misses none that stood there all the time.
	-- KEYS  T
	-- ARGV  list 1 high, 2 normal, 3 low; entries to skip
	-- reply {ids as they stand, a text with a character for each: q, t, ! as above}; no ids: that was all
	register('sq_fsck_list', {'no-writes'}, function(keys, argv)
		local T, list, skip = keys[1], LISTS[tonumber(argv[1]) or 0], tonumber(argv[2])
		if not list or not skip or skip < 0 then
			return refuse('expected a list of 1 to 3, and how many entries to skip')
		end
		now()
		local ids, kinds = redis.pcall('LRANGE', T .. list.suffix, -(skip + PAGE), -(skip + 1)), {}
		if ids.err then
			return {{}, ''}
		end
		local priority = byte(list.suffix, 4)
		for i = 1, #ids do
			kinds[i] = entry(T, ids[i], priority)
		end
		return {ids, concat(kinds)}
	end)

	---- one job, in all lists ----

	local function remove(T, counts, id)
		for i = 1, 3 do
			if counts[i] > 0 then
				call('LREM', T .. LISTS[i].suffix, 0, id)
			end
		end
	end

	-- Leaves the entry that is nearest to the head.
	local function remove_repeated(c, id, list, n)
		fsck.found(c, 'listed-twice', id, sub(list.suffix, 4), function()
			call('LREM', c.T .. list.suffix, -(n - 1), id)
		end)
	end

	local function judge_queued(c, r, counts, total)
		local own = r.priority == 104 and 1 or r.priority == 110 and 2 or 3
		local list = LISTS[own]
		if r.ttl >= 0 and total == 0 and fsck.aside(c.T, r.id) then
			return
		elseif r.ttl >= 0 then
			fsck.found(c, 'live-ttl', r.id, tostring(r.ttl), function() call('PERSIST', r.key) end)
		end
		if r.flags % 2 == 1 then
			fsck.found(c, 'live-tombstone', r.id, '', function() fsck.set_flags(r, r.flags - 1) end)
		end
		if total == 0 then
			fsck.found(c, 'queued-lost', r.id, sub(list.suffix, 4), function(d) add(d, TAIL[r.priority], r.id) end)
		elseif total > counts[own] then
			fsck.found(c, 'wrong-list', r.id, sub(list.suffix, 4), function(d)
				local others = {counts[1], counts[2], counts[3]}
				others[own] = 0
				remove(c.T, others, r.id)
				if counts[own] == 0 then
					add(d, TAIL[r.priority], r.id)
				end
			end)
		end
		if counts[own] > 1 then
			remove_repeated(c, r.id, list, counts[own])
		end
	end

	local function judge_final(c, r, counts, total)
		local flagged = r.flags % 2 == 1
		if flagged and total == 0 then
			fsck.found(c, 'tombstone-missing', r.id, r.state, function() fsck.set_flags(r, r.flags - 1) end)
		elseif not flagged and total > 0 then
			fsck.found(c, 'tombstone-unflagged', r.id, r.state, function() fsck.set_flags(r, r.flags + 1) end)
		end
		for i = 1, 3 do
			if counts[i] > 1 then
				remove_repeated(c, r.id, LISTS[i], counts[i])
			end
		end
	end

	local function judge(c, id)
		local counts, total, r = {}, 0, fsck.read(c.T, id)
		local ttl = call('TTL', c.T .. ':j:' .. id)
		for i = 1, 3 do
			local at = redis.pcall('LPOS', c.T .. LISTS[i].suffix, id, 'COUNT', 0)
			counts[i] = at.err and 0 or #at
			total = total + counts[i]
		end
		if r == false and ttl == -1 then
			fsck.found(c, 'malformed', id, '', function(d)
				remove(c.T, counts, id)
				redis.pcall('ZREM', c.T .. ':d', id)
				redis.pcall('ZREM', c.T .. ':joined', id)
				isolate(d, id, false)
			end)
		elseif r then
			r.ttl = ttl
			if IS_FINAL[r.state] then
				judge_final(c, r, counts, total)
			elseif r.state == 'q' and not r.joined then
				judge_queued(c, r, counts, total)
			else
				if total > 0 then
					fsck.found(c, 'live-listed', id, r.joined and 'follows another job' or r.state, function()
						remove(c.T, counts, id)
					end)
				end
				if r.flags % 2 == 1 then
					fsck.found(c, 'live-tombstone', id, '', function() fsck.set_flags(r, r.flags - 1) end)
				end
			end
		end
	end

	-- sq_fsck_job: judges jobs by all entries they have in the lists. The one function here that costs what the lists
	-- are long, about 50 ns an entry and job: for jobs that a walk has seen in a wrong way, not for those it missed.
	-- KEYS  T
	-- ARGV  repair 0/1, ids...
	-- reply {findings, how many of the ids were judged (the rest: ask again)}
	register('sq_fsck_job', {'allow-oom'}, function(keys, argv)
		local c, n, length, walked = fsck.new(keys[1], argv), 1, 1, 0
		if #argv < 2 or #argv > ENQUEUE_MAX then
			return refuse('expected repair and 1 to ' .. ENQUEUE_MAX - 1 .. ' ids')
		end
		for i = 1, 3 do
			length = length + members('LLEN', c.T .. LISTS[i].suffix)
		end
		length = max(length, PAGE)
		while n < #argv and (n == 1 or walked + length <= DEEP) do
			n = n + 1
			walked = walked + length
			judge(c, argv[n])
		end
		return {c.out, n - 1}
	end)

	---- jobs that a walk has missed ----

	-- The list where an entry of the job must stand; nil when none must.
	local function own_list(r)
		if r and (r.state == 'q' and not r.joined or IS_FINAL[r.state] and r.flags % 2 == 1) then
			return LISTS[r.priority == 104 and 1 or r.priority == 110 and 2 or 3]
		end
		return nil
	end

	-- sq_fsck_near: whether jobs are in their lists near the head, from where alone an entry can leave. As long as the
	-- anchor, an entry further back, is there, whatever stood behind it is there too: so a job that is not before the
	-- anchor now, nor in a walk from the tail that comes by the anchor later, was in no list now.
	-- KEYS  T
	-- ARGV  repair 0/1 (nothing is changed here), ids...
	-- reply per id, as far as this call came: '' nothing is wrong, '!' the list is short (ask sq_fsck_job), or an anchor
	register('sq_fsck_near', {'allow-oom'}, function(keys, argv)
		local T, answers = keys[1], {}
		now()
		for i = 2, min(#argv, 1 + max(1, floor(DEEP / NEAR))) do
			local list = own_list(fsck.read(T, argv[i]))
			local key, answer = list and T .. list.suffix, ''
			if list and members('LLEN', key) <= NEAR then
				answer = '!'
			elseif list and not call('LPOS', key, argv[i], 'MAXLEN', NEAR) then
				answer = call('LINDEX', key, NEAR - 1)
			end
			answers[i - 1] = answer
		end
		return answers
	end)

	-- sq_fsck_lost: mends jobs that were proven to be in no list, unless that has changed.
	-- KEYS  T
	-- ARGV  repair 0/1, ids...
	-- reply {findings}
	register('sq_fsck_lost', {'allow-oom'}, function(keys, argv)
		local c = fsck.new(keys[1], argv)
		for i = 2, #argv do
			local r = fsck.read(c.T, argv[i])
			local list = own_list(r)
			-- another check may have put it back meanwhile, to the tail
			if list and not call('LPOS', c.T .. list.suffix, argv[i], 'RANK', -1, 'MAXLEN', PAGE) then
				r.ttl = call('TTL', r.key)
				if r.state == 'q' then
					judge_queued(c, r, {0, 0, 0}, 0)
				else
					judge_final(c, r, {0, 0, 0}, 0)
				end
			end
		end
		return {c.out}
	end)

	---- counters ----

	-- sq_fsck_count: the counters against the places. The live jobs are the entries of all places, less the tombstones,
	-- which only a walk through the lists can count. A tombstone comes with a job that is cancelled or expires, which
	-- a total counts; it goes, or becomes a job again, and changes the difference of counter and entries. So when both
	-- totals and the difference are what they were when the walk began, its number of tombstones holds now.
	-- KEYS  T
	-- ARGV  repair 0/1 [, tombstones, and the three figures of the reply before the walk]
	-- reply {findings, difference, cancelled, expired, 1 when the live counter was judged}
	register('sq_fsck_count', {'allow-oom'}, function(keys, argv)
		local T, c, st = keys[1], fsck.new(keys[1], argv), keys[1] .. ':st'
		local have = redis.pcall('HMGET', st, 'live', 'run', 'n:c', 'n:e')
		if have.err or members('ZCARD', T .. ':lease') > LEASES_MAX then
			return {c.out, '0', '0', '0', 0}
		end
		local entries, marks = members('ZCARD', T .. ':d') + members('ZCARD', T .. ':joined'), 0
		for i = 1, 3 do
			entries = entries + members('LLEN', T .. LISTS[i].suffix)
		end
		local batches = redis.pcall('ZRANGE', T .. ':lease', 0, -1)
		for i = 1, #batches do
			marks = marks + members('HLEN', T .. ':b:' .. batches[i])
		end
		local live, run = tonumber(have[1] or 0) or 0, tonumber(have[2] or 0) or 0
		if run ~= marks then
			fsck.found(c, 'run-counter', 'run', format('%.0f, %.0f jobs run', run, marks), function(d)
				d.run = marks - run
			end)
		end
		local figures = {format('%.0f', live - entries - marks), have[3] or '0', have[4] or '0'}
		local known = argv[2] and figures[1] == argv[3] and figures[2] == argv[4] and figures[3] == argv[5]
		local off = known and live - entries - marks + tonumber(argv[2])
		if known and off ~= 0 then
			fsck.found(c, 'live-counter', 'live', format('%.0f, %.0f jobs live', live, live - off), function(d)
				d.live = -off
			end)
		end
		return {c.out, figures[1], figures[2], figures[3], known and 1 or 0}
	end)

	---- the registry ----

	local SILENT_US = 60000000 -- whoever announces itself forgets those not heard of for 6 s

	local function forget(R, name)
		return function()
			call('ZREM', R .. ':seen', name)
			for _, suffix in ipairs({':inst', ':topo', ':met'}) do
				call('HDEL', R .. suffix, name)
			end
		end
	end

	local function check_presence(c, R)
		local seen, newest, present = redis.pcall('ZRANGE', R .. ':seen', 0, -1, 'WITHSCORES'), 0, {}
		for i = 1, seen.err and 0 or #seen, 2 do
			newest = max(newest, tonumber(seen[i + 1]))
		end
		for i = 1, seen.err and 0 or #seen, 2 do
			present[seen[i]] = true
			if tonumber(seen[i + 1]) < newest - SILENT_US then
				fsck.found(c, 'presence-stale', seen[i], '', forget(R, seen[i]))
			end
		end
		for _, suffix in ipairs({'inst', 'topo'}) do
			for _, name in ipairs(redis.pcall('HKEYS', R .. ':' .. suffix)) do
				if not present[name] then
					present[name] = true
					fsck.found(c, 'presence-unseen', name, suffix, forget(R, name))
				end
			end
		end
	end

	-- sq_fsck_registry: checks who is present, and tells the queues.
	-- KEYS  {jq:reg}
	-- ARGV  repair 0/1
	-- reply {findings, tags}
	register('sq_fsck_registry', {'allow-oom'}, function(keys, argv)
		local R, c, tags, owner = keys[1], fsck.new(keys[1], argv), {}, {}
		local all = redis.pcall('HGETALL', R .. ':tags')
		for i = 1, all.err and 0 or #all, 2 do
			local tag, index = all[i], tonumber(all[i + 1])
			local right = index and index >= 0 and index < TAGS_MAX and index == floor(index)
			if not string.match(tag, '^{jq:[a-z0-9][a-z0-9_-]*:%d+}$') or not right then
				fsck.found(c, 'tag-wrong', tag, all[i + 1])
			elseif owner[index] then
				fsck.found(c, 'tag-shared', tag, index .. ', which is ' .. owner[index] .. "'s too")
			end
			owner[right and index or -1], tags[#tags + 1] = tag, tag
		end
		check_presence(c, R)
		return {c.out, tags}
	end)
end
-- list.lua
-- sq_list: a page of a queue's jobs, the latest first.
-- KEYS  T
-- ARGV  section, limit (1..200), before
--       section: r running, q queued, d delayed, x dead, a finished, s f c e finished that way
--       before: '' or the key of the last job of the page before
-- reply {more 0/1, id1, key1, record1, ...}; a page ends at about a MiB of records
--
-- The key says where a job stands in its section, as a text that falls from job to job: of running jobs the id; of
-- delayed, dead and finished ones a time of 16 digits (to run, ended, ended) and the id; of queued ones a digit for the
-- list (3 high, 2 normal, 1 low, 0 those who follow another job), the time since which it may run, and the id. The key
-- may name a job that has gone meanwhile, or one of another queue.
--
-- Values are only read when they are sent. Lists are read from where the latest stand; where a page begins is found by
-- the id, or when that has gone by its time: entries stand nearly in the order of their times.

local WINDOW = 256
local LPOS_MAX = 100000
local SLACK = 64 -- entries that may stand out of order

local function page_new(T, limit, before)
	return {T = T, limit = limit, before = before ~= '' and before or nil, n = 0, bytes = 0, looks = 0,
		full = false, reply = {0}}
end

-- State, flags and times of a record; nil when there is none.
local function head_of(p, id)
	local head = redis.pcall('GETRANGE', p.T .. ':j:' .. id, 0, 53)
	p.looks = p.looks + 1
	if type(head) == 'string' and #head == 54 and sub(head, 1, 2) == 'J1' then
		return sub(head, 3, 3), head
	end
	return nil
end

-- Puts a job on the page. False when the page is full.
local function offer(p, id, key)
	local name = p.T .. ':j:' .. id
	local size = call('STRLEN', name)
	if p.n == p.limit or p.n > 0 and p.bytes + size > PAGE_BYTES then
		p.full = true
		return false
	end
	local rec = call('GET', name)
	if layout(rec) then
		local reply = p.reply
		p.n, p.bytes = p.n + 1, p.bytes + size
		reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = id, key, rec
	end
	return true
end

local function falling(a, b)
	return a > b
end

local function list_running(p)
	local ids = {}
	for _, batch in ipairs(call('ZRANGE', p.T .. ':lease', 0, -1)) do
		for _, id in ipairs(redis.pcall('HKEYS', p.T .. ':b:' .. batch)) do
			if not p.before or id < p.before then
				ids[#ids + 1] = id
			end
		end
	end
	table.sort(ids, falling)
	for i = 1, #ids do
		if head_of(p, ids[i]) == 'r' and not offer(p, ids[i], ids[i]) then
			return
		end
	end
end

-- The rank, from the far end, of the first member behind (time, id).
local function zset_start(key, time, id)
	local score = call('ZSCORE', key, id)
	if score and tonumber(score) == tonumber(time) then
		return call('ZREVRANK', key, id) + 1
	end
	local low = call('ZCOUNT', key, '(' .. time, '+inf')
	local high = low + call('ZCOUNT', key, time, time)
	while low < high do
		local middle = floor((low + high) / 2)
		if call('ZRANGE', key, middle, middle, 'REV')[1] < id then
			high = middle
		else
			low = middle + 1
		end
	end
	return low
end

-- The jobs of a sorted set that are in this state, from its far end. rank: what keys begin with.
local function list_zset(p, suffix, state, rank)
	local key, start = p.T .. suffix, 0
	local size = redis.pcall('ZCARD', key)
	if type(size) ~= 'number' then
		return
	end
	if p.before and sub(p.before, 1, #rank) == rank then
		start = zset_start(key, sub(p.before, #rank + 1, #rank + 16), sub(p.before, #rank + 17))
	end
	while start < size and p.looks < PAGE_LOOKS do
		local part = call('ZRANGE', key, start, start + WINDOW - 1, 'REV', 'WITHSCORES')
		for i = 1, #part, 2 do
			local text = rank .. format('%016.0f', tonumber(part[i + 1])) .. part[i]
			if head_of(p, part[i]) == state and not offer(p, part[i], text) then
				return
			end
		end
		start = start + WINDOW
	end
	p.full = p.full or start < size
end

-- Two times of a job, by what is listed: since when it may run, or when it ended. Without a record of it, when its id
-- was made.
local function waiting_since(head)
	local created, run_at = unpack_bytes('<i8i8', head, 15)
	return max(created, run_at)
end

local function finished_at(head)
	return (unpack_bytes('<i8', head, 47))
end

local function look_at(p, id, time_of)
	local state, head = head_of(p, id)
	if not head then
		return (tonumber(sub(id, 1, 8) .. sub(id, 10, 13), 16) or 0) * 1000, nil, ''
	end
	return time_of(head), state, head
end

-- How many of the list's entries, counted from its latest, come before the page, and whether that is but an estimate.
local function list_start(p, w, time, id)
	local at = call('LPOS', w.list, id, 'RANK', w.from_head and 1 or -1, 'MAXLEN', LPOS_MAX)
	if at then
		return (w.from_head and at or w.size - 1 - at) + 1, false
	end
	local low, high = 0, w.size
	while low < high do
		local middle = floor((low + high) / 2)
		local its_id = call('LINDEX', w.list, w.from_head and middle or w.size - 1 - middle)
		local its_time = look_at(p, its_id, w.time_of)
		if its_time < time or its_time == time and its_id < id then
			high = middle
		else
			low = middle + 1
		end
	end
	return max(0, low - SLACK), true
end

-- A window of the list, the latest first.
local function list_window(w, from)
	if w.from_head then
		return call('LRANGE', w.list, from, from + WINDOW - 1)
	end
	local part, n = call('LRANGE', w.list, max(0, w.size - from - WINDOW), w.size - 1 - from), nil
	n = #part
	for i = 1, floor(n / 2) do
		part[i], part[n + 1 - i] = part[n + 1 - i], part[i]
	end
	return part
end

-- The jobs of one list, the latest first. w: list, from_head (that is where the latest stand), time_of, fits (whether a
-- job belongs there, by state and head), rank (what keys begin with).
local function list_walk(p, w)
	w.size = redis.pcall('LLEN', w.list)
	if type(w.size) ~= 'number' or w.size == 0 then
		return
	end
	local at, estimate, last, last_id = 0, false, nil, nil
	if p.before and sub(p.before, 1, #w.rank) == w.rank then
		last, last_id = tonumber(sub(p.before, #w.rank + 1, #w.rank + 16)), sub(p.before, #w.rank + 17)
		at, estimate = list_start(p, w, last, last_id)
	end
	while at < w.size and p.looks < PAGE_LOOKS do
		local part = list_window(w, at)
		for i = 1, #part do
			local id = part[i]
			local time, state, head = look_at(p, id, w.time_of)
			local key = w.rank .. format('%016.0f', time) .. id
			if state and w.fits(state, head) and not (estimate and key >= p.before) then
				if last and (time > last or time == last and id >= last_id) then
					time = last - 1 -- keys fall, even where times do not
					key = w.rank .. format('%016.0f', time) .. id
				end
				last, last_id = time, id
				if not offer(p, id, key) then
					return
				end
			end
		end
		at = at + WINDOW
	end
	p.full = p.full or at < w.size
end

local function is_waiting(state, head)
	return state == 'q' and not record_joined(head)
end

local function list_queued(p)
	local from = p.before and tonumber(sub(p.before, 1, 1)) or 3
	for rank = min(from, 3), 1, -1 do
		if not p.full then
			list_walk(p, {list = p.T .. LISTS[4 - rank].suffix, time_of = waiting_since, fits = is_waiting,
				rank = tostring(rank)})
		end
	end
	if not p.full then
		list_zset(p, ':joined', 'q', '0')
	end
end

local function list_finished(p, section)
	list_walk(p, {list = p.T .. ':recent', from_head = true, time_of = finished_at, rank = '', fits = function(state)
		return state == section or section == 'a' and IS_FINAL[state]
	end})
end

-- By section: who fills the page, with what, and how long a key is.
local SECTIONS = {
	r = {list_running, 36}, q = {list_queued, 53},
	d = {function(p) list_zset(p, ':d', 'd', '') end, 52},
	x = {function(p) list_zset(p, ':dead', 'x', '') end, 52},
	a = {list_finished, 52}, s = {list_finished, 52}, f = {list_finished, 52}, c = {list_finished, 52},
	e = {list_finished, 52},
}

local function is_key(before, length)
	return #before == length and (length == 36 or string.find(before, '^' .. string.rep('%d', length - 36)))
end

register('sq_list', {'no-writes'}, function(keys, argv)
	local section, limit, before = SECTIONS[argv[1] or ''], tonumber(argv[2]), argv[3]
	if not section or not limit or limit < 1 or limit > PAGE_MAX or limit ~= floor(limit) then
		return refuse('expected a section of rqdxasfce and 1 to ' .. PAGE_MAX .. ' jobs')
	elseif not before or before ~= '' and not is_key(before, section[2]) then
		return refuse('expected no key or one of this section')
	end
	local p = page_new(keys[1], limit, before)
	section[1](p, argv[1])
	p.reply[1] = p.full and p.n > 0 and 1 or 0 -- without a job there is no key to go on from
	return p.reply
end)
-- pause.lua
-- sq_pause: a paused queue accepts, and gives nothing out.
-- KEYS  T
-- ARGV  1 pause, 0 go on
-- reply 1 paused, 0 not
-- again the same

register('sq_pause', {'allow-oom'}, function(keys, argv)
	local T = keys[1]
	if argv[1] ~= '1' and argv[1] ~= '0' then
		return refuse('expected 1 or 0')
	end
	now()
	if argv[1] == '1' then
		call('HSET', T .. ':st', 'paused', '1')
		return 1
	end
	call('HDEL', T .. ':st', 'paused')
	local waiting = call('ZCARD', T .. ':d')
	for i = 1, 3 do
		waiting = waiting + call('LLEN', T .. LISTS[i].suffix)
	end
	push_markers(T, waiting)
	return 0
end)
-- peek.lua
-- sq_peek: what is cheap to know of many jobs, to see which have changed.
-- KEYS  T
-- ARGV  ids (1..1024)
-- reply 4 characters a job, in one text: its state ('0': no job), then attempt, started and cancel asked in one
--       character, then two of a digest of its progress ('--' when there is none)

local LOOKS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

-- The progress of a running job, which stands where the outcome will. Its record may be long, this part is not.
local function progress_of(key, head)
	local reply = 72 + byte(head, 71)
	local envelope = reply + 1 + (byte(head, reply) or #head)
	if #head < envelope + 3 then
		return ''
	end
	return call('GETRANGE', key, envelope + 7 + unpack_bytes('<I4', head, envelope), -1)
end

local function look(key)
	local head = redis.pcall('GETRANGE', key, 0, HEAD_BYTES)
	if type(head) ~= 'string' or #head < 80 or sub(head, 1, 2) ~= 'J1' or not STATE[byte(head, 3)] then
		return '0---'
	end
	local state, digest = sub(head, 3, 3), '--'
	local n = unpack_bytes('<H', head, 7) % 16 * 4 + (sub(head, 39, 46) ~= ZERO8 and 2 or 0)
		+ floor(byte(head, 5) / 2) % 2
	if state == 'r' then
		local progress = progress_of(key, head)
		if progress ~= '' then
			local sum = tonumber(sub(redis.sha1hex(progress), 1, 3), 16)
			digest = sub(LOOKS, sum % 64 + 1, sum % 64 + 1) .. sub(LOOKS, floor(sum / 64) + 1, floor(sum / 64) + 1)
		end
	end
	return state .. sub(LOOKS, n + 1, n + 1) .. digest
end

register('sq_peek', {'no-writes'}, function(keys, argv)
	local looks, prefix = {}, keys[1] .. ':j:'
	if #argv < 1 or #argv > PEEK_MAX then
		return refuse('expected 1 to ' .. PEEK_MAX .. ' ids')
	end
	for i = 1, #argv do
		looks[i] = look(prefix .. argv[i])
	end
	return concat(looks)
end)
-- presence.lua
-- sq_presence: an instance says that it is there, which operations it offers, and where it can be reached.
-- KEYS  {jq:reg}
-- ARGV  instance, JSON ('' to leave), ttl_us, topology, catalogue digest or '', catalogue JSON or '' [, metrics]
--       metrics: Prometheus text, at most 256 KiB; '' or none: what is there stays
--       topology: any text; the epoch counts its changes, and the coming and going of instances
-- reply {now, epoch, want_catalogue 0/1}: 1 when the digest is unknown here: call again with the catalogue
-- again the same

local METRICS_MAX = 262144

-- Instances not heard of for ttl_us are gone. One that was seen in the future (the clock stepped back) counts as seen
-- now, or it would stay for as long as the step was.
local function forget_silent(R, at, ttl_us)
	local seen = R .. ':seen'
	for _, name in ipairs(call('ZRANGE', seen, format('(%.0f', at), '+inf', 'BYSCORE', 'LIMIT', 0, 1000)) do
		call('ZADD', seen, at, name)
	end
	local gone = call('ZRANGE', seen, '-inf', at - ttl_us, 'BYSCORE', 'LIMIT', 0, 1000)
	if #gone > 0 then
		call('HDEL', R .. ':inst', unpack(gone))
		call('HDEL', R .. ':topo', unpack(gone))
		call('HDEL', R .. ':met', unpack(gone))
		call('ZREM', seen, unpack(gone))
	end
	return #gone > 0
end

-- Keeps the catalogues that a present instance names, and the last one.
local function forget_catalogues(R)
	local cat, used = R .. ':cat', {last = true}
	used[call('HGET', cat, 'last') or 'last'] = true
	for _, topo in ipairs(call('HVALS', R .. ':topo')) do
		used[string.match(topo, '^%S*')] = true
	end
	for _, digest in ipairs(call('HKEYS', cat)) do
		if not used[digest] then
			call('HDEL', cat, digest)
		end
	end
end

-- Metrics of an instance that is not there: told by a scrape while it left.
local function forget_metrics(R)
	for _, name in ipairs(call('HKEYS', R .. ':met')) do
		if call('HEXISTS', R .. ':inst', name) == 0 then
			call('HDEL', R .. ':met', name)
		end
	end
end

register('sq_presence', {'allow-oom'}, function(keys, argv)
	local R, name, json, ttl_us, topology, digest, catalogue, metrics = keys[1], unpack(argv)
	ttl_us = tonumber(ttl_us)
	if not catalogue or name == '' or not ttl_us or ttl_us <= 0 or string.find(digest, '%s') or digest == 'last' then
		return refuse('expected instance, JSON, ttl_us, topology, catalogue digest, catalogue')
	end
	local at = now()
	local changed, want, stale = forget_silent(R, at, ttl_us), 0, false
	local before, after = call('HGET', R .. ':topo', name), digest .. ' ' .. topology
	if json == '' then
		stale = before ~= false
		changed = changed or stale
		call('HDEL', R .. ':inst', name)
		call('HDEL', R .. ':topo', name)
		call('HDEL', R .. ':met', name)
		call('ZREM', R .. ':seen', name)
	else
		call('HSET', R .. ':inst', name, json)
		call('ZADD', R .. ':seen', at, name)
		if metrics and metrics ~= '' and #metrics <= METRICS_MAX then
			call('HSET', R .. ':met', name, metrics)
		end
		if before ~= after then
			stale = true
			changed = changed or not before or string.match(before, '^%S* (.*)$') ~= topology
			call('HSET', R .. ':topo', name, after)
		end
		if digest ~= '' then
			local have = call('HEXISTS', R .. ':cat', digest) == 1
			if not have and catalogue ~= '' then
				call('HSET', R .. ':cat', digest, catalogue, 'last', digest)
			elseif have and stale then
				call('HSET', R .. ':cat', 'last', digest)
			end
			want = (have or catalogue ~= '') and 0 or 1
		end
	end
	if changed or stale then
		forget_catalogues(R)
		forget_metrics(R)
	end
	local epoch = changed and call('INCR', R .. ':epoch') or tonumber(call('GET', R .. ':epoch') or 0)
	return {at, epoch, want}
end)
-- progress.lua
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
-- reap.lua
-- sq_reap: every worker's tick. Batches whose lease ran out are taken apart (claimed jobs back to the head of their
-- lists, started ones to their next attempt or dead, cancel-asked ones cancelled), overdue jobs expire, due jobs move,
-- old entries go. Leases are judged by Redis TIME; when that has jumped, or nobody has reaped for a while (Redis was
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
	local started = sub(mark, 1, 1) == 's'
	c.run = c.run - 1
	if state ~= 'r' or record_batch(rec, reply_at) ~= batch then
		isolate(c, id, true)
		count(c, 'isolated')
	elseif sub(mark, -1) == '!' then
		finalise(c, id, rec, reply_at, outcome_at, 'c', started, 0, ERROR_CANCELLED)
		count(c, 'cancelled')
	elseif not started then
		give_back(c, id, rec, reply_at, outcome_at)
		count(c, 'requeued')
	else
		count(c, retry(c, id, rec, reply_at, outcome_at, 0, ERROR_LOST) == 'd' and 'retried' or 'died')
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
-- redrive.lua
-- sq_redrive: dead jobs run again like sq_retry's, the oldest first.
-- KEYS  T
-- ARGV  max (1..512), live_max
-- reply {moved, more 0/1, full 0/1}: more when dead ones are left; full when that is because the queue is
-- again the next ones

-- The jobs to revive among the first max of the dead, whose records have no more than so many bytes. Entries that name
-- no dead job any more are collected in stale.
local function read_dead(c, limit, room, stale)
	local T, moved, bytes = c.T, 0, 0
	for _, id in ipairs(redis.pcall('ZRANGE', T .. ':dead', 0, limit - 1)) do
		local key = T .. ':j:' .. id
		local size = redis.pcall('STRLEN', key)
		local rec = type(size) == 'number' and size > 0 and call('GETRANGE', key, 2, 2) == 'x'
		if rec and (moved >= room or moved > 0 and bytes + size > REDRIVE_BYTES) then
			return moved, moved >= room
		end
		rec = rec and call('GET', key)
		local reply_at, envelope_at, outcome_at, state = layout(rec)
		if state == 'x' then
			revive(c, id, rec, reply_at, envelope_at, outcome_at)
			moved, bytes = moved + 1, bytes + size
		else
			stale[#stale + 1] = id
		end
	end
	return moved, false
end

register('sq_redrive', {'allow-oom'}, function(keys, argv)
	local T, limit, live_max = keys[1], tonumber(argv[1]), tonumber(argv[2])
	if not limit or limit < 1 or limit > REDRIVE_MAX or not live_max then
		return refuse('expected 1 to ' .. REDRIVE_MAX .. ' jobs and live_max')
	end
	local c, stale = changes(T, now()), {}
	local room = live_max - tonumber(call('HGET', T .. ':st', 'live') or 0)
	local moved, full = read_dead(c, limit, room, stale)
	if moved > 0 then
		apply(c)
	end
	if stale[1] then
		call('ZREM', T .. ':dead', unpack(stale))
	end
	local left = redis.pcall('ZCARD', T .. ':dead')
	return {moved, type(left) == 'number' and left > 0 and 1 or 0, full and 1 or 0}
end)
-- register.lua
-- sq_register: the index of a tag, which the ids of its jobs carry. Given out once, never taken back.
-- KEYS  {jq:reg}
-- ARGV  tag
-- reply the index; an error when there are 4096 tags
-- again the same index

register('sq_register', {'allow-oom'}, function(keys, argv)
	local tags, tag = keys[1] .. ':tags', argv[1]
	if not tag or not string.match(tag, '^{jq:[a-z0-9][a-z0-9_-]*:%d+}$') then
		return refuse('expected a tag {jq:QUEUE:SHARD}')
	end
	now()
	local index = tonumber(call('HGET', tags, tag) or nil)
	if not index then
		index = call('HLEN', tags)
		if index >= TAGS_MAX then
			return refuse('too many queues: ' .. TAGS_MAX .. ' tags are registered')
		end
		call('HSET', tags, tag, index)
	end
	return index
end)
-- release.lua
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
-- retry.lua
-- sq_retry: a job that ended dead, failed, cancelled or expired runs again, as if it were new: at the tail of its list,
-- with fresh attempts, its expiry counted anew. While the entry of its first wait still stands in its list, it waits
-- there. Nobody is told of its end but who asks again.
-- KEYS  T
-- ARGV  id, live_max
-- reply {code, record}: 'k' queued; 'l' it is live, or has succeeded; 'F' the queue is full; '0' unknown (no record)
-- again 'l'

register('sq_retry', {'allow-oom'}, function(keys, argv)
	local T, id, live_max = keys[1], argv[1], tonumber(argv[2])
	if not live_max then
		return refuse('expected an id and live_max')
	end
	local c = changes(T, now())
	local rec = call('MGET', T .. ':j:' .. id)[1]
	local reply_at, envelope_at, outcome_at, state = layout(rec)
	if not reply_at then
		return {'0'}
	elseif not IS_FINAL[state] or state == 's' then
		return {'l', rec}
	elseif tonumber(call('HGET', T .. ':st', 'live') or 0) >= live_max then
		return {'F', rec}
	end
	revive(c, id, rec, reply_at, envelope_at, outcome_at)
	apply(c)
	return {'k', call('GET', T .. ':j:' .. id)}
end)
-- start.lua
-- sq_start: the attempt counts from here. A cancel that was asked meanwhile stays and is answered.
-- KEYS  T
-- ARGV  batch, show 0/1, ids...      show: write started_at where readers see it
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
			marks[#marks + 1] = 's'
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
-- watch.lua
-- sq_watch: reads a job and asks for its end to be told.
-- KEYS  T
-- ARGV  id, receiver
-- reply the record; nil when there is none. Unless the job is done, its final record will be pushed to T:r:receiver;
--       when the job has as many receivers as fit, it is not, and the caller reads again later
-- again the same

register('sq_watch', {'allow-oom'}, function(keys, argv)
	local id, receiver = argv[1], argv[2]
	if not receiver or receiver == '' or string.find(receiver, ',', 1, true) then
		return refuse('expected an id and a receiver without commas')
	end
	now()
	local key = keys[1] .. ':j:' .. id
	local rec = call('GET', key)
	local reply, envelope, _, state = layout(rec)
	if not reply or IS_FINAL[state] then
		return rec
	end
	local names = sub(rec, reply + 1, envelope - 1)
	local more = names == '' and receiver or names .. ',' .. receiver
	if #more <= REPLY_NAMES_MAX and not string.find(',' .. names .. ',', ',' .. receiver .. ',', 1, true) then
		rec = sub(rec, 1, reply - 1) .. char(#more) .. more .. sub(rec, envelope)
		call('SET', key, rec)
	end
	return rec
end)
