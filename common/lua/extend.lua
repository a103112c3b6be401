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
