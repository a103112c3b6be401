/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "local_storage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "log.h"
#include "must.h"

#define ROOT_VARIABLE "SQUARE_LOCAL_ROOT"
#define TREE_FILES 16 /* open at once while a folder is emptied */

struct local_storage {
	const struct csdef_role *role;
	int lock;
	char instance[PATH_MAX]; /* the instance's folder */
	char **paths;            /* role->n_storage of them */
};

static int refuse(struct errinfo *info, const char *expected, const char *path)
{
	return errinfo_set(info, ERR_SYS, "local storage: expected %s %s: %s (" ROOT_VARIABLE " says where it is)",
			   expected, path, strerror(errno));
}

/* ---- where ---- */

static int find_root(char root[PATH_MAX], bool *named, struct errinfo *info)
{
	const char *given = getenv(ROOT_VARIABLE), *state = getenv("XDG_STATE_HOME"), *tmp = getenv("TMPDIR");
	int n;

	if (given && *given)
		n = snprintf(root, PATH_MAX, "%s", given);
	else if (state && *state)
		n = snprintf(root, PATH_MAX, "%s/square", state);
	else
		n = snprintf(root, PATH_MAX, "%s/square-%lu", tmp && *tmp ? tmp : "/tmp", (unsigned long)getuid());
	*named = given && *given;
	if (*root == '/' && n < PATH_MAX)
		return 0;
	return errinfo_set(info, ERR_INVALID, "local storage: expected an absolute path in %s, got %.64s",
			   *named            ? ROOT_VARIABLE
			   : state && *state ? "XDG_STATE_HOME"
					     : "TMPDIR",
			   root);
}

/* A folder of our own that nobody else may enter: where others may write too (/tmp), somebody could have been first. */
static int make_folder(const char *path, struct errinfo *info)
{
	struct stat st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return refuse(info, "to be able to make", path);
	if (lstat(path, &st) != 0)
		return refuse(info, "to find", path);
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return 0;
	return errinfo_set(
	    info, ERR_INVALID,
	    "local storage: expected %s to be a folder of user %lu that nobody else may write to, got %s%s", path,
	    (unsigned long)geteuid(), S_ISDIR(st.st_mode) ? "a folder" : "something else",
	    st.st_uid != geteuid() ? " of another user" : "");
}

/* A place that was named may be whose it likes (a volume that a container is given): ours begins below it. */
static int make_root(char *root, bool named, struct errinfo *info)
{
	for (char *slash = strchr(root + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int rc = mkdir(root, 0700);
		if (rc != 0 && errno != EEXIST)
			return refuse(info, "to be able to make", root);
		*slash = '/';
	}
	if (!named)
		return make_folder(root, info);
	return mkdir(root, 0700) == 0 || errno == EEXIST ? 0 : refuse(info, "to be able to make", root);
}

/* ---- one instance's ---- */

static int lock_instance(struct local_storage *s, const char *instance, struct errinfo *info)
{
	s->lock = open(s->instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0)
		return refuse(info, "to be able to open", s->instance);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return refuse(info, "to be able to lock", s->instance);
	return errinfo_set(info, ERR_EXISTS,
			   "local storage: expected to be the only %s that runs here, but another process has %s",
			   instance, s->instance);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type;
	return at->level ? remove(path) : 0;
}

static void warn_space(const struct csdef_storage *storage, const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return;
	unsigned long long free_mb = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	if (free_mb < storage->size_mb)
		log_warn("local storage %s: expected %u MB to be free in %s, got %llu", storage->name, storage->size_mb,
			 path, free_mb);
}

static int open_one(struct local_storage *s, size_t i, struct errinfo *info)
{
	const struct csdef_storage *storage = &s->role->storage[i];

	if (asprintf(&s->paths[i], "%s/%s", s->instance, storage->name) < 0) {
		s->paths[i] = NULL;
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	}
	if (strlen(s->paths[i]) >= PATH_MAX)
		return errinfo_set(info, ERR_TOO_BIG, "local storage: expected a path of at most %d bytes, got %zu",
				   PATH_MAX - 1, strlen(s->paths[i]));
	if (make_folder(s->paths[i], info) != 0)
		return info->code;
	if (storage->clean && nftw(s->paths[i], remove_entry, TREE_FILES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		return refuse(info, "to be able to empty", s->paths[i]);
	warn_space(storage, s->paths[i]);
	return 0;
}

int local_storage_open(const struct csdef_role *role, const char *instance, struct local_storage **out,
		       struct errinfo *info)
{
	char root[PATH_MAX];
	bool named;
	int rc;

	*out = NULL;
	if (role->n_storage == 0)
		return 0;
	if ((rc = find_root(root, &named, info)) != 0 || (rc = make_root(root, named, info)) != 0)
		return rc;
	struct local_storage *s = must_calloc(1, sizeof(*s));
	s->role = role;
	s->lock = -1;
	s->paths = must_calloc(role->n_storage, sizeof(*s->paths));
	if (snprintf(s->instance, sizeof(s->instance), "%s/%s", root, instance) >= (int)sizeof(s->instance))
		rc = errinfo_set(info, ERR_TOO_BIG, "local storage: expected a shorter path than %.64s...", root);
	if (rc == 0)
		rc = make_folder(s->instance, info);
	if (rc == 0)
		rc = lock_instance(s, instance, info);
	for (size_t i = 0; rc == 0 && i < role->n_storage; i++)
		rc = open_one(s, i, info);
	if (rc == 0)
		*out = s;
	else
		local_storage_close(s);
	return rc;
}

void local_storage_close(struct local_storage *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->role->n_storage; i++)
		free(s->paths[i]);
	free(s->paths);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

const char *local_storage_path(const struct local_storage *s, const char *name)
{
	for (size_t i = 0; s && i < s->role->n_storage; i++)
		if (strcmp(s->role->storage[i].name, name) == 0)
			return s->paths[i];
	return NULL;
}
