-- A job's record, the packed string at T:j:ID; common/job.h describes the layout. Positions here count from 1. Records
-- are patched as strings: a table per job would cost more than the rest of a call.
local ZERO8 = '\0\0\0\0\0\0\0\0'
local ZERO16 = ZERO8 .. ZERO8
local IS_FINAL = {s = true, f = true, x = true, c = true, e = true}
-- By the byte that stands in a record; bytes are compared as numbers, because each sub() makes a string.
local STATE = {[100] = 'd', [113] = 'q', [114] = 'r', [115] = 's', [102] = 'f', [120] = 'x', [99] = 'c', [101] = 'e'}
local IS_PRIORITY = {[104] = true, [110] = true, [108] = true}

-- Where the variable parts of a record begin: the length bytes of the reply names, of the envelope and of the outcome,
-- then the state. nil when the record is not a well-formed one (or not there).
local function layout(rec)
	if not rec or #rec < 80 then
		return nil
	end
	local letter, digit, state, priority = byte(rec, 1, 4)
	if letter ~= 74 or digit ~= 49 or not STATE[state] or not IS_PRIORITY[priority] then
		return nil -- not J1
	end
	local reply = 72 + byte(rec, 71)
	local envelope = reply + 1 + (byte(rec, reply) or #rec)
	if #rec < envelope + 3 then
		return nil
	end
	local outcome = envelope + 4 + unpack_bytes('<I4', rec, envelope)
	if #rec < outcome + 3 or #rec ~= outcome + 3 + unpack_bytes('<I4', rec, outcome) then
		return nil
	end
	return reply, envelope, outcome, STATE[state]
end

local function record_batch(rec, reply)
	return sub(rec, 72, reply - 1)
end

-- 0 when there is none
local function record_expires_at(rec)
	return sub(rec, 31, 38) == ZERO8 and 0 or unpack_bytes('<i8', rec, 31)
end

-- Whether an attempt has taken its process with it before.
local function record_crashed(rec)
	return floor(byte(rec, 5) / 4) % 2 == 1
end

-- The second byte of the flags. Suspect: it was presumed to run when its worker died.
local SUSPECT = '\1'
local function record_is_suspect(rec)
	return byte(rec, 6) == 1
end

local function record_suspected(rec)
	return sub(rec, 1, 5) .. SUSPECT .. sub(rec, 7)
end

-- Flags: a stored result answered the job; it follows another one; others follow it.
local HIT, JOINED, LED = 8, 16, 32
local function record_joined(rec)
	return floor(byte(rec, 5) / JOINED) % 2 == 1
end

-- Running jobs have their progress where the outcome will stand; without it:
local function record_silent(rec, outcome)
	return #rec == outcome + 3 and rec or sub(rec, 1, outcome - 1) .. '\0\0\0\0'
end

-- The record as running under a batch, or given back (state q, batch ''): started_at becomes unknown.
local function record_under(rec, reply, state, batch)
	return 'J1' .. state .. sub(rec, 4, 38) .. ZERO8 .. sub(rec, 47, 70) .. char(#batch) .. batch .. sub(rec, reply)
end

-- The same for a record that waits (so started_at is unknown already). under: the batch with its length before it.
local function record_claimed(rec, reply, under)
	return 'J1r' .. sub(rec, 4, 70) .. under .. sub(rec, reply)
end

-- Flags with the bit set that says: an entry of this job still stands in its list. One that follows has none there.
local function record_tombstone(rec)
	local flags = byte(rec, 5)
	return (flags % 2 == 1 or record_joined(rec)) and rec or sub(rec, 1, 4) .. char(flags + 1) .. sub(rec, 6)
end

-- Counts and lengths as bytes: the small ones, which nearly all are, are made once.
local SMALL_MAX, ATTEMPTS, LENGTHS = 64, {}, {}
local function bytes_of(known, format, value)
	local bytes = known[value] or pack(format, value)
	if value <= SMALL_MAX then
		known[value] = bytes
	end
	return bytes
end

-- The jobs of one call end at the same time.
local ended_at, ended_bytes

-- The final record and its time to live. ran: whether this attempt counts. run_us: its duration, used when started_at
-- was never shown. Whoever has ended is no suspect any more.
local function record_final(rec, outcome_at, state, at, ran, run_us, json)
	local attempt, _, ttl, created, run_at, _, started = unpack_bytes('<HHI4i8i8i8i8', rec, 7)
	local times
	if at ~= ended_at then
		ended_at, ended_bytes = at, pack('<i8', at)
	end
	if ran then
		attempt = attempt + 1
		if started == 0 then
			started = max(at - run_us, run_at, created)
		end
		times = pack('<i8', started < at and started or at)
	else
		times = sub(rec, 39, 46)
	end
	return 'J1' .. state .. sub(rec, 4, 5) .. bytes_of(ATTEMPTS, '<xH', attempt) .. sub(rec, 9, 38) .. times ..
		ended_bytes .. sub(rec, 55, outcome_at - 1) .. bytes_of(LENGTHS, '<I4', #json) .. json, ttl
end

-- The record as waiting for its next attempt. The batch stays, so that the batch's second call gets the same answer.
-- kind as for retry(): a worker that is alive to tell of it clears its job of suspicion.
local function record_retry(rec, outcome, attempt, run_at, kind)
	local expires_in = unpack_bytes('<i8', rec, 55)
	local expires_at = expires_in > 0 and run_at + expires_in or 0
	local flags = byte(rec, 5) + (kind == 'w' and not record_crashed(rec) and 4 or 0)
	local suspect = kind == 'l' and sub(rec, 6, 6) or '\0'
	return 'J1d' .. sub(rec, 4, 4) .. char(flags) .. suspect .. pack('<H', attempt) .. sub(rec, 9, 22)
		.. pack('<i8i8', run_at, expires_at) .. ZERO16 .. sub(record_silent(rec, outcome), 55), expires_at
end

-- The record as at a submission that may run now: the envelope and the wishes stay.
local function record_anew(rec, at, reply, envelope, outcome)
	local expires_in = unpack_bytes('<i8', rec, 55)
	local expires_at = expires_in > 0 and at + expires_in or 0
	return 'J1q' .. sub(rec, 4, 4) .. '\0\0\0\0' .. sub(rec, 9, 22) .. pack('<i8i8', at, expires_at) .. ZERO16
		.. sub(rec, 55, 70) .. '\0\0' .. sub(rec, envelope, outcome - 1) .. '\0\0\0\0', expires_at
end

-- The record with other flags, and the batch replaced: the job it follows, or nobody.
local function record_following(rec, reply, flags, leader)
	return sub(rec, 1, 4) .. char(flags) .. sub(rec, 6, 70) .. char(#leader) .. leader .. sub(rec, reply)
end

-- Exponential, with a jitter of half of it to either side that depends on nothing but the job and the attempt.
local function backoff(id, attempt)
	local base = min(BACKOFF_US * 2 ^ (attempt - 1), BACKOFF_MAX_US)
	local spread = ((tonumber(sub(id, -6), 16) or 0) + attempt * 40503) % 1000
	return floor(base * (500 + spread) / 1000)
end

local function system_error(kind, title, detail, retryable)
	return '{"type":"' .. kind .. '","title":"' .. title .. '","detail":"' .. detail .. '","retryable":' ..
		retryable .. '}'
end
local ERROR_EXPIRED = system_error('expired', 'Not started in time',
	'No worker could start the job before its expiry.', 'false')
local ERROR_CANCELLED = system_error('cancelled', 'Cancelled', 'The job was cancelled on request.', 'false')
local ERROR_LOST = system_error('worker-lost', 'Worker lost',
	'The worker that ran the job went away, at each of the attempts the job was allowed.', 'true')
