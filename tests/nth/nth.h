/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the n-th allocation fail, or one in so many allocations or system calls. nth.c takes the place of malloc() and
 * its family, so that the libraries are reached too, and of the calls that move bytes. Two ways to have it:
 *  - linked into a test (check_nth_*): the test arms it around what it tests, and sees what was allocated and not
 * freed;
 *  - nth.so, preloaded into a whole program (SQUARE_NTH names a file, which both sides map): see nth_open().
 * Sanitizers and valgrind have a malloc() of their own: then nothing fails, and nth_works() is false. */
#ifndef SQUARE_TESTS_NTH_H
#define SQUARE_TESTS_NTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum nth_call {
	NTH_ACCEPT, /* accept4 */
	NTH_EPOLL,  /* epoll_ctl, adding */
	NTH_WRITE,  /* write, writev, send, sendmsg to what is no file */
	NTH_READ,   /* read, recv of what is no file */
	NTH_OPEN,   /* open, openat */
	NTH_SOCKET, /* socket */
	NTH_CALLS
};

#define NTH_SHORT (-1) /* as an error: a write that takes one byte, a read that gives one */

struct nth_control {
	/* allocations */
	_Atomic long countdown;         /* the allocation that makes this 0 fails; 0: none will */
	_Atomic unsigned one_in;        /* of so many fails one, at random; 0: none */
	_Atomic size_t least;           /* those of fewer bytes are let through */
	_Atomic unsigned long thread;   /* pthread_self() of the one meant; 0: all */
	_Atomic long live;              /* blocks given out and not taken back */
	_Atomic unsigned long asked;    /* allocations since it was armed */
	_Atomic unsigned long failures; /* that were made to fail, ever */
	/* system calls */
	_Atomic unsigned call_one_in[NTH_CALLS];
	_Atomic int call_error[NTH_CALLS]; /* the errno, or NTH_SHORT */
	_Atomic unsigned long call_failures[NTH_CALLS];
	_Atomic unsigned long random;
};

/* In a test that is linked with it: that of the test itself. */
extern struct nth_control *nth;

/* The program has a sanitizer, or runs under valgrind. */
bool nth_is_left_out(void);
/* Whether allocations can be made to fail here: tried out. */
bool nth_works(void);
/* From now on the n-th allocation of this thread fails, and only that one. n = 0: none, but they are counted. */
void nth_arm(unsigned long n);
/* Nothing fails any more. Whether something did. */
bool nth_disarm(void);

#endif
