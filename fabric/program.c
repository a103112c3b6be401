/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static char *program_join(const char *dir, size_t n, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%.*s/%s", (int)n, dir, name) < 0)
		log_fatal("no memory for a path");
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *program_sibling(const char *name, struct errinfo *info)
{
	char self[PATH_MAX], *slash, *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		path = program_join(self, (size_t)(slash - self), name);
	if (!path)
		errinfo_set(info, ERR_NOT_FOUND,
			    "expected the program %s beside %s, found none; build it with ./dev build", name, self);
	return path;
}

char *program_find(const char *name, const char *package, struct errinfo *info)
{
	const char *path = getenv("PATH");
	const char *const lists[] = { path ? path : "",
				      "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin" };

	for (size_t i = 0; i < 2; i++) {
		for (const char *p = lists[i]; *p;) {
			size_t n = strcspn(p, ":");
			char *found = n > 0 ? program_join(p, n, name) : NULL;
			if (found)
				return found;
			p += n + (p[n] == ':');
		}
	}
	errinfo_set(
	    info, ERR_NOT_FOUND,
	    "expected the program %s in PATH or in /usr/sbin, found none; install the package %s (./dev deps does)",
	    name, package);
	return NULL;
}
