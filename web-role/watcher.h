/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watches jobs for those who follow them: each watched job is read once for all who follow it. Its end comes by the
 * reply list at once; the other changes are found by one cheap look at all watched jobs of a queue together
 * (queue_peek), often enough that no state of 100 ms is missed, and so is an end that the list lost. While Redis is
 * away nothing is told; what has changed meanwhile is found afterwards. One per reactor, on its thread. */
#ifndef SQUARE_WATCHER_H
#define SQUARE_WATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reactor;
struct tag;
struct watcher;
struct watched;

struct watcher_news {
	const char *json; /* the job object, of one line or more; borrowed for the call */
	size_t n;
	uint64_t print; /* of the JSON: tells one state from another, at any instance */
	bool done;
};
struct watcher_kind { /* each may remove its follower */
	void (*on_news)(void *owner, const struct watcher_news *news);
	/* ERR_NOT_FOUND: there is no such job, or none any more; the follower is removed. Else why the job could not be
	 * read now for a follower that has had no news yet. */
	void (*on_none)(void *owner, int status);
	void (*on_hurry)(void *owner);
};

struct follower { /* lives in its owner; zero it before first use */
	struct follower *next, **link;
	struct watched *job; /* NULL: follows nothing */
	const struct watcher_kind *kind;
	void *owner;
	bool waits; /* for news, whether they are new or not */
};

struct watcher *watcher_new(struct reactor *r); /* NULL when memory ran out */
void watcher_close(struct watcher *w);          /* before the loop's last run, when nobody follows any more */
void watcher_free(struct watcher *w);           /* after it */

/* From now on f is told of the job: first its present state, then each change. id: text. tag stands as long as the
 * reactor. 0, or why Redis cannot be asked. on_news and on_none never run from within this. */
int watcher_follow(struct watcher *w, struct follower *f, struct tag *tag, const char *id,
		   const struct watcher_kind *kind, void *owner);
/* f could not use its last news: it gets what is the job's state by now, later. */
void watcher_again(struct follower *f);
void watcher_leave(struct follower *f); /* may follow nothing */
/* Calls on_hurry for all. */
void watcher_hurry(struct watcher *w);

#endif
