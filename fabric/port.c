/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int port_bind(uint16_t port, bool reuse)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, saved;

	if (fd < 0)
		return -1;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int port_fail(struct errinfo *info, uint16_t port)
{
	int code = errno == EADDRINUSE ? ERR_EXISTS : ERR_SYS;

	return errinfo_set(info, code, "port %u of 127.0.0.1: %s", port, strerror(errno));
}

/* Without SO_REUSEADDR a port counts as taken while old connections wait out their TIME_WAIT; with it, a second holder
 * would be let in. So: listen once (refused if anybody listens), then hold. */
int port_hold(uint16_t port, struct port_hold *out, struct errinfo *info)
{
	struct sockaddr_in addr = { 0 };
	socklen_t len = sizeof(addr);
	int fd, one = 1;

	if (port != 0) {
		fd = port_bind(port, true);
		if (fd < 0)
			return port_fail(info, port);
		if (listen(fd, 1) != 0) {
			int code = port_fail(info, port);
			(void)close(fd);
			return code;
		}
		(void)close(fd);
	}
	fd = port_bind(port, port != 0);
	if (fd < 0)
		return port_fail(info, port);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
		int code = port_fail(info, port);
		(void)close(fd);
		return code;
	}
	out->fd = fd;
	out->port = ntohs(addr.sin_port);
	return ERR_OK;
}

void port_release(struct port_hold *hold)
{
	if (hold->fd >= 0)
		(void)close(hold->fd);
	*hold = (struct port_hold)PORT_HOLD_INIT;
}
