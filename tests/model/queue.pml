/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue as a model for Spin: what common/lua promises, under every order of events and a bounded number of faults.
 *
 * model                   product
 * serve_enqueue           sq_enqueue (enqueue.lua): by the job's id, and by its idempotency key
 * serve_claim             sq_claim (claim.lua); starts: its last argument, 2
 * serve_start             sq_start (start.lua), with `show`
 * serve_finish            sq_finish (finish.lua)
 * serve_fail              sq_fail (fail.lua), kind r
 * serve_release           sq_release (release.lua)
 * serve_extend            sq_extend (extend.lua)
 * serve_cancel            sq_cancel (cancel.lua)
 * serve_reap, promote     sq_reap (reap.lua), and promote() of place.lua, which sq_claim calls too
 * worker                  claimer.c and batch.c of the worker role: a call whose answer was lost is made again
 * client                  queue_submit.c, which asks again; or its caller, who comes again with the same key, a new id
 *
 * A function is one step, as it is in Redis. A lost request is the same as one that is not sent yet. An answer may be
 * lost, and a request of a connection that was given up may arrive late.
 *
 * Redis answers when what it did is on disk (appendfsync always). So a crash takes back calls that nobody has had an
 * answer to, nor to any later one: that is the same as if they had not arrived yet, and a crash cuts the answers under
 * way and lets all leases run out. With -DDISK nothing is taken for the same: what was written is on disk only after a
 * sync of its own, and a crash goes back to the last one. It has many more states, and is searched with fewer jobs.
 *
 * Time has no numbers. The lease of a batch that no worker holds (any more) may have run out at any moment; that of one
 * that is held runs out as a fault: its worker was stopped, or cut off. Delayed jobs become due at any moment. The lists
 * have no order, and jobs no priority. A worker has one batch and one call at a time, and when an answer was lost it may
 * do more than the product's: choose anew what becomes of the jobs of that call.
 *
 * FAULTS is the number of faults of a run: crash of a worker or of Redis, lost answer, late request, a lease that runs
 * out under its worker, an attempt that fails, a drain. Not modelled: reuse of results, expiry, ended jobs that are run
 * again by hand, pauses, foreign records, bounds; the random schedules of tests/lua have those.
 *
 * Safety: check(), after every step. Liveness (-DLIVENESS): whoever submits is answered in the end, and what was
 * accepted ends, whatever the faults were; for workers, reaper and Redis that do go on (weak fairness).
 *
 * MUTANT=n breaks one rule each; tests/model/run sees that every one is found. */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef JOBS
#define JOBS 2
#endif

#define M(n) (MUTANT == n)
#define NW 2        /* workers */
#define NC 2        /* clients */
#define ATTEMPTS 2  /* max_attempts */
#define CLAIM_MAX 2 /* jobs of one claim */
#define LAST (JOBS - 1)
#define KEYED(j) ((j) < LAST) /* the first client's ids have one idempotency key in common; the other's has none */

/* Names of batches. They are only ever compared, so each is named by its place: those that are held by their worker,
 * the others by the first of their jobs (in memory, else on disk), else by the late request that has it. One that has
 * none of these can never be named in a call again; FORMER stands for all such. */
#ifdef DISK
#define NB (NW + 2 * JOBS + 1)
#else
#define NB (NW + JOBS + 1)
#endif
#define FORMER NB

