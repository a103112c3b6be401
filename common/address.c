/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "err.h"

int address_parse(const char *s, char address[ADDRESS_SIZE], unsigned *port)
{
	const char *colon = strrchr(s, ':');
	const char *from = s, *to = colon;
	char host[ADDRESS_SIZE];
	unsigned char binary[16];
	unsigned long n = 0;
	int family = AF_INET;

	if (!colon || !colon[1] || strlen(colon + 1) > 5)
		return ERR_INVALID;
	if (*s == '[') {
		if (colon == s || colon[-1] != ']')
			return ERR_INVALID;
		from = s + 1;
		to = colon - 1;
		family = AF_INET6;
	}
	if (to - from < 1 || (size_t)(to - from) >= sizeof(host))
		return ERR_INVALID;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	for (const char *p = colon + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return ERR_INVALID;
		n = n * 10 + (unsigned long)(*p - '0');
	}
	if (n > 65535 || inet_pton(family, host, binary) != 1)
		return ERR_INVALID;
	memcpy(address, host, (size_t)(to - from) + 1);
	*port = (unsigned)n;
	return 0;
}

bool address_valid(const char *address)
{
	unsigned char binary[16];

	return inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1;
}

bool address_loopback(const char *address)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, address, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
	return strncmp(address, "127.", 4) == 0;
}

bool address_wildcard(const char *address)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, address, &v6) == 1)
		return IN6_IS_ADDR_UNSPECIFIED(&v6);
	return strcmp(address, "0.0.0.0") == 0;
}

void address_own(char out[ADDRESS_SIZE])
{
	struct ifaddrs *all = NULL;

	memcpy(out, "127.0.0.1", sizeof("127.0.0.1"));
	if (getifaddrs(&all) != 0)
		return;
	for (int family = AF_INET6;; family = AF_INET) { /* what comes second wins */
		for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
			const void *address;
			if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
			    (i->ifa_flags & IFF_LOOPBACK))
				continue;
			if (family == AF_INET)
				address = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
			else
				address = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
			if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address))
				continue;
			inet_ntop(family, address, out, ADDRESS_SIZE);
			break;
		}
		if (family == AF_INET)
			break;
	}
	freeifaddrs(all);
}
