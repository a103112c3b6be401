/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that wait for the end of one job: a submission, or a read, with `wait`. The reply list answers them; a read
 * a second finds what the list lost; and at their time they get the job as it stands. */
#ifndef SQUARE_WAIT_H
#define SQUARE_WAIT_H

#include "request.h"

/* Reads the request's wish to wait. False: it is malformed, and was answered. */
bool wait_wanted(struct request *r);
/* Waits for the end of r's job, as long as it wants: watches it and answers. */
void wait_watch(struct request *r);

/* For those who watch in their own way. Enters the table of waiters; before the job is submitted or watched, because
 * its end may be heard of first. */
void wait_enter(struct request *r);
/* Redis has the job, or the watch: from now on the wait counts down. */
void wait_begin(struct request *r);
/* Answers with a finished job. */
void wait_finished(struct request *r, const struct job *job);
/* The end of a job came by the reply list: tells all who wait for it, of any kind. */
void wait_on_reply(void *reactor, const struct id *id, const struct job *job);
/* Ends every wait with the present state. */
void wait_hurry(struct reactor *reactor);

#endif
