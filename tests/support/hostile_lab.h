/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of hostile clients share: the service, as one web role or as a whole behind its balancer, one client
 * of it, and the look afterwards whether the attack has left anything. A broken expectation fails the running test. */
#ifndef SQUARE_TESTS_HOSTILE_LAB_H
#define SQUARE_TESTS_HOSTILE_LAB_H

#include <stdbool.h>
#include <stddef.h>

#include "raw_client.h"
#include "role_run.h"

#define HOSTILE_MS 20000 /* for what must happen soon, on a slow machine */

/* A submission that every catalogue takes: 24 bytes, 18 in hexadecimal. */
#define HOSTILE_POST "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
#define HOSTILE_JOB "{\"op\":\"echo\",\"args\":[1]}"
#define HOSTILE_LENGTH "Content-Length: 24\r\n"

struct hostile_lab {
	unsigned port;            /* where to attack */
	bool balanced;            /* it is the balancer's */
	struct role_run *web;     /* NULL when balanced */
	unsigned files;           /* descriptors that the web role has open at rest */
	struct raw_client client; /* of hostile_dial() and hostile_hear() */
	struct raw_answer answer; /* the last one heard */
};
extern struct hostile_lab hostile;

/* Fixtures; a test that Check runs in a forked child may use what its parent has started. env as in role_run.h. */
void hostile_start_web_with(const char *const *env);
void hostile_start_web(void);
void hostile_stop_web(void);
void hostile_start_fabric(void);
void hostile_stop_fabric(void);

void hostile_dial(void);
/* The status of the client's next answer; 0: the connection ended. Neither within the time fails the test. */
unsigned hostile_hear(void);
/* Hears all answers up to the end, how many; the statuses of the first two are kept. */
unsigned hostile_hear_all(unsigned status[2]);
/* The last answer must be a problem in the form of the contract. */
void hostile_expect_problem(const char *name);

void hostile_remember(void); /* how many jobs there are */
/* After an attack: the next client is served, no descriptor is left open, and so many jobs have come. */
void hostile_expect_sane(size_t new_jobs, const char *after);

#endif