/* ---- Redis: one array, so that the disk can hold a copy ---- */
#define AT_ST 0
#define AT_ATT JOBS
#define AT_RB (2 * JOBS)
#define AT_ASK (3 * JOBS)
#define AT_LISTED (4 * JOBS)
#define AT_DELAYED (5 * JOBS)
#define AT_MARK (6 * JOBS)
#define AT_SUSPECT (AT_MARK + NB * JOBS)
#define AT_LEASE (AT_SUSPECT + JOBS)
#define AT_LIVE (AT_LEASE + NB)
#define AT_RUN (AT_LIVE + 1)
#define AT_KEY (AT_LIVE + 2)
#define SIZE (AT_LIVE + 3)
#define ST(j) r[AT_ST + (j)]                    /* the record: its state */
#define ATT(j) r[AT_ATT + (j)]                  /* attempts charged */
#define RB(j) r[AT_RB + (j)]                    /* its batch + 1; stays when the batch is done with it */
#define ASK(j) r[AT_ASK + (j)]                  /* cancel was asked while it ran */
#define LISTED(j) r[AT_LISTED + (j)]            /* its entries in T:w */
#define DELAYED(j) r[AT_DELAYED + (j)]          /* its entries in T:d */
#define MARK(b, j) r[AT_MARK + (b) * JOBS + (j)] /* T:b */
#define SUSPECT(j) r[AT_SUSPECT + (j)]          /* was presumed to run when its worker died */
#define LEASE(b) r[AT_LEASE + (b)]              /* T:lease: 0 none, 1 stands, 2 has run out */
#define LIVE r[AT_LIVE]                         /* T:st */
#define RUN r[AT_RUN]
#define KEY r[AT_KEY]                           /* T:i: the key's first job + 1 */
byte r[SIZE];
#ifdef DISK
#define STORED(at) disk[at]
byte disk[SIZE];
bool dirty; /* r is ahead of disk */
#else
#define STORED(at) r[at]
#endif
bool gap; /* Redis was away since the last reap (T:clk) */

#define NONE 0 /* states of a job */
#define QUEUED 1
#define DELAY 2
#define RUNNING 3
#define SUCCEEDED 4
#define DEAD 5
#define CANCELLED 6
#define FINAL(s) ((s) >= SUCCEEDED)
#define NO_MARK 0
#define CLAIMED 1
#define PRESUMED 2 /* to have started: by its claim, or by a start of many */
#define STARTED 3
#define ASKED(mark) ((mark) >= 4) /* with `!` behind: 3 more */
#define IS_STARTED(mark) ((mark) == STARTED || (mark) == STARTED + 3)
#define IS_CLAIMED(mark) ((mark) == CLAIMED || (mark) == CLAIMED + 3)

/* ---- callers: the workers, then the clients. Jobs as sets of bits ---- */
#define BIT(j) (1 << (j))
#define FIRST_OF(set) ((set) & ~((set) - 1))
#define IDLE 0 /* what they have asked for */
#define CLAIM 1
#define START 2
#define FINISH 3
#define FAIL 4
#define RELEASE 5
#define EXTEND 6
#define UNSENT 0 /* how far that is */
#define DONE 1   /* the answer waits for the sync */
#define ANSWERED 2
#define CUT 3
#define UNDER_WAY(p) (progress[p] == DONE || progress[p] == ANSWERED)
byte call[NW];
byte argument[NW]; /* the jobs of the call */
bool starts[NW];   /* the claim counts the jobs as started */
byte answer[NW];   /* claim: the jobs; start: the started; extend: 0 lost, else 1 + the set of the asked */
byte progress[NW + NC];
bool holds[NW];    /* a batch, by the worker's own name */
byte claimed[NW];  /* the jobs in hand: about to start */
byte ready[NW];    /* and running, or done */
bool accepted[JOBS];
byte faults = FAULTS;
byte blame; /* faults and failures for which an attempt may be charged */

/* A request of a link that was given up; it may arrive at any time. */
byte late, late_batch, late_jobs;
bool late_starts;
bool stray; /* a claim has been late: it may give a worker jobs that it does not know of */

hidden byte b, j, i, n, was, was_attempt, found, out;
hidden byte map[NB + 1], marks[NB * JOBS], leases[NB];

