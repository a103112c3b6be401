/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The users of the private Redis: the list is deploy/redis/users.acl.in, which the build puts into the program; the
 * passwords are made up anew at each start of the fabric. Redis gets their hashes in its ACL file, each role a file
 * with the URL of its own user, so no password is in an argument, an environment variable or a log. */
#ifndef SQUARE_USERS_H
#define SQUARE_USERS_H

#include <stddef.h>

#include "buf.h"
#include "secret.h"

#define USERS_MOST 8

#define USERS_WEB "square-web"
#define USERS_WORKER "square-worker"
#define USERS_ADMIN "square-admin"

struct user {
	char name[32];
	char password[SECRET_SIZE];
};

struct users {
	struct user all[USERS_MOST];
	size_t n;
};

/* Finds the users of the list and draws their passwords. */
void users_make(struct users *u);
void users_wipe(struct users *u);
/* The user of this name, which must be in the list. */
const struct user *users_find(const struct users *u, const char *name);
/* Appends Redis' ACL file: one user a line, no comments, hashes in place of passwords. */
void users_render(const struct users *u, struct buf *out);
/* Appends unix://NAME:PASSWORD@SOCKET and a line feed. */
void users_url(const struct user *user, const char *socket, struct buf *out);

#endif
