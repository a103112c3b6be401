/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "privileges.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "log.h"

void privileges_give_up(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_fatal("prctl(PR_SET_NO_NEW_PRIVS): %s", strerror(errno));
}