/* ---- what must always hold ---- */
inline check() {
	n = 0;
	i = 0;
	for (j : 0 .. LAST) {
		found = 0;
		for (b : 0 .. NB - 1) {
			if
			:: MARK(b, j) != NO_MARK ->
				assert(!found); /* in one batch at most */
				assert(ST(j) == RUNNING && RB(j) == b + 1);
				assert(LEASE(b) != 0);
				found = 1
			:: else
			fi
		}
		/* in exactly one place, which matches the state */
		assert(found == (ST(j) == RUNNING));
		assert(DELAYED(j) == (ST(j) == DELAY));
		assert(ST(j) != QUEUED || LISTED(j) == 1);
		assert(LISTED(j) == 0 || ST(j) == QUEUED || FINAL(ST(j))); /* an entry, or a tombstone */
		assert(LISTED(j) <= 1);
		assert(ATT(j) <= ATTEMPTS);
		/* nobody is charged for nothing */
		assert(ATT(j) <= blame + (ST(j) == SUCCEEDED || ST(j) == CANCELLED));
		assert(!ASK(j) || ST(j) == RUNNING || FINAL(ST(j))); /* who was asked to stop does not run again */
		assert(!accepted[j] || ST(j) != NONE && STORED(AT_ST + j) != NONE);
		/* a final result that somebody may have seen never changes; see also move() */
		assert(!FINAL(STORED(AT_ST + j)) || ST(j) == STORED(AT_ST + j) && RB(j) == STORED(AT_RB + j));
		n = n + (ST(j) != NONE && !FINAL(ST(j)));
		i = i + (ST(j) == RUNNING)
	}
	assert(LIVE == n && RUN == i); /* the counters are exact */
	n = 0;
	for (j : 0 .. LAST) {
		n = n + (KEYED(j) && ST(j) != NONE)
	}
	assert(n <= 1); /* one job per idempotency key */
	for (b : 0 .. NB - 1) {
		found = 0;
		for (j : 0 .. LAST) {
			found = found || MARK(b, j) != NO_MARK
		}
		assert(found == (LEASE(b) != 0)) /* leases and batches match one to one */
	}
}

/* ---- place.lua ---- */
inline move(job, state) {
	assert(!FINAL(ST(job))); /* one final result, and it stays */
	ST(job) = state
}

inline finalise(job, state) {
	move(job, state);
	SUSPECT(job) = 0;
	LIVE--
}

inline retry(job) {
	ATT(job)++;
	if
	:: ATT(job) >= ATTEMPTS + M(6) -> finalise(job, DEAD)
	:: else ->
		move(job, DELAY);
		DELAYED(job)++
	fi
}

inline give_back(job) {
	move(job, QUEUED);
	RB(job) = 0;
	LISTED(job)++
}

/* A batch without jobs is gone, and its lease with it. */
inline leave_batch(bt) {
	found = 0;
	for (i : 0 .. LAST) {
		found = found || MARK(bt, i) != NO_MARK
	}
	LEASE(bt) = (found -> LEASE(bt) : 0)
}

/* ---- the functions ---- */

/* out: the accepted job: this one, or the key's first */
inline serve_enqueue(job) {
	out = job;
	if
	:: KEYED(job) && KEY != 0 && !M(9) -> out = KEY - 1
	:: else ->
		if
		:: ST(job) == NONE || M(8) ->
			move(job, QUEUED);
			LISTED(job)++;
			LIVE++;
			KEY = (KEYED(job) -> job + 1 : KEY)
		:: else
		fi
	fi
}

inline serve_claim(bt, start) {
	out = 0;
	n = 0;
	for (j : 0 .. LAST) {
		if
		:: MARK(bt, j) != NO_MARK && !M(4) -> /* again: the same jobs */
			n = CLAIM_MAX;
			out = out | BIT(j)
		:: else
		fi
	}
	for (j : 0 .. LAST) {
		if
		:: n < CLAIM_MAX && LISTED(j) > 0 ->
			LISTED(j)--; /* a tombstone is only dropped */
			if
			:: ST(j) == QUEUED || M(11) ->
				move(j, RUNNING);
				RB(j) = bt + 1;
				MARK(bt, j) = (start && (!SUSPECT(j) || M(22)) -> PRESUMED : CLAIMED);
				RUN++;
				out = out | BIT(j);
				n++
			:: else
			fi
		:: else
		fi
	}
	LEASE(bt) = (out != 0 -> 1 : LEASE(bt))
}

/* With show: the attempt counts from here. (The other start, of many, does what a claim that starts does.) */
inline serve_start(bt, jobs) {
	out = 0;
	for (j : 0 .. LAST) {
		if
		:: (jobs & BIT(j)) && MARK(bt, j) != NO_MARK && (!ASKED(MARK(bt, j)) || M(7)) ->
			MARK(bt, j) = STARTED;
			out = out | BIT(j)
		:: else
		fi
	}
}

