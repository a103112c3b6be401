/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "privileges.h"
#include "role.h"
#include "web.h"

static int on_start(void *arg, const struct startup *startup, struct errinfo *info)
{
	struct web **web = arg;
	*web = web_open(startup, info);
	return *web ? 0 : info->code;
}

static int run(void *arg)
{
	return web_run(*(struct web **)arg);
}

static void on_stop(void *arg)
{
	struct web **web = arg;
	web_stop(*web);
	web_close(*web);
}

static const struct role_hooks hooks = { CSDEF_WEB, on_start, run, on_stop };

int main(int argc, char **argv)
{
	struct web *web;
	privileges_give_up();
	return role_main(&hooks, &web, argc, argv);
}
