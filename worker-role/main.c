/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "catalog_markdown.h"
#include "compute/zygote.h"
#include "privileges.h"
#include "role.h"
#include "worker.h"

struct worker_role {
	struct zygote *zygote;
	int fork_error;
	struct worker *worker;
};

static int on_start(void *arg, const struct startup *startup, struct errinfo *info)
{
	struct worker_role *role = arg;
	if (!role->zygote)
		return errinfo_set(info, ERR_SYS, "no process for the compute children: %s",
				   strerror(role->fork_error));
	role->worker = worker_open(startup, role->zygote, info);
	return role->worker ? 0 : info->code;
}

static int run(void *arg)
{
	return worker_run(((struct worker_role *)arg)->worker);
}

static void on_stop(void *arg)
{
	struct worker_role *role = arg;
	worker_stop(role->worker);
	worker_close(role->worker);
}

static const struct role_hooks hooks = { CSDEF_WORKER, on_start, run, on_stop };

int main(int argc, char **argv)
{
	struct worker_role role = { 0 };
	if (argc == 2 && strcmp(argv[1], "--help=operations") == 0)
		return catalog_markdown_print();
	privileges_give_up();
	/* Before there is anything that a compute child must not inherit. */
	role.zygote = startup_only_asks(argc, argv) ? NULL : zygote_fork();
	role.fork_error = errno;
	int status = role_main(&hooks, &role, argc, argv);
	zygote_free(role.zygote);
	return status;
}
