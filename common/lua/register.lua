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
