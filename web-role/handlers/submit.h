/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUARE_SUBMIT_H
#define SQUARE_SUBMIT_H

#include "request.h"

/* The job as Redis has just accepted it, by the same rules (lua/enqueue.lua). *job: a copy of the wishes. */
void submit_accepted_job(const struct request *r, struct job *job);

#endif
