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
					retry(d, r.id, rec, reply_at, outcome_at, 0, ERROR_LOST, 'l')
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

	fsck.MARKS = {c = true, p = true, s = true, ['c!'] = true, ['p!'] = true, ['s!'] = true}

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
		elseif not fsck.MARKS[mark] then
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