inline serve_finish(bt, jobs) {
	for (j : 0 .. LAST) {
		if
		:: jobs & BIT(j) ->
			was = ST(j);
			was_attempt = ATT(j);
			found = was == RUNNING && RB(j) == bt + 1; /* is it this batch's to end? */
			if
			:: MARK(bt, j) != NO_MARK || M(1) || M(2) && ST(j) == RUNNING ->
				MARK(bt, j) = NO_MARK;
				RUN--;
				finalise(j, SUCCEEDED);
				ATT(j)++;
				RB(j) = bt + 1
			:: else ->
				LIVE = LIVE - (M(3) && FINAL(ST(j)) && RB(j) == bt + 1) /* again counts again */
			fi;
			assert(found || ST(j) == was && ATT(j) == was_attempt) /* who comes too late changes nothing */
		:: else
		fi
	}
	leave_batch(bt)
}

inline cancel_in_batch(job, ran) {
	ATT(job) = ATT(job) + ran;
	finalise(job, CANCELLED)
}

inline serve_fail(bt, jobs) {
	for (j : 0 .. LAST) {
		if
		:: (jobs & BIT(j)) && (MARK(bt, j) != NO_MARK || M(14)) ->
			RUN--;
			if
			:: ASKED(MARK(bt, j)) -> cancel_in_batch(j, !IS_CLAIMED(MARK(bt, j)))
			:: else ->
				SUSPECT(j) = 0;
				retry(j)
			fi;
			MARK(bt, j) = NO_MARK
		:: else
		fi
	}
	leave_batch(bt)
}

inline serve_release(bt, jobs) {
	for (j : 0 .. LAST) {
		if
		:: (jobs & BIT(j)) && (MARK(bt, j) != NO_MARK || M(15)) ->
			RUN--;
			if
			:: ASKED(MARK(bt, j)) && !M(16) -> cancel_in_batch(j, IS_STARTED(MARK(bt, j)))
			:: else -> give_back(j)
			fi;
			MARK(bt, j) = NO_MARK
		:: else
		fi
	}
	leave_batch(bt)
}

inline serve_extend(bt) {
	out = 0;
	for (j : 0 .. LAST) {
		if
		:: MARK(bt, j) != NO_MARK ->
			LEASE(bt) = 1;
			out = out | 1 | (ASKED(MARK(bt, j)) -> BIT(j + 1) : 0)
		:: else
		fi
	}
}

inline serve(what, bt, jobs, start) {
	if
	:: what == CLAIM -> serve_claim(bt, start)
	:: what == START -> serve_start(bt, jobs)
	:: what == FINISH -> serve_finish(bt, jobs)
	:: what == FAIL -> serve_fail(bt, jobs)
	:: what == RELEASE -> serve_release(bt, jobs)
	:: else -> serve_extend(bt)
	fi
}

inline serve_cancel(job) {
	if
	:: ST(job) == RUNNING ->
		for (b : 0 .. NB - 1) {
			if
			:: MARK(b, job) != NO_MARK && !ASKED(MARK(b, job)) ->
				MARK(b, job) = MARK(b, job) + 3;
				ASK(job) = 1
			:: else
			fi
		}
	:: ST(job) == DELAY ->
		DELAYED(job) = DELAYED(job) - !M(17);
		finalise(job, CANCELLED)
	:: ST(job) == QUEUED -> finalise(job, CANCELLED) /* its entry stays in the list */
	:: else
	fi
}

/* A batch is held while its worker lives and has not dropped it: then its lease is extended. */
#define HELD(b) ((b) == 0 && holds[0] || (b) == 1 && holds[1])
#define OVERDUE(b) (LEASE(b) == 2 || LEASE(b) == 1 && (!HELD(b) || M(5)))

inline serve_reap() {
	for (b : 0 .. NB - 1) { /* nobody could extend: the leases begin anew */
		LEASE(b) = (gap && LEASE(b) == 2 && !M(13) -> 1 : LEASE(b))
	}
	gap = false;
	for (b : 0 .. NB - 1) {
		if
		:: OVERDUE(b) ->
			for (j : 0 .. LAST) {
				if
				:: MARK(b, j) == NO_MARK || M(18) && MARK(b, j) == CLAIMED
				:: else ->
					RUN--;
					if
					:: ASKED(MARK(b, j)) && !M(19) -> cancel_in_batch(j, IS_STARTED(MARK(b, j)))
					:: IS_CLAIMED(MARK(b, j)) && (!ASKED(MARK(b, j)) || M(19)) -> give_back(j)
					:: MARK(b, j) == PRESUMED && !SUSPECT(j) && !M(21) ->
						SUSPECT(j) = 1;
						give_back(j)
					:: else ->
						assert(IS_STARTED(MARK(b, j))); /* who was not started for itself is not charged */
						retry(j)
					fi;
					MARK(b, j) = (M(12) -> MARK(b, j) : NO_MARK)
				fi
			}
			leave_batch(b)
		:: else
		fi
	}
}

