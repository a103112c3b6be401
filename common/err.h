/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Error codes of the whole project, and the caller-owned record of a cause that a person reads.
 * Functions return 0 or one of these negative codes; a NULL `struct errinfo *` is always allowed. */
#ifndef SQUARE_ERR_H
#define SQUARE_ERR_H

#include <stddef.h>

enum err {
	ERR_OK = 0,
	ERR_NOMEM = -1,   /* memory ran out on client-sized data */
	ERR_SYS = -2,     /* a system call failed; errno says why */
	ERR_INVALID = -3, /* the input is not of the form expected */
	ERR_TOO_BIG = -4, /* a limit on size, depth or count */
	ERR_NOT_FOUND = -5,
	ERR_EXISTS = -6,
	ERR_UNAVAILABLE = -7, /* Redis is not there, or not able; nothing was sent or done */
	ERR_UNKNOWN = -8,     /* the link broke after sending: done or not done, nobody knows */
	ERR_TIMEOUT = -9,     /* no answer before the deadline: like ERR_UNKNOWN */
	ERR_FULL = -10,       /* the queue holds as many live jobs as its setting allows */
	ERR_CONFLICT = -11,   /* the idempotency key belongs to another body */
	ERR_FENCED = -12,     /* somebody else owns the job by now */
	ERR_STATE = -13,      /* the job is not in a state that allows this */
	ERR_PROTOCOL = -14,   /* a peer answered what it must not */
	ERR_CLOSED = -15,     /* the object is being closed */
	ERR_REPLICAS = -16    /* done, but fewer replicas than wished for have it */
};

struct errinfo {
	int code;       /* one of enum err */
	int line;       /* from 1; 0 when there is none */
	int column;     /* from 1; 0 when there is none */
	long position;  /* byte offset from 0; -1 when there is none */
	char text[320]; /* one sentence: what was expected and what came */
};

/* Fills *info (when not NULL), with line and column 0 and position -1, and returns code. */
int errinfo_set(struct errinfo *info, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes s[0..n) between quotes, escaped and cut visibly at 64 bytes, for the "got …" of a message. */
#define ERR_QUOTE_SIZE 272
void err_quote(char out[ERR_QUOTE_SIZE], const char *s, size_t n);

/* A short constant description of a code, such as "queue unavailable"; never NULL. */
const char *err_text(int code);

#endif
