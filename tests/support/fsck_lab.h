/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of queues on the lab of lua_ask.h: what it finds as one text, and a small language to break a queue with.
 * One thread. */
#ifndef SQUARE_TESTS_FSCK_LAB_H
#define SQUARE_TESTS_FSCK_LAB_H

#include "lua_ask.h"
#include "queue_fsck.h"

/* Runs a script: steps divided by ';' of words divided by blanks, in which #N is the id of job N and T: the lab's tag.
 *   enqueue N      delayed N      expiring N      asks N (a question that others may share)      once N (one attempt)
 *   run N BATCH (enqueues, claims and starts it)      sq_...  (a function on the tag)      anything else: a command */
void fsck_lab_script(const char *script);

/* Checks; the findings as "code#N code#N ...": in the order found, an id as its number, any other subject after a
 * colon; with '!' before each that was mended. Borrowed until the next call. */
const char *fsck_lab_check(bool repair, struct queue_fsck_summary *sum);

#endif
