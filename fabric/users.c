/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "users.h"

#include <stdint.h>
#include <string.h>

#include "log.h"
#include "tokens.h"
#include "users_acl.h"

#define USERS_MARK "#@" /* #@NAME@ stands for the hash of that user's password */

/* The next line of the list that is no comment and not empty, without the spaces that it begins with. NULL at the end.
 * *more: it continues the line before. */
static const char *users_line(const char **rest, size_t *n, bool *more)
{
	while (**rest) {
		const char *line = *rest, *text = line + strspn(line, " ");
		size_t whole = strcspn(line, "\n");

		*rest = line + whole + (line[whole] == '\n');
		*more = text > line;
		*n = whole - (size_t)(text - line);
		if (*n > 0 && *text != '#')
			return text;
	}
	return NULL;
}

/* The name between #@ and @ in a line; NULL when it has none. */
static const char *users_mark(const char *line, size_t n, size_t *length)
{
	const char *mark = memmem(line, n, USERS_MARK, strlen(USERS_MARK)), *end;

	if (!mark)
		return NULL;
	mark += strlen(USERS_MARK);
	end = memchr(mark, '@', n - (size_t)(mark - line));
	*length = end ? (size_t)(end - mark) : 0;
	return end ? mark : NULL;
}

void users_make(struct users *u)
{
	const char *rest = users_acl, *line, *name;
	size_t n, length;
	bool more;

	u->n = 0;
	while ((line = users_line(&rest, &n, &more))) {
		if (!(name = users_mark(line, n, &length)))
			continue;
		if (u->n == USERS_MOST || length >= sizeof(u->all[0].name))
			log_fatal("deploy/redis/users.acl.in has more users, or longer names, than there is room for");
		struct user *one = &u->all[u->n++];
		*one = (struct user){ "", "" };
		memcpy(one->name, name, length);
		secret_draw(one->password);
	}
}

void users_wipe(struct users *u)
{
	explicit_bzero(u, sizeof(*u));
}

const struct user *users_find(const struct users *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->all[i].name, name) == 0)
			return &u->all[i];
	log_fatal("deploy/redis/users.acl.in lacks the user %s", name);
}

static void users_render_digest(const char *password, struct buf *out)
{
	uint8_t digest[TOKENS_DIGEST_BYTES];

	tokens_digest(password, strlen(password), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		buf_printf(out, "%02x", digest[i]);
}

void users_render(const struct users *u, struct buf *out)
{
	const char *rest = users_acl, *line, *name;
	size_t n, length;
	bool more, first = true;

	while ((line = users_line(&rest, &n, &more))) {
		if (!first)
			buf_byte(out, more ? ' ' : '\n');
		first = false;
		if ((name = users_mark(line, n, &length))) {
			char text[sizeof(u->all[0].name)] = "";
			memcpy(text, name, length);
			buf_append(out, line, (size_t)(name - line) - 1); /* with the '#' that says: a hash */
			users_render_digest(users_find(u, text)->password, out);
			n -= (size_t)(name + length + 1 - line);
			line = name + length + 1;
		}
		buf_append(out, line, n);
	}
	buf_byte(out, '\n');
}

void users_url(const struct user *user, const char *socket, struct buf *out)
{
	buf_printf(out, "unix://%s:%s@", user->name, user->password);
	for (const char *p = socket; *p; p++) {
		if (*p == '%' || *p == '?') /* what means something in a URL */
			buf_printf(out, "%%%02X", (unsigned)*p);
		else
			buf_byte(out, *p);
	}
	buf_byte(out, '\n');
}
