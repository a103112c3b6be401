/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pass over a submission's text before jansson's: it bounds nesting and literals and refuses zero bytes, which
 * jansson does not, and finds where the arguments stand, so that they can be kept as the text they are. It judges
 * nothing else: on text that is no JSON it finds anything, and jansson refuses afterwards. Part of job_json; pure code,
 * any thread. */
#ifndef SQUARE_JOB_JSON_SCAN_H
#define SQUARE_JOB_JSON_SCAN_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "job.h"

/* *args: the value of the member "args" of the outermost object, with the blanks around it; p is NULL when there is
 * none. max_depth: of an object; an array of objects has one level more. 0, or ERR_INVALID with *info. */
int job_json_scan(const char *body, size_t n, unsigned max_depth, struct span *args, struct errinfo *info);
/* The next item of a valid array that is not empty, with the blanks around it, and its member "args" as above. rest:
 * begins with the array's '[', or where the item before has ended; moved to where this one ends. */
struct span job_json_item(struct span *rest, struct span *args);
/* Appends valid JSON without the blanks between its tokens. */
void job_json_compact(struct buf *out, struct span text);
/* Fills *info with the text and the place; line and column count from 1, the column in characters. ERR_INVALID. */
int job_json_locate(struct errinfo *info, const char *body, size_t position, const char *text);

#endif
