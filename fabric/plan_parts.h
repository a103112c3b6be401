/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plans are put together from, shared by plan.c (everything on this machine) and plan_remote.c (the instances are
 * elsewhere). */
#ifndef SQUARE_PLAN_PARTS_H
#define SQUARE_PLAN_PARTS_H

#include "plan.h"

/* Zeroed; without memory the process ends. */
void *plan_alloc(size_t n, size_t size);
/* A number from the environment; *value stays as it is when the variable is unset or empty. 0, or ERR_INVALID. */
int plan_env(const char *name, unsigned min, unsigned max, unsigned *value, struct errinfo *info);
/* The definition's roles and input endpoints, nothing of them settled yet. */
struct plan *plan_blank(const struct csdef *def);
/* What the role's settings say to whoever stands before it. 0, or an error with *info. */
int plan_settings(struct plan *plan, struct plan_role *role, struct errinfo *info);

#endif
