/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folders that service.csdef promises an instance (LocalStorage), below one place that the environment names:
 *
 *   SQUARE_LOCAL_ROOT          default: $XDG_STATE_HOME/square, else ${TMPDIR:-/tmp}/square-UID
 *   ROOT/WorkerRole_IN_0/NAME  0700 all the way down from ROOT
 *
 * They belong to one process at a time, which holds a lock on its instance's folder for as long as it runs. The size is
 * what the definition's author counts on: it is asked for when the folder is made, not watched afterwards. Used by
 * roleenv.c at start; blocks on the file system. */
#ifndef SQUARE_LOCAL_STORAGE_H
#define SQUARE_LOCAL_STORAGE_H

#include "csdef.h"
#include "err.h"

struct local_storage;

/* Makes what is not there yet, empties what is to be clean at each start, and locks. *out NULL when the role has none.
 * Warns (log) where less is free than promised. 0, or an error with *info: a folder that cannot be made or is another
 * user's, an instance of this name that runs already. */
int local_storage_open(const struct csdef_role *role, const char *instance, struct local_storage **out,
		       struct errinfo *info);
void local_storage_close(struct local_storage *s); /* gives up the lock, removes nothing; NULL does nothing */

/* The absolute path of a storage, NULL when there is none of that name. Stands until the close. */
const char *local_storage_path(const struct local_storage *s, const char *name);

#endif
