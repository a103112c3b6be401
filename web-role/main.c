/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"
#include "privileges.h"
#include "startup.h"
#include "web.h"

int main(int argc, char **argv)
{
	struct startup startup;
	struct errinfo info;
	privileges_give_up();
	int status = startup_open(&startup, CSDEF_WEB, argc, argv);
	if (status != STARTUP_GO)
		return status;
	struct web *web = web_open(&startup, &info);
	if (!web)
		log_fatal("%s", info.text);
	status = web_run(web);
	web_close(web);
	startup_close(&startup);
	return status;
}
