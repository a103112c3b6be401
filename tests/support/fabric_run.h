/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole service for an integration test: the real square-fabric of BUILD_DIR in a temporary folder, on free ports.
 * It dies with the test, with everything that it started. Blocking. */
#ifndef SQUARE_TESTS_FABRIC_RUN_H
#define SQUARE_TESTS_FABRIC_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct fabric_run;

/* Unless a test says otherwise a submission may take so long to reach Redis before it is answered 503: on a machine
 * that is busy with something else, what is tested is not haste. */
#define FABRIC_RUN_PATIENCE "SQUARE_ENQUEUE_DEADLINE_MS=5000"

/* env: entries as in proc.h, such as "WORKER_INSTANCES=3"; HTTP_PORT and TCP_PORT are 0 unless given; NULL for none.
 * definition, configuration: files; NULL for the tree's own. run_dir: an existing folder to be used and kept; NULL for
 * a new one that fabric_run_stop() removes. Waits until the service is ready; if that fails, prints the logs and ends
 * the test program. */
struct fabric_run *fabric_run_start(const char *const *env);
struct fabric_run *fabric_run_start_with(const char *definition, const char *configuration, const char *run_dir,
					 const char *const *env);
/* The same without waiting for readiness, for starts that must fail. */
struct fabric_run *fabric_run_spawn(const char *definition, const char *configuration, const char *run_dir,
				    const char *const *env);
/* SIGTERM, then waits for the end and frees. The exit status, -1 when it had to be killed after 30 s. */
int fabric_run_stop(struct fabric_run *f);
/* Waits for its end without a signal, then frees. */
int fabric_run_wait(struct fabric_run *f);

unsigned fabric_run_http(const struct fabric_run *f); /* public ports */
unsigned fabric_run_tcp(const struct fabric_run *f);
pid_t fabric_run_pid(const struct fabric_run *f); /* of the fabric itself */
const char *fabric_run_dir(const struct fabric_run *f);
const char *fabric_run_socket(const struct fabric_run *f); /* of its Redis */
/* Where its Redis is, with the user who may do everything there. */
const char *fabric_run_redis_url(const struct fabric_run *f);
/* That user's password as an environment entry for `redis-cli --user square-admin -s SOCKET`. */
const char *fabric_run_redis_auth(const struct fabric_run *f);
const char *fabric_run_said(struct fabric_run *f); /* all it wrote to the terminal so far */

/* Of a process as state.json says now: "redis", "balancer" or an instance id. 0 while it does not run. */
pid_t fabric_run_pid_of(struct fabric_run *f, const char *name);
/* Where an instance serves an endpoint; 0 when there is none such. */
unsigned fabric_run_port_of(struct fabric_run *f, const char *instance, const char *endpoint);
/* Waits until the process runs with another pid than `old`. The new one, 0 when it did not come. */
pid_t fabric_run_wait_new(struct fabric_run *f, const char *name, pid_t old, unsigned deadline_ms);
unsigned fabric_run_instances(struct fabric_run *f); /* how many instances run */

/* Waits until GET /readyz on the public port answers with this status. */
bool fabric_run_wait_readyz(struct fabric_run *f, long status, unsigned deadline_ms);
void fabric_run_dump(struct fabric_run *f); /* prints every log, for a failure that needs a look */

#endif