inline promote() {
	for (j : 0 .. LAST) {
		if
		:: DELAYED(j) != 0 ->
			DELAYED(j)--;
			if
			:: ST(j) == DELAY || M(17) ->
				move(j, QUEUED);
				LISTED(j)++
			:: else
			fi
		:: else
		fi
	}
}

/* ---- after every step ---- */
/* (Spin passes no array to an inline.) */
#define RENAME_IN(array) \
	for (b : 0 .. NB - 1) { \
		leases[b] = 0; \
		for (j : 0 .. LAST) { \
			marks[b * JOBS + j] = NO_MARK \
		} \
	} \
	for (b : 0 .. NB - 1) { \
		if \
		:: map[b] != FORMER -> \
			leases[map[b]] = array[AT_LEASE + b]; \
			for (j : 0 .. LAST) { \
				marks[map[b] * JOBS + j] = array[AT_MARK + b * JOBS + j] \
			} \
		:: else \
		fi \
	} \
	for (b : 0 .. NB - 1) { \
		array[AT_LEASE + b] = (leases[b] != 0 && !HELD(b) -> 1 : leases[b]); \
		for (j : 0 .. LAST) { \
			array[AT_MARK + b * JOBS + j] = marks[b * JOBS + j] \
		} \
	} \
	for (j : 0 .. LAST) { \
		array[AT_RB + j] = (array[AT_RB + j] == 0 -> 0 : map[array[AT_RB + j] - 1] + 1) \
	}

inline rename_batches() {
	map[FORMER] = FORMER;
	for (b : 0 .. NB - 1) {
		map[b] = (late != IDLE && late_batch == b -> NB - 1 : FORMER);
		for (j : 0 .. LAST) {
			map[b] = (map[b] >= NB - 1 && STORED(AT_MARK + b * JOBS + j) != NO_MARK -> NW + JOBS + j : map[b])
		}
		found = 0;
		for (j : 0 .. LAST) {
			map[b] = (!found && MARK(b, j) != NO_MARK -> NW + j : map[b]);
			found = found || MARK(b, j) != NO_MARK
		}
		map[b] = (HELD(b) -> b : map[b])
	}
	RENAME_IN(r);
#ifdef DISK
	RENAME_IN(disk);
#endif
	late_batch = (late != IDLE -> map[late_batch] : 0)
}

inline tidy() {
	rename_batches();
	b = 0; j = 0; i = 0; n = 0; out = 0; found = 0; was = 0; was_attempt = 0
}

#ifdef DISK
inline changed() {
	dirty = true;
	check();
	tidy()
}
#define AFTER_SERVICE DONE
#else
inline changed() {
	check();
	tidy()
}
#define AFTER_SERVICE ANSWERED
#endif

inline crash_redis() {
#ifdef DISK
	for (i : 0 .. SIZE - 1) {
		r[i] = disk[i]
	}
	dirty = false;
#endif
	for (b : 0 .. NB - 1) {
		LEASE(b) = (LEASE(b) -> 2 : 0)
	}
	for (i : 0 .. NW + NC - 1) { /* those on their way are lost each by itself */
		progress[i] = (progress[i] == DONE -> CUT : progress[i])
	}
	gap = true;
	check();
	tidy()
}

/* ---- workers ---- */
inline forget_call(w) {
	call[w] = IDLE;
	argument[w] = 0;
	starts[w] = false;
	answer[w] = 0;
	progress[w] = UNSENT
}

inline let_go(w) {
	claimed[w] = 0;
	ready[w] = 0;
	holds[w] = false
}

inline ask(w, what, jobs, start) {
	call[w] = what;
	argument[w] = jobs;
	starts[w] = start;
	serve(what, w, jobs, start);
	answer[w] = out;
	progress[w] = AFTER_SERVICE;
	changed()
}

