/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deploy/redis/users.acl.in, put into the program by the build. */
#ifndef SQUARE_USERS_ACL_H
#define SQUARE_USERS_ACL_H

extern const char users_acl[];
extern const unsigned long users_acl_len; /* without the zero */

#endif
