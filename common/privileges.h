/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a role's process gives up before it does anything else. Inherited by everything that it starts. */
#ifndef SQUARE_PRIVILEGES_H
#define SQUARE_PRIVILEGES_H

/* For good: no program that is started from here on gains a right by being set-user-id or by file capabilities. Needs
 * no privilege itself. Ends the process if the kernel refuses. */
void privileges_give_up(void);

#endif
