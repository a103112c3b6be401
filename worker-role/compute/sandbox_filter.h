/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filter of system calls of a compute child, as a program for the kernel. */
#ifndef SQUARE_SANDBOX_FILTER_H
#define SQUARE_SANDBOX_FILTER_H

#include <linux/seccomp.h>

#include "err.h"

struct sock_fprog;

/* Made once, used by every child: to make it takes longer than a fork. malloc'd; NULL with *info filled. */
struct sock_fprog *sandbox_filter(struct errinfo *info);

#endif
