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
