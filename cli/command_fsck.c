/* SPDX-License-Identifier: GPL-3.0-or-later */
/* square fsck: the check of the queues in a Redis, and their repair. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "command.h"
#include "keys.h"
#include "queue_fsck.h"
#include "readfile.h"
#include "rurl.h"

#define TIMEOUT_MS 10000
#define URL_MAX_BYTES 4096
#define PATIENCE_US 1000000 /* before progress is shown, and between two lines of it */

struct report {
	const struct options *o;
	struct buf json; /* the findings, comma-separated */
	bool terminal;   /* standard error is one */
	bool shown;      /* a line of progress stands there */
	uint64_t began_us, shown_us;
};

/* ---- which Redis ---- */

/* A file's first line, malloc'd, without the line feed. NULL with the reason told. */
static char *read_url_file(const char *path)
{
	struct errinfo info;
	char *text = readfile(path, URL_MAX_BYTES, NULL, &info);

	if (text)
		text[strcspn(text, "\r\n")] = '\0';
	else
		(void)fprintf(stderr, "square: SQUARE_REDIS_URL_FILE: %s\n", info.text);
	return text;
}

/* The URL, malloc'd, from where the roles have it; the command line may have one without a password, which would be
 * read there by everybody. NULL with the reason told. */
static char *find_url(const struct options *o)
{
	const char *from_env = getenv("SQUARE_REDIS_URL"), *file = getenv("SQUARE_REDIS_URL_FILE");
	struct rurl u;
	struct errinfo info;
	char *url;

	if (o->redis)
		url = strdup(o->redis);
	else if (from_env && *from_env)
		url = strdup(from_env);
	else if (file && *file)
		url = read_url_file(file);
	else
		url = strdup("redis://127.0.0.1:6379");
	if (!url)
		return NULL;
	if (rurl_parse(url, &u, &info))
		(void)fprintf(stderr, "square: %s\n", info.text);
	else if (o->redis && u.password[0])
		(void)fprintf(stderr,
			      "square: expected --redis without a password, as others can read a command line: put "
			      "the URL into SQUARE_REDIS_URL, or into a file and its name into "
			      "SQUARE_REDIS_URL_FILE\n");
	else
		return url;
	free(url);
	return NULL;
}

/* ---- telling ---- */

static void clear_progress(struct report *r)
{
	if (r->shown)
		(void)fputs("\r\033[K", stderr);
	r->shown = false;
}

static void on_progress(void *arg, const char *doing, uint64_t done, uint64_t of)
{
	struct report *r = arg;
	uint64_t now = clock_mono_us();

	if (!r->terminal || now - r->began_us < PATIENCE_US || now - r->shown_us < PATIENCE_US / 5)
		return;
	clear_progress(r);
	(void)fprintf(stderr, "square: %" PRIu64 " %s", done, doing);
	if (of)
		(void)fprintf(stderr, " of about %" PRIu64, of);
	(void)fprintf(stderr, ", %.0f s", (double)(now - r->began_us) / 1e6);
	(void)fflush(stderr);
	r->shown = true;
	r->shown_us = now;
}

/* Names in Redis may be anything: nothing of them reaches a terminal but letters. */
static void put_clean(const char *s)
{
	for (; *s; s++)
		(void)putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

/* "math", or "math:1" for a further shard; the registry is "registry". */
static void name_queue(char out[KEYS_TAG_SIZE], const char *tag)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;

	if (keys_tag_parse(tag, queue, &shard))
		(void)snprintf(out, KEYS_TAG_SIZE, "registry");
	else if (shard)
		(void)snprintf(out, KEYS_TAG_SIZE, "%s:%u", queue, shard);
	else
		(void)snprintf(out, KEYS_TAG_SIZE, "%s", queue);
}

static void json_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	buf_json_string(b, value, strlen(value));
}

static void add_json(struct buf *b, const struct queue_fsck_finding *f, const char *queue)
{
	buf_puts(b, b->len ? ",{\"queue\":" : "{\"queue\":");
	buf_json_string(b, queue, strlen(queue));
	json_member(b, "code", f->kind->code);
	json_member(b, "about", f->kind->about);
	json_member(b, "subject", f->subject);
	json_member(b, "problem", f->kind->problem);
	json_member(b, "detail", f->detail);
	if (f->mendable)
		json_member(b, "remedy", f->kind->remedy);
	else
		json_member(b, "left", f->kind->why ? f->kind->why : "not repaired");
	buf_puts(b, f->mended ? ",\"repaired\":true}" : ",\"repaired\":false}");
}

static void on_found(void *arg, const struct queue_fsck_finding *f)
{
	struct report *r = arg;
	char queue[KEYS_TAG_SIZE];

	clear_progress(r);
	name_queue(queue, f->tag);
	if (r->o->json) {
		add_json(&r->json, f, queue);
		return;
	}
	(void)printf("%s: %s ", queue, f->kind->about);
	put_clean(f->subject);
	(void)printf(": %s", f->kind->problem);
	if (*f->detail) {
		(void)fputs(" (", stdout);
		put_clean(f->detail);
		(void)putchar(')');
	}
	if (f->mendable)
		(void)printf("; %s %s\n", f->mended ? "was" : "would be", f->kind->remedy);
	else
		(void)printf("; %s\n", f->kind->why ? f->kind->why : "not repaired");
}

