#!lua name=square
-- SPDX-License-Identifier: GPL-3.0-or-later
-- The queue's functions: every transition of a job is one of them, and one unit for Redis. The files are joined in this
-- order: head, clock, record, place, then the others by name, one file per transition. The version rises with every
-- change of the library that a running peer could notice; whoever starts with a higher one loads its own.
local VERSION = 6

local BATCH_MAX = 64          -- jobs of one claim
local BATCH_NAME_MAX = 120    -- bytes of a batch id
local ENQUEUE_MAX = 1024      -- jobs of one enqueue; keeps every unpack() far from Lua's limit of 8,000 values
local SKIP_MAX = 1000         -- tombstones and overdue jobs that one claim clears away
local PROMOTE_MAX = 64        -- due jobs that one claim moves
local MARKERS_MAX = 64
local RECENT_MAX = 1000
local RECENT_SLACK = 64       -- trimmed so much lower, to be trimmed seldom
local BAD_MAX = 1000
local DEAD_MAX = 10000
local REPLY_MAX = 10000       -- entries of a reply list
local REPLY_NAMES_MAX = 250   -- bytes of all receivers of one job
local REPLY_TTL_S = 60
local IDEM_TTL_S = 86400
local DEAD_TTL_S = 604800
local BACKOFF_US = 250000
local BACKOFF_MAX_US = 300000000
local CLOCK_GAP_US = 3000000  -- a reaper's silence longer than this says nothing about the workers
local TAGS_MAX = 4096
local SHARDS_MAX = 64          -- of one queue
local HINTS_MAX = 64        -- cancel hints of one worker
local HINT_TTL_S = 60
local PROGRESS_MAX = 1024    -- bytes of JSON
local DURATION_MAX = 1e13    -- microseconds that an attempt may say it took
local CACHE_MAX = 100000     -- questions whose owner is remembered
local CACHE_TTL_S = 604800
local FOLLOW_MAX = 1000      -- jobs that wait for the result of one
local FOLLOW_BYTES = 8388608 -- of their records, roughly
local COPY_BYTES = 2097152   -- of results that one call copies; at tens of ms a MiB, the others wait as long
local REDRIVE_MAX = 512
local REDRIVE_BYTES = 8388608
local PEEK_MAX = 1024
local HEAD_BYTES = 460       -- of a record: the envelope's length stands within
local PAGE_MAX = 200
local PAGE_BYTES = 1048576
local PAGE_LOOKS = 10000     -- entries that one page looks at
local RATE_US = 1000000      -- between two samples of the counters
local RATE_MEAN_US = 10000000

-- Redis hides everything but register_function while a library is loaded, so the first call of a function fetches these.
-- As globals they would cost as much as a table lookup through a metatable, each time.
local call, byte, char, sub, floor, max, min, concat, unpack, tonumber, pack, unpack_bytes, format

local function fetch()
	call, unpack, tonumber, concat = redis.call, _G.unpack, _G.tonumber, table.concat
	byte, char, sub, format = string.byte, string.char, string.sub, string.format
	floor, max, min = math.floor, math.max, math.min
	pack, unpack_bytes = struct.pack, struct.unpack
end

local function register(name, flags, callback)
	redis.register_function{function_name = name, flags = flags, callback = function(keys, argv)
		if not call then
			fetch()
		end
		return callback(keys, argv)
	end}
end

-- The answer to a call that is not as agreed: a bug of the caller, nothing was done.
local function refuse(text)
	return redis.error_reply('ERR square: ' .. text)
end

register('sq_version', {'no-writes'}, function()
	return VERSION
end)
