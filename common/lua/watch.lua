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
