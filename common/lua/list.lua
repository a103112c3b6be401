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
