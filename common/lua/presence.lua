-- sq_presence: an instance says that it is there, which operations it offers, and where it can be reached.
-- KEYS  {jq:reg}
-- ARGV  instance, JSON ('' to leave), ttl_us, topology, catalogue digest or '', catalogue JSON or '' [, metrics]
--       metrics: Prometheus text, at most 256 KiB; '' or none: what is there stays
--       topology: any text; the epoch counts its changes, and the coming and going of instances
-- reply {now, epoch, want_catalogue 0/1, due_us}: want_catalogue 1: the digest is unknown here, call again with it;
--       due_us: an instance is late, and unless it is heard of will be gone in so many microseconds: call again then, so
--       that all see it at once, whatever their own rhythm; 0: nobody is late
-- again the same

local METRICS_MAX = 262144

-- Instances not heard of for ttl_us are gone. One that was seen in the future (the clock stepped back) counts as seen
-- now, or it would stay for as long as the step was. And when the caller itself was silent for long, it was perhaps not
-- alone: its machine stood still, or Redis was away. Then nobody is gone yet, and who is late gets half the time anew.
local function forget_silent(R, name, at, ttl_us)
	local seen = R .. ':seen'
	for _, early in ipairs(call('ZRANGE', seen, format('(%.0f', at), '+inf', 'BYSCORE', 'LIMIT', 0, 1000)) do
		call('ZADD', seen, at, early)
	end
	local before = tonumber(call('ZSCORE', seen, name) or nil)
	if before and at - before > ttl_us * 0.6 then
		local again = format('%.0f', at - ttl_us / 2)
		for _, late in ipairs(call('ZRANGE', seen, '-inf', '(' .. again, 'BYSCORE', 'LIMIT', 0, 1000)) do
			call('ZADD', seen, again, late)
		end
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

-- The one heard of longest ago is late when half the time is over.
local function next_due(R, at, ttl_us)
	local oldest = call('ZRANGE', R .. ':seen', 0, 0, 'WITHSCORES')
	local silent = oldest[2] and at - tonumber(oldest[2]) or 0
	return silent > ttl_us / 2 and ttl_us - silent or 0
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
	local changed, want, stale = forget_silent(R, name, at, ttl_us), 0, false
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
	return {at, epoch, want, next_due(R, at, ttl_us)}
end)
