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
