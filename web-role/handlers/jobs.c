/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/jobs: the jobs of one state, or of all: running, queued, delayed, then finished, the latest first; of one
 * queue, or of all. A page is made section by section. For each section every shard is asked for its own page, and
 * these are merged by the keys of their entries (page.h), so that a cursor (section and key) is enough to go on from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "page.h"
#include "response.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX QUEUE_LIST_MAX
#define PAGE_BYTES (4u << 20) /* a page ends when it has so many, but has one job at least */
#define AT_ONCE 16            /* queues asked at the same time: each may send a MiB */
#define STATE_SIZE 16

_Static_assert(CURSOR_KEY_SIZE == QUEUE_LIST_KEY_SIZE, "a cursor holds the key of a listed job");

struct listing {
	struct request_extra extra; /* first: freed by it */
	const char *sections;       /* still to come, the first is being read */
	unsigned limit;
	bool all;     /* queues; else the one of the request */
	bool probing; /* the page is full: is there anything more? */
	char before[QUEUE_LIST_KEY_SIZE];
	struct page page;
	unsigned at, pending; /* shards asked for the section: the next one, and the calls on their way */
};

struct call {
	struct request *r;
	const struct tag *tag;
};

static struct listing *listing_of(const struct request *r)
{
	return (struct listing *)r->extra;
}

static void settle(struct request_extra *extra)
{
	(void)extra; /* the calls on their way find the request answered */
}

static void release(struct request_extra *extra)
{
	struct listing *l = (struct listing *)extra;
	page_fini(&l->page);
	free(l);
}

/* ---- the answer ---- */

static void answer(struct request *r, char section, const char *key)
{
	const struct listing *l = listing_of(r);
	struct buf out = BUF_INIT;
	char cursor[CURSOR_SIZE];
	buf_puts(&out, "{\"jobs\":[");
	for (size_t i = 0; i < l->page.n; i++) {
		if (i)
			buf_byte(&out, ',');
		buf_append(&out, l->page.entries[i]->json, l->page.entries[i]->n);
	}
	if (section) {
		cursor_encode(cursor, section, key);
		buf_printf(&out, "],\"next\":\"%s\"}\n", cursor);
	} else {
		buf_puts(&out, "],\"next\":null}\n");
	}
	if (out.failed)
		response_unavailable(r, ERR_NOMEM);
	else
		response_json(r, 200, out.data, out.len);
	buf_fini(&out);
}

/* ---- what a queue sent ---- */

/* text: scratch. */
static int take_job(struct page *page, const struct queue_listed *job, const char *queue, struct buf *text)
{
	if (!page_wants(page, job->key, job->id))
		return 0;
	buf_clear(text);
	job_json(text, job->id, queue, &job->job);
	if (text->failed)
		return ERR_NOMEM;
	return page_add(page, job->key, job->id, text->data, text->len - 1); /* without its newline */
}

static int take_page(struct page *page, const struct queue_page *sent, const char *queue, struct buf *text)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < sent->n; i++)
		rc = take_job(page, &sent->jobs[i], queue, text);
	if (sent->more && sent->n)
		page_cut(page, sent->jobs[sent->n - 1].key);
	return rc;
}

/* ---- section by section ---- */

static void read_section(struct request *r);

static void next_section(struct request *r)
{
	struct listing *l = listing_of(r);
	l->before[0] = '\0';
	if (*++l->sections)
		read_section(r);
	else
		answer(r, '\0', "");
}

static void end_section(struct request *r)
{
	struct listing *l = listing_of(r);
	page_end(&l->page);
	if (!l->page.more) {
		l->probing = page_full(&l->page);
		next_section(r);
	} else if (l->probing) {
		answer(r, *l->sections, "");
	} else {
		const char *last = page_last(&l->page);
		answer(r, *l->sections, *last ? last : l->before);
	}
}

static void ask_queues(struct request *r);

static void on_page(void *arg, int status, const struct queue_page *page)
{
	struct call call = *(struct call *)arg;
	struct request *r = call.r;
	struct listing *l = listing_of(r);
	free(arg);
	l->pending--;
	if (r->http && !status && l->probing)
		l->page.more = l->page.more || page->n;
	else if (r->http && !status)
		status = take_page(&l->page, page, call.tag->queue, &r->reactor->scratch);
	if (r->http && status)
		response_unavailable(r, status);
	if (r->http)
		ask_queues(r);
	request_unref(r);
}

static int ask(struct request *r, const struct tag *tag)
{
	struct listing *l = listing_of(r);
	struct call *call = malloc(sizeof *call);
	unsigned want = l->probing ? 1 : l->limit - (unsigned)l->page.first;
	if (!call)
		return ERR_NOMEM;
	*call = (struct call){ r, tag };
	int rc = queue_list(reactor_link(r->reactor, tag), tag->text, *l->sections, l->before[0] ? l->before : NULL,
			    want, on_page, call);
	if (rc) {
		free(call);
		return rc;
	}
	request_ref(r);
	l->pending++;
	return 0;
}

static const struct tag *next_tag(struct request *r)
{
	struct listing *l = listing_of(r);
	while (!l->all && l->at < r->queue->n) {
		const struct tag *tag = tags_shard(r->queue, l->at++);
		if (tag)
			return tag;
	}
	while (l->all && l->at <= ID_TAG_MAX) {
		const struct tag *tag = tags_at(r->reactor->tags, l->at++);
		if (tag)
			return tag;
	}
	return NULL;
}

