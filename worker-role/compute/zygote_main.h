/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the zygote does, in its own process. For zygote.c alone. */
#ifndef SQUARE_ZYGOTE_MAIN_H
#define SQUARE_ZYGOTE_MAIN_H

#include <sys/types.h>

void zygote_main(int fd, pid_t parent) __attribute__((noreturn));

#endif