/* The link is given up, the request is still on its way; and what is owed still is asked for anew. */
inline ask_late(w, what, jobs, start) {
	late = what;
	late_batch = w;
	late_jobs = jobs;
	late_starts = start;
	stray = stray || what == CLAIM;
	faults--;
	tidy()
}
#define CAN_BE_LATE (faults > 0 && late == IDLE)

inline hear(w) {
	if
	:: call[w] == CLAIM ->
		for (j : 0 .. LAST) { /* whatever stands under this batch is known to its worker */
			assert(MARK(w, j) == NO_MARK || (answer[w] & BIT(j)) || stray)
		}
		for (j : 0 .. LAST) { /* suspects are not started by it */
			claimed[w] = claimed[w] | ((answer[w] & BIT(j)) && (!starts[w] || IS_CLAIMED(MARK(w, j))) -> BIT(j) : 0)
		}
		ready[w] = answer[w] & ~claimed[w]
	:: call[w] == START -> /* who is asked to stop, or is not ours any more, is not run; the first ends as FAIL does */
		ready[w] = ready[w] | argument[w];
		claimed[w] = claimed[w] & ~argument[w]
	:: call[w] == EXTEND && answer[w] != 0
	:: call[w] == EXTEND && answer[w] == 0 -> let_go(w) /* lost: drop it */
	:: else -> /* ended, given back, or not ours any more */
		claimed[w] = claimed[w] & ~argument[w];
		ready[w] = ready[w] & ~argument[w]
	fi;
	forget_call(w);
	holds[w] = (claimed[w] | ready[w]) != 0;
	tidy()
}

/* A claim that brings nothing, and a heartbeat in time, change nothing: they are made when they would. */
#define WORTH_CLAIMING (LISTED(0) || LISTED(1) || LISTED(LAST))
#define WORTH_EXTENDING(w) (LEASE(w) != 1)
#define FREE(w) (call[w] == IDLE)
#define SUSPECTS (SUSPECT(0) | SUSPECT(1) * 2 | (JOBS > 2) * SUSPECT(LAST) * 4)
#define SHORT(w) (claimed[w] & ~SUSPECTS) /* what may run without waiting: no suspects */

proctype worker(byte w) {
	end: do
	:: d_step { !holds[w] && WORTH_CLAIMING -> holds[w] = true; ask(w, CLAIM, 0, false) }
	:: d_step { !holds[w] && WORTH_CLAIMING -> holds[w] = true; ask(w, CLAIM, 0, true) }
	:: d_step { FREE(w) && claimed[w] != 0 -> ask(w, START, claimed[w], false) }
	:: d_step { FREE(w) && SHORT(w) != 0 -> /* short ones do not wait, and the request may not arrive */
		ready[w] = ready[w] | SHORT(w);
		claimed[w] = claimed[w] & ~ready[w];
		tidy() }
	:: d_step { FREE(w) && ready[w] != 0 -> ask(w, FINISH, ready[w], false) }
	:: d_step { FREE(w) && ready[w] != FIRST_OF(ready[w]) -> ask(w, FINISH, FIRST_OF(ready[w]), false) }
	:: d_step { FREE(w) && holds[w] && WORTH_EXTENDING(w) -> ask(w, EXTEND, 0, false) }
	:: d_step { progress[w] == ANSWERED -> hear(w) }
	:: d_step { progress[w] == CUT ->
		if
		:: call[w] == CLAIM -> ask(w, CLAIM, 0, starts[w]) /* the same once more */
		:: else -> forget_call(w); tidy() /* it is owed still, perhaps with more jobs */
		fi }
	/* faults */
	:: d_step { faults > 0 && FREE(w) && ready[w] != 0 -> /* an attempt fails in a way that may pass */
		faults--;
		blame++;
		ask(w, FAIL, FIRST_OF(ready[w]), false) }
	:: d_step { faults > 0 && FREE(w) && (claimed[w] | ready[w]) != 0 -> /* it drains: all is given back */
		faults--;
		ask(w, RELEASE, claimed[w] | ready[w], false) }
	:: d_step { faults > 0 && holds[w] -> /* it is killed, and starts again */
		faults--;
		blame++;
		let_go(w);
		forget_call(w);
		tidy() }
	:: d_step { faults > 0 && holds[w] && LEASE(w) == 1 -> /* it is stopped, or cut off, for as long as a lease */
		faults--;
		blame++;
		LEASE(w) = 2;
		tidy() }
	:: d_step { faults > 0 && UNDER_WAY(w) -> /* the answer is lost */
		faults--;
		progress[w] = CUT;
		tidy() }
	:: d_step { CAN_BE_LATE && progress[w] == CUT && call[w] == CLAIM -> ask_late(w, CLAIM, 0, starts[w]) }
	:: d_step { CAN_BE_LATE && FREE(w) && claimed[w] != 0 -> ask_late(w, START, claimed[w], false) }
	:: d_step { CAN_BE_LATE && FREE(w) && ready[w] != 0 -> ask_late(w, FINISH, ready[w], false) }
	:: d_step { CAN_BE_LATE && FREE(w) && ready[w] != 0 -> blame++; ask_late(w, FAIL, FIRST_OF(ready[w]), false) }
	:: d_step { CAN_BE_LATE && FREE(w) && (claimed[w] | ready[w]) != 0 ->
		ask_late(w, RELEASE, claimed[w] | ready[w], false) }
	:: d_step { CAN_BE_LATE && FREE(w) && holds[w] -> ask_late(w, EXTEND, 0, false) }
	od
}

