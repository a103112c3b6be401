/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "definition.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct csdef *definition_load(const char *definition, const char *configuration, struct errinfo *info)
{
	static const char *const dirs[] = { "", "/usr/local/share/square/", "/usr/share/square/" };
	char found[PATH_MAX] = "service.csdef", beside[PATH_MAX] = "service.cscfg";

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !definition; i++) {
		(void)snprintf(found, sizeof(found), "%sservice.csdef", dirs[i]);
		(void)snprintf(beside, sizeof(beside), "%sservice.cscfg", dirs[i]);
		if (access(found, R_OK) == 0)
			break;
	}
	if (definition)
		return csdef_load(definition, configuration, info);
	return csdef_load(found, configuration ? configuration : beside, info);
}
