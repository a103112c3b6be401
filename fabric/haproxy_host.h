/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How large HAProxy may be on this host. */
#ifndef SQUARE_HAPROXY_HOST_H
#define SQUARE_HAPROXY_HOST_H

unsigned haproxy_host_connections(void); /* at once, as the limit of open files allows */
unsigned haproxy_host_threads(void);     /* one for every two cores */

#endif
