-- sq_register: the index of a tag, which the ids of its jobs carry. Given out once, never taken back.
-- KEYS  {jq:reg}
-- ARGV  tag [, shards]
--       shards: of its queue, as the caller is set up, 1 to 64
-- reply the index; an error when there are 4096 tags. With shards {index, keyed}: the shards that the queue began with,
--       among which its idempotency keys are spread: for ever, as a key that changed its shard within its 24 hours
--       would be a second job
-- again the same index

register('sq_register', {'allow-oom'}, function(keys, argv)
	local tags, tag, shards = keys[1] .. ':tags', argv[1], tonumber(argv[2])
	local queue = tag and string.match(tag, '^{jq:([a-z0-9][a-z0-9_-]*):%d+}$')
	if not queue then
		return refuse('expected a tag {jq:QUEUE:SHARD}')
	elseif argv[2] and not (shards and shards >= 1 and shards <= SHARDS_MAX and shards == floor(shards)) then
		return refuse('expected 1 to ' .. SHARDS_MAX .. ' shards')
	end
	now()
	-- A queue that was there before its shards were counted began with one.
	local began = shards and call('HEXISTS', tags, '{jq:' .. queue .. ':0}') == 1 and 1 or shards
	local index = tonumber(call('HGET', tags, tag) or nil)
	if not index then
		index = call('HLEN', tags)
		if index >= TAGS_MAX then
			return refuse('too many queues: ' .. TAGS_MAX .. ' tags are registered')
		end
		call('HSET', tags, tag, index)
	end
	if not shards then
		return index
	end
	local keyed = tonumber(call('HGET', keys[1] .. ':keyed', queue) or nil)
	if not keyed then
		keyed = began
		call('HSET', keys[1] .. ':keyed', queue, keyed)
	end
	return {index, keyed}
end)
