/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proc_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proc_tree_entry {
	pid_t pid, parent;
	char name[32], state;
};

static bool proc_tree_read(const char *pid, struct proc_tree_entry *p)
{
	char path[64], line[512] = "";
	(void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *f = isdigit((unsigned char)*pid) ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	bool good = fgets(line, sizeof line, f) != NULL;
	(void)fclose(f);
	const char *open = strchr(line, '('), *close = strrchr(line, ')');
	if (!good || !open || !close || close - open > (long)sizeof p->name || strlen(close) < 5)
		return false;
	*p = (struct proc_tree_entry){ .pid = atoi(pid) };
	memcpy(p->name, open + 1, (size_t)(close - open - 1));
	p->state = close[2];
	p->parent = atoi(close + 4);
	return true;
}

/* How many there are; the first one in the state goes to *found. */
static unsigned proc_tree_scan(pid_t parent, const char *name, char state, pid_t *found)
{
	struct proc_tree_entry p;
	unsigned n = 0;
	DIR *dir = opendir("/proc");
	if (!dir) {
		perror("/proc");
		abort();
	}
	for (const struct dirent *e; (e = readdir(dir));) {
		if (!proc_tree_read(e->d_name, &p) || p.parent != parent || p.state == 'Z' || p.state == 'X' ||
		    strcmp(p.name, name) != 0)
			continue;
		n++;
		if (found && !*found && (!state || p.state == state))
			*found = p.pid;
	}
	(void)closedir(dir);
	return n;
}

unsigned proc_tree_count(pid_t parent, const char *name)
{
	return proc_tree_scan(parent, name, 0, NULL);
}

pid_t proc_tree_find(pid_t parent, const char *name, char state)
{
	pid_t found = 0;
	(void)proc_tree_scan(parent, name, state, &found);
	return found;
}

pid_t proc_tree_zygote(pid_t worker)
{
	return worker > 0 ? proc_tree_find(worker, PROC_TREE_ZYGOTE, 0) : 0;
}

unsigned proc_tree_children(pid_t worker)
{
	pid_t zygote = proc_tree_zygote(worker);
	return zygote ? proc_tree_count(zygote, PROC_TREE_COMPUTE) : 0;
}
