/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_markdown.h"
#include "compute/zygote.h"
#include "log.h"
#include "privileges.h"
#include "startup.h"
#include "worker.h"

int main(int argc, char **argv)
{
	struct startup startup;
	struct errinfo info;
	if (argc == 2 && strcmp(argv[1], "--help=operations") == 0)
		return catalog_markdown_print();
	privileges_give_up();
	/* Before there is anything that a compute child must not inherit. */
	struct zygote *zygote = zygote_fork();
	const char *why = strerror(errno);
	int status = startup_open(&startup, CSDEF_WORKER, argc, argv);
	if (status == STARTUP_GO) {
		if (!zygote)
			log_fatal("no process for the compute children: %s", why);
		struct worker *worker = worker_open(&startup, zygote, &info);
		if (!worker)
			log_fatal("%s", info.text);
		status = worker_run(worker);
		worker_close(worker);
		startup_close(&startup);
	}
	zygote_free(zygote);
	return status;
}
