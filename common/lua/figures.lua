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