/* Goes on with the section; at its end with what comes after it. */
static void ask_queues(struct request *r)
{
	struct listing *l = listing_of(r);
	const struct tag *tag;
	while (l->pending < AT_ONCE && (tag = next_tag(r))) {
		int rc = ask(r, tag);
		if (rc) {
			response_unavailable(r, rc);
			return;
		}
	}
	if (l->pending)
		request_due_call(r);
	else
		end_section(r);
}

static void read_section(struct request *r)
{
	struct listing *l = listing_of(r);
	l->at = 0;
	page_begin(&l->page);
	ask_queues(r);
}

/* ---- what is asked for ---- */

static const struct {
	const char *state, *sections;
} states[] = {
	{ "", "rqda" },    { "delayed", "d" }, { "queued", "q" },    { "running", "r" }, { "succeeded", "s" },
	{ "failed", "f" }, { "dead", "x" },    { "cancelled", "c" }, { "expired", "e" },
};

/* The sections of a state, "" for all; NULL when it is none. */
static const char *sections_of(const char *state)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i].state, state) == 0)
			return states[i].sections;
	return NULL;
}

static void complain(struct request *r, const char *expected, int n, const char *got)
{
	char detail[200 + ERR_QUOTE_SIZE], quoted[ERR_QUOTE_SIZE];
	if (n >= 0)
		err_quote(quoted, got, (size_t)n);
	snprintf(detail, sizeof detail, "expected %s, got %s", expected,
		 n >= 0             ? quoted
		 : n == ERR_EXISTS  ? "it twice"
		 : n == ERR_TOO_BIG ? "something much longer"
				    : "a broken percent-encoding");
	response_problem(r, PROBLEM_BAD_REQUEST, detail, "");
}

/* Each of these returns false when the request was answered. */
static bool read_state(struct request *r, struct listing *l)
{
	char state[STATE_SIZE] = "";
	int n = http_query_get(request_head(r)->query, "state", state, sizeof state);
	const char *sections = n > 0 || n == ERR_NOT_FOUND ? sections_of(n > 0 ? state : "") : NULL;
	l->sections = sections;
	if (!sections)
		complain(r,
			 "`state` to be one of delayed, queued, running, succeeded, failed, dead, cancelled, expired",
			 n, state);
	return sections; /* the listing is gone with the request, when that was answered */
}

static bool read_limit(struct request *r, struct listing *l)
{
	char text[16] = "";
	int n = http_query_get(request_head(r)->query, "limit", text, sizeof text);
	bool number = n > 0 && n <= 9 && strspn(text, "0123456789") == (size_t)n;
	l->limit = n == ERR_NOT_FOUND ? LIMIT_DEFAULT : number ? (unsigned)strtoul(text, NULL, 10) : 0;
	if (l->limit >= 1 && l->limit <= LIMIT_MAX)
		return true;
	complain(r, "`limit` to be a number from 1 to 200", n, text);
	return false;
}

/* Such keys are an id, behind digits that say where it stands (lua/list.lua). */
static bool key_fits(char section, const char *key)
{
	size_t digits = section == 'r' ? 0 : section == 'q' ? 17 : 16;
	struct id id;
	return !*key || (strlen(key) == digits + ID_TEXT_LEN && strspn(key, "0123456789") >= digits &&
			 id_parse(key + digits, ID_TEXT_LEN, &id) == 0);
}

/* A section of the cursor that is not one of those asked for comes from another listing. */
static bool read_cursor(struct request *r, struct listing *l)
{
	char text[CURSOR_SIZE] = "", section;
	int n = http_query_get(request_head(r)->query, "cursor", text, sizeof text);
	if (n == ERR_NOT_FOUND)
		return true;
	const char *from =
	    n > 0 && cursor_decode(text, (size_t)n, &section, l->before) == 0 ? strchr(l->sections, section) : NULL;
	from = from && key_fits(section, l->before) ? from : NULL;
	if (from)
		l->sections = from;
	else
		complain(r, "`cursor` to be the `next` of a page of this same listing", n, text);
	return from;
}

static void on_tags(void *arg, int status)
{
	struct request *r = arg;
	if (r->http && status)
		response_unavailable(r, status);
	else if (r->http)
		read_section(r);
	request_unref(r);
}

/* Another instance may have registered a queue just now. */
static void read_all(struct request *r)
{
	listing_of(r)->all = true;
	request_ref(r);
	int rc = tags_refresh(r->reactor->tags, &r->gate, on_tags, r);
	if (rc)
		on_tags(r, rc);
	else
		request_due_call(r);
}

void handle_jobs(struct request *r)
{
	struct listing *l = calloc(1, sizeof *l);
	if (!l) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	l->extra = (struct request_extra){ settle, release };
	r->extra = &l->extra;
	if (!read_state(r, l) || !read_limit(r, l) || !read_cursor(r, l))
		return;
	page_init(&l->page, l->limit, PAGE_BYTES);
	char *queue = r->match.param[0]; /* where find_queue() looks for it */
	int n = http_query_get(request_head(r)->query, "queue", queue, ROUTER_PARAM_SIZE);
	if (n == ERR_NOT_FOUND)
		read_all(r);
	else if (n < 0)
		complain(r, "`queue` to be the name of one queue", n, queue);
	else
		find_queue(r, read_section);
}
