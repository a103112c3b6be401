/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "log.h"
#include "startup.h"
#include "worker.h"

int main(int argc, char **argv)
{
	struct startup startup;
	struct errinfo info;
	int status = startup_open(&startup, CSDEF_WORKER, argc, argv);
	if (status != STARTUP_GO)
		return status;
	struct worker *worker = worker_open(&startup, &info);
	if (!worker)
		log_fatal("%s", info.text);
	status = worker_run(worker);
	worker_close(worker);
	startup_close(&startup);
	return status;
}
