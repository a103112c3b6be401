/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The living processes below another one, by name, as /proc tells them now. A worker has one zygote, and the zygote its
 * compute children. Trouble with /proc ends the test program. Any thread. */
#ifndef SQUARE_TESTS_PROC_TREE_H
#define SQUARE_TESTS_PROC_TREE_H

#include <sys/types.h>

#define PROC_TREE_ZYGOTE "square-zygote"
#define PROC_TREE_COMPUTE "square-compute"

unsigned proc_tree_count(pid_t parent, const char *name);
/* One of them in this state ('R' computes, 'S' waits; 0: any); 0 when there is none. */
pid_t proc_tree_find(pid_t parent, const char *name, char state);
/* The zygote of a worker; 0 when there is none. */
pid_t proc_tree_zygote(pid_t worker);
unsigned proc_tree_children(pid_t worker); /* how many compute children it has */

#endif
