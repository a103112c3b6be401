/* SPDX-License-Identifier: GPL-3.0-or-later */
/* square: the command-line client of both interfaces, and the check of the queues. */
#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "tokens.h"

static const struct command *const commands[] = { &command_submit, &command_get, &command_tcp, &command_fsck };
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	(void)fputs("usage: square COMMAND [ARGUMENTS] [OPTIONS]\n\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(to, "  square %s %s\n      %s\n", commands[i]->name, commands[i]->usage,
			      commands[i]->help);
	(void)fputs(
	    "\nAn ARG that is valid JSON is passed as it is (12, 1.5, [1,2], \"true\"), any other as a string (1/3).\n"
	    "Behind -- everything is an argument.\n\n"
	    "  --url URL              the HTTP endpoint (SQUARE_URL; http://127.0.0.1:8080)\n"
	    "  --tcp-address ADDRESS  the TCP endpoint (SQUARE_TCP; 127.0.0.1:2345)\n"
	    "  --redis URL            fsck: the Redis of the queues (SQUARE_REDIS_URL or SQUARE_REDIS_URL_FILE, which "
	    "may hold\n"
	    "                         a password; redis://127.0.0.1:6379)\n"
	    "  --json                 print what the service sent, or what fsck found, as JSON\n"
	    "  SQUARE_TOKEN           in the environment: the token, for a service that asks for one\n"
	    "  --help, --version\n\n"
	    "Exit status: 0 done; 1 the job ended otherwise than with a result, or violations remain; 2 the command "
	    "line is\n"
	    "wrong; 3 the service does not answer or cannot work now; 4 not finished in time; 5 the request was "
	    "refused.\n",
	    to);
}

static int usage_error(const struct command *command, const char *expected, const char *got)
{
	(void)fprintf(stderr, "square: expected %s, got %s\n", expected, got);
	if (command)
		(void)fprintf(stderr, "usage: square %s %s\n", command->name, command->usage);
	else
		(void)fprintf(stderr, "square --help lists the commands\n");
	return EXIT_USAGE;
}

/* ---- options: each may stand anywhere behind the command, as --name value or --name=value ---- */

static bool read_wait(struct options *o, const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(s) || s < 0 || s > 86400)
		return false;
	o->wait_s = s;
	return true;
}

static bool read_timeout(struct options *o, const char *text)
{
	char *end;
	long ms;

	errno = 0;
	ms = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || ms < 1)
		return false;
	o->timeout_ms = ms;
	return true;
}

static bool read_queue(struct options *o, const char *text)
{
	if (*text == '\0' || o->n_queues == QUEUES_MAX)
		return false;
	o->queue = o->queues[o->n_queues++] = text;
	return true;
}

static bool read_redis(struct options *o, const char *text)
{
	o->redis = text;
	return *text != '\0';
}

static bool read_url(struct options *o, const char *text)
{
	o->url = text;
	return *text != '\0';
}

static bool read_tcp(struct options *o, const char *text)
{
	o->tcp_address = text;
	return *text != '\0';
}

static const struct option_spec {
	const char *name, *expected;
	unsigned bit; /* a command must take it */
	bool (*read)(struct options *o, const char *text);
} option_specs[] = {
	{ "url", "--url with a URL", OPTION_SERVICE, read_url },
	{ "tcp-address", "--tcp-address with HOST:PORT", OPTION_SERVICE, read_tcp },
	{ "wait", "--wait with a number of seconds from 0 to 86400", OPTION_WAIT, read_wait },
	{ "queue", "--queue with a queue's name, at most 64 times", OPTION_QUEUE, read_queue },
	{ "timeout-ms", "--timeout-ms with a whole number of milliseconds", OPTION_TIMEOUT, read_timeout },
	{ "redis", "--redis with a URL", OPTION_REDIS, read_redis },
};

static const struct option_spec *find_option(const struct command *c, const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(option_specs) / sizeof(option_specs[0]); i++) {
		const struct option_spec *spec = &option_specs[i];
		if (strlen(spec->name) == n && memcmp(spec->name, name, n) == 0 && (c->takes & spec->bit))
			return spec;
	}
	return NULL;
}

/* Takes the option at argv[*i], moving *i past its value. */
static int read_option(struct options *o, const struct command *c, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *value = strchr(name, '=');
	size_t n = value ? (size_t)(value - name) : strlen(name);
	const struct option_spec *spec = find_option(c, name, n);

	if (strcmp(name, "json") == 0 && (c->takes & OPTION_JSON)) {
		o->json = true;
		return EXIT_DONE;
	}
	if (strcmp(name, "repair") == 0 && (c->takes & OPTION_REPAIR)) {
		o->repair = true;
		return EXIT_DONE;
	}
	if (!spec)
		return usage_error(c, "an option of this command", argv[*i]);
	if (value)
		value++;
	else if (*i + 1 < argc)
		value = argv[++*i];
	else
		return usage_error(c, spec->expected, "nothing behind it");
	return spec->read(o, value) ? EXIT_DONE : usage_error(c, spec->expected, *value ? value : "nothing");
}

static int run_command(const struct command *c, struct options *o, int argc, char **argv)
{
	char count[64];
	int n = 0, status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[n++] = argv[i];
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			(void)printf("usage: square %s %s\n%s\n", c->name, c->usage, c->help);
			return EXIT_DONE;
		} else if (strncmp(argv[i], "--", 2) == 0) {
			if ((status = read_option(o, c, argc, argv, &i)) != EXIT_DONE)
				return status;
		} else {
			argv[n++] = argv[i];
		}
	}
	(void)snprintf(count, sizeof(count), "%d", n);
	if (n < c->min_args)
		return usage_error(c, "more arguments", count);
	if (n > c->max_args)
		return usage_error(c, "fewer arguments", count);
	return c->exec(o, n, argv);
}

static const char *env_or(const char *name, const char *other)
{
	const char *value = getenv(name);

	return value && *value ? value : other;
}

int main(int argc, char **argv)
{
	struct options o = { .wait_s = -1 };
	const char *name;
	int status;

	o.url = env_or("SQUARE_URL", "http://127.0.0.1:8080");
	o.tcp_address = env_or("SQUARE_TCP", "127.0.0.1:2345");
	o.token = env_or("SQUARE_TOKEN", "");
	if (*o.token && !tokens_form_good(o.token, strlen(o.token))) { /* what came is not for a terminal */
		(void)fprintf(stderr,
			      "square: expected SQUARE_TOKEN to be of A-Z a-z 0-9 - . _ ~ + / = alone, it is not\n");
		return EXIT_USAGE;
	}
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(name, "--version") == 0)
		return puts("square " SQUARE_VERSION) < 0;
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) != 0)
			continue;
		if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
			return EXIT_UNREACHABLE;
		status = run_command(commands[i], &o, argc - 2, argv + 2);
		curl_global_cleanup();
		return fflush(stdout) == 0 ? status : EXIT_ENDED;
	}
	return usage_error(NULL, "a command", name);
}