/* ---- clients: one submits with a key, the other without; both may cancel ---- */
proctype client(byte c, first, last) {
	byte job = first;
	do
	:: d_step { progress[NW + c] == UNSENT ->
		serve_enqueue(job);
		job = out;
		progress[NW + c] = AFTER_SERVICE;
		changed() }
	:: progress[NW + c] == CUT -> /* by the front end, the same id; by its caller, another */
		atomic {
			if
			:: job = first
			:: last != first -> job = last
			fi;
			progress[NW + c] = UNSENT
		}
	:: d_step { faults > 0 && UNDER_WAY(NW + c) ->
		faults--;
		progress[NW + c] = CUT }
	:: d_step { progress[NW + c] == ANSWERED ->
		accepted[job] = true; /* the 202 */
		progress[NW + c] = UNSENT;
		assert(STORED(AT_ST + job) != NONE) } -> break
	od;
	if
	:: skip
	:: d_step { serve_cancel(job); changed() }
	fi
}

#define REST(of) (of(0) || of(1) || of(2) || of(3) || of(NB - 4) || of(NB - 3) || of(NB - 2) || of(NB - 1))

proctype reaper() {
	end: do
	:: d_step { gap || REST(OVERDUE) -> serve_reap(); changed() }
	:: d_step { (DELAYED(0) || DELAYED(1) || DELAYED(LAST)) && !M(20) -> promote(); changed() }
	od
}

#ifdef DISK
inline answer_all() {
	for (i : 0 .. NW + NC - 1) {
		progress[i] = (progress[i] == DONE -> ANSWERED : progress[i])
	}
}

/* An answer leaves after the sync. (Mutant 10 does not wait for it.) */
proctype store() {
	end: do
	:: d_step { dirty ->
		for (i : 0 .. SIZE - 1) {
			disk[i] = r[i]
		}
		answer_all();
		dirty = false;
		tidy() }
	:: d_step { M(10) && dirty -> answer_all(); tidy() }
	od
}
#endif

proctype chaos() {
	end: do
	:: d_step { faults > 0 ->
		faults--;
		crash_redis() }
	:: d_step { late != IDLE ->
		serve(late, late_batch, late_jobs, late_starts);
		late = IDLE;
		late_jobs = 0;
		late_starts = false;
		changed() }
	od
}

init {
	atomic {
		run worker(0);
		run worker(1);
		run client(0, 0, JOBS - 2);
		run client(1, LAST, LAST);
		run reaper();
#ifdef DISK
		run store();
#endif
		run chaos()
	}
}

/* Whoever submits is answered in the end, and each accepted job ends. */
#define ENDED(j) (!accepted[j] || FINAL(STORED(AT_ST + j)))
#define SERVED ((accepted[0] || accepted[JOBS - 2]) && accepted[LAST] && ENDED(0) && ENDED(1) && ENDED(LAST))
#ifdef LIVENESS
ltl served { <> SERVED }
#endif
