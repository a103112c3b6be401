/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load for the direct TCP endpoint: bench_tcp HOST PORT [SECONDS [CONNECTIONS]] measures, one after the other,
 * 1. squares per second, numbers pipelined over CONNECTIONS connections, each answer compared with the right one;
 * 2. the round trip of one client that waits for each answer, as percentiles;
 * 3. JSON-RPC calls per second, pipelined likewise.
 * Prints one JSON object. Exit 1 on a wrong answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

#define LINES 4096 /* of one repeated block */
#define ROUND_TRIPS_MAX 2000000
#define CONNECTIONS_MAX 64

struct stream {
	int fd;
	size_t sent, got; /* bytes, within the block */
	uint64_t blocks;  /* answered in full */
};

static struct buf requests, replies;

static void die(const char *what)
{
	fprintf(stderr, "bench_tcp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *at;
	int rc = getaddrinfo(host, port, &hints, &at), one = 1;

	if (rc != 0) {
		fprintf(stderr, "bench_tcp: %s port %s: %s\n", host, port, gai_strerror(rc));
		exit(1);
	}
	int fd = socket(at->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, at->ai_addr, at->ai_addrlen) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	freeaddrinfo(at);
	return fd;
}

static void send_some(struct stream *s)
{
	ssize_t n = send(s->fd, requests.data + s->sent, requests.len - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		die("send");
	if (n > 0)
		s->sent = (s->sent + (size_t)n) % requests.len;
}

static void receive_some(struct stream *s)
{
	static char chunk[262144];
	ssize_t n = recv(s->fd, chunk, sizeof chunk, MSG_DONTWAIT);
	size_t at = 0;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		die("receive");
	while (n > 0 && at < (size_t)n) {
		size_t part = replies.len - s->got;
		if (part > (size_t)n - at)
			part = (size_t)n - at;
		if (memcmp(chunk + at, replies.data + s->got, part) != 0) {
			fprintf(stderr, "bench_tcp: a wrong answer: %.60s\n", chunk + at);
			exit(1);
		}
		at += part;
		s->got += part;
		if (s->got == replies.len) {
			s->got = 0;
			s->blocks++;
		}
	}
}

static double pipelined(const char *host, const char *port, double seconds, int connections)
{
	struct stream streams[CONNECTIONS_MAX] = { 0 };
	struct pollfd polls[CONNECTIONS_MAX];
	uint64_t blocks = 0, began, now;

	for (int i = 0; i < connections; i++)
		streams[i].fd = connect_to(host, port);
	began = now = clock_mono_us();
	while ((double)(now - began) < seconds * 1e6) {
		for (int i = 0; i < connections; i++)
			polls[i] = (struct pollfd){ streams[i].fd, POLLIN | POLLOUT, 0 };
		if (poll(polls, (nfds_t)connections, 1000) < 0)
			die("poll");
		for (int i = 0; i < connections; i++) {
			if (polls[i].revents & POLLOUT)
				send_some(&streams[i]);
			if (polls[i].revents & ~POLLOUT)
				receive_some(&streams[i]);
		}
		now = clock_mono_us();
	}
	for (int i = 0; i < connections; i++) {
		blocks += streams[i].blocks;
		close(streams[i].fd);
	}
	return (double)blocks * LINES / ((double)(now - began) / 1e6);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void round_trips(const char *host, const char *port, double seconds)
{
	int fd = connect_to(host, port);
	uint32_t *us = malloc(ROUND_TRIPS_MAX * sizeof *us);
	size_t n = 0;
	uint64_t began = clock_mono_us(), now = began;

	if (!us)
		die("memory");
	while ((double)(now - began) < seconds * 1e6 && n < ROUND_TRIPS_MAX) {
		char reply[16];
		uint64_t sent = now;
		if (send(fd, "12\n", 3, MSG_NOSIGNAL) != 3)
			die("send");
		if (recv(fd, reply, sizeof reply, 0) != 4 || memcmp(reply, "144\n", 4) != 0)
			die("a wrong answer");
		now = clock_mono_us();
		us[n++] = (uint32_t)(now - sent);
	}
	qsort(us, n, sizeof *us, compare);
	printf(",\"p50_us\":%u,\"p99_us\":%u,\"round_trips_per_s\":%.0f", us[n / 2], us[n * 99 / 100],
	       (double)n / ((double)(now - began) / 1e6));
	free(us);
	close(fd);
}

static void make_block(bool rpc)
{
	buf_clear(&requests);
	buf_clear(&replies);
	for (uint64_t i = 0; i < LINES; i++) {
		uint64_t x = i * 2654435761 % 90000000;
		buf_printf(&requests,
			   rpc ? "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[%llu],\"id\":1}\n" : "%llu\n",
			   (unsigned long long)x);
		buf_printf(&replies, rpc ? "{\"jsonrpc\":\"2.0\",\"result\":%llu,\"id\":1}\n" : "%llu\n",
			   (unsigned long long)(x * x));
	}
}

int main(int argc, char **argv)
{
	double seconds = argc > 3 ? atof(argv[3]) : 3;
	int connections = argc > 4 ? atoi(argv[4]) : 4;

	if (argc < 3 || seconds <= 0 || connections < 1 || connections > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: bench_tcp HOST PORT [SECONDS [CONNECTIONS]]   (1 to %d connections)\n",
			CONNECTIONS_MAX);
		return 2;
	}
	make_block(false);
	printf("{\"squares_per_s\":%.0f", pipelined(argv[1], argv[2], seconds, connections));
	round_trips(argv[1], argv[2], seconds);
	make_block(true);
	printf(",\"rpc_per_s\":%.0f}\n", pipelined(argv[1], argv[2], seconds, connections));
	buf_fini(&requests);
	buf_fini(&replies);
	return 0;
}
