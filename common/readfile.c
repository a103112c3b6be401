/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

#define CHUNK 8192

char *readfile(const char *path, size_t max, size_t *len, struct errinfo *info)
{
	struct buf b = BUF_INIT;
	ssize_t got = -1;
	char *bytes = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && b.len <= max && buf_reserve(&b, CHUNK) == 0) {
		got = read(fd, b.data + b.len, CHUNK);
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
		b.len += got > 0 ? (size_t)got : 0;
	}
	if (fd < 0 || got < 0)
		errinfo_set(info, ERR_SYS, "expected a readable file: %s", strerror(errno));
	else if (b.len > max)
		errinfo_set(info, ERR_TOO_BIG, "expected a file of at most %zu bytes, it has more", max);
	else if (!(bytes = buf_take(&b, len)))
		errinfo_set(info, ERR_NOMEM, "expected a readable file: %s", err_text(ERR_NOMEM));
	buf_fini(&b);
	if (fd >= 0)
		close(fd);
	return bytes;
}