static void show_json(const struct report *r, const struct queue_fsck_summary *s, double seconds)
{
	(void)printf("{\"clean\":%s,\"repair\":%s,\"findings\":[%.*s],\"found\":%" PRIu64 ",\"repaired\":%" PRIu64
		     ",\"queues\":%" PRIu64 ",\"nodes\":%" PRIu64 ",\"keys\":%" PRIu64 ",\"jobs\":%" PRIu64
		     ",\"entries\":%" PRIu64 ",\"tombstones\":%" PRIu64 ",\"keys_without_job\":%" PRIu64
		     ",\"unjudged\":%" PRIu64 ",\"unknown\":%" PRIu64 ",\"seconds\":%.3f}\n",
		     s->findings == s->mended ? "true" : "false", r->o->repair ? "true" : "false", (int)r->json.len,
		     r->json.len ? r->json.data : "", s->findings, s->mended, s->queues, s->nodes, s->keys, s->jobs,
		     s->entries, s->tombstones, s->keyless, s->unjudged, s->unknown, seconds);
}

static void show_summary(const struct report *r, const struct queue_fsck_summary *s, double seconds)
{
	if (s->nodes > 1)
		(void)printf("%" PRIu64 " shard%s on %" PRIu64 " nodes", s->queues, s->queues == 1 ? "" : "s",
			     s->nodes);
	else
		(void)printf("%" PRIu64 " queue%s", s->queues, s->queues == 1 ? "" : "s");
	(void)printf(", %" PRIu64 " keys, %" PRIu64 " jobs, %" PRIu64 " entries of lists (%" PRIu64
		     " of jobs that have ended), %.1f s: ",
		     s->keys, s->jobs, s->entries, s->tombstones, seconds);
	if (s->findings == 0)
		(void)puts("no violation");
	else
		(void)printf("%" PRIu64 " violation%s, %" PRIu64 " repaired%s\n", s->findings,
			     s->findings == 1 ? "" : "s", s->mended,
			     r->o->repair ? "" : " (square fsck --repair does what is said above)");
	if (s->keyless)
		(void)printf("%" PRIu64
			     " idempotency keys name a job whose time has run out: normal where results live for "
			     "less than 24 h\n",
			     s->keyless);
	if (s->unknown)
		(void)printf("%" PRIu64 " jobs may be in none of the lists: claims were too fast to make it certain\n",
			     s->unknown);
	if (s->unjudged && s->findings > s->mended)
		(void)printf("the counter of live jobs of %" PRIu64 " queue%s was not judged: repair the jobs first\n",
			     s->unjudged, s->unjudged == 1 ? "" : "s");
	else if (s->unjudged)
		(void)printf("the counter of live jobs of %" PRIu64 " queue%s was not judged: too many jobs are being "
			     "cancelled or expire\n",
			     s->unjudged, s->unjudged == 1 ? "" : "s");
}

/* ---- the command ---- */

static int check(struct report *r, struct rsyncs *links)
{
	const struct queue_fsck_options options = { r->o->queues, (size_t)r->o->n_queues,
						    r->o->repair, on_found,
						    on_progress,  r };
	struct queue_fsck_summary sum;
	struct errinfo info = { 0 };
	int rc = queue_fsck(links, &options, &sum, &info);
	double seconds = (double)(clock_mono_us() - r->began_us) / 1e6;

	clear_progress(r);
	if (sum.loaded)
		(void)fprintf(stderr, "square: function library version %ld loaded into Redis\n", sum.loaded);
	if (rc) {
		(void)fprintf(stderr, "square: %s\n", info.text);
		return rc == ERR_NOT_FOUND ? EXIT_USAGE : EXIT_UNREACHABLE;
	}
	if (r->json.failed) {
		(void)fputs("square: out of memory for the findings\n", stderr);
		return EXIT_ENDED;
	}
	if (r->o->json)
		show_json(r, &sum, seconds);
	else
		show_summary(r, &sum, seconds);
	return sum.findings == sum.mended ? EXIT_DONE : EXIT_ENDED;
}

static int fsck_exec(const struct options *o, int argc, char **argv)
{
	struct report r = { .o = o, .json = BUF_INIT, .terminal = isatty(STDERR_FILENO), .began_us = clock_mono_us() };
	struct errinfo info;
	struct rsyncs *links;
	int status = EXIT_UNREACHABLE;

	(void)argc;
	(void)argv;
	for (int i = 0; i < o->n_queues; i++)
		if (!keys_queue_valid(o->queues[i], strlen(o->queues[i]))) {
			(void)fprintf(stderr, "square: expected --queue with a name of a-z 0-9 _ -, got \"%s\"\n",
				      o->queues[i]);
			return EXIT_USAGE;
		}
	char *url = find_url(o);
	if (!url)
		return EXIT_USAGE;
	links = rsyncs_open(url, TIMEOUT_MS, &info);
	if (links)
		status = check(&r, links);
	else
		(void)fprintf(stderr, "square: %s\n", info.text);
	rsyncs_close(links);
	buf_fini(&r.json);
	free(url);
	return status;
}

const struct command command_fsck = {
	.name = "fsck",
	.usage = "[--redis URL] [--queue NAME]... [--repair] [--json]",
	.help = "check the queues while they work; with --repair, put right what can be",
	.takes = OPTION_REDIS | OPTION_QUEUE | OPTION_REPAIR | OPTION_JSON,
	.min_args = 0,
	.max_args = 0,
	.exec = fsck_exec,
};
