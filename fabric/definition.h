/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds and reads the service's two files for the programs that run it. */
#ifndef SQUARE_DEFINITION_H
#define SQUARE_DEFINITION_H

#include "csdef.h"

/* As told; what is NULL is looked for in the working folder, else where `make install` puts it. NULL with *info. */
struct csdef *definition_load(const char *definition, const char *configuration, struct errinfo *info);

#endif
