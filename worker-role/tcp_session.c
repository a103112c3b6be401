/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies keep the order of their requests by a chain: as long as nothing is in flight, a reply goes straight to the
 * output. Behind a request in flight it goes to a link of the chain (a run of finished replies shares one), and the
 * chain's finished beginning moves to the output whenever its first link is done. */
#include "tcp_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "number.h"
#include "rpc.h"
#include "tcp_auth.h"

#define LINES_PER_LOOK 64 /* short lines between two looks at the clock */
#define LONG_LINE 256     /* bytes; a longer line is looked at by itself */
#define KEEP_BUFFER 16384 /* a larger input buffer is given back when it is empty */

struct link {
	struct link *next;
	struct tcp_session *session;
	struct rpc *rpc; /* in flight; NULL: text is the reply */
	bool ready;      /* rpc is done, its reply not taken yet */
	unsigned requests;
	struct buf text;
};

struct tcp_session {
	struct executor *executor;
	const struct tokens *tokens; /* until it has authenticated itself; NULL: it may ask */
	void (*on_output)(void *arg);
	void *arg;
	struct buf in; /* input not looked at yet, from in_at on */
	size_t in_at;
	struct buf out;
	struct link *first, *last;
	unsigned in_flight;
	size_t chained;  /* bytes of replies that are in the chain */
	size_t expected; /* bytes that those in flight are estimated to need */
	size_t unsent;   /* bytes with the caller */
	bool eof, ended, refused;
};

static struct tcp_session_stats stats;

const struct tcp_session_stats *tcp_session_stats(void)
{
	return &stats;
}

struct tcp_session *tcp_session_new(struct executor *executor, void (*on_output)(void *arg), void *arg)
{
	struct tcp_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->executor = executor;
	s->on_output = on_output;
	s->arg = arg;
	return s;
}

static void link_free(struct link *l)
{
	if (l->rpc)
		rpc_cancel(l->rpc);
	buf_fini(&l->text);
	free(l);
}

void tcp_session_free(struct tcp_session *s)
{
	if (!s)
		return;
	while (s->first) {
		struct link *l = s->first;
		s->first = l->next;
		link_free(l);
	}
	buf_fini(&s->in);
	buf_fini(&s->out);
	free(s);
}

void tcp_session_require(struct tcp_session *s, const struct tokens *tokens)
{
	s->tokens = tokens;
}

bool tcp_session_stranger(const struct tcp_session *s)
{
	return s->tokens && !s->ended;
}

struct buf *tcp_session_output(struct tcp_session *s)
{
	return &s->out;
}

void tcp_session_unsent(struct tcp_session *s, size_t bytes)
{
	s->unsent = bytes;
}

unsigned tcp_session_in_flight(const struct tcp_session *s)
{
	return s->in_flight;
}

bool tcp_session_refused(const struct tcp_session *s)
{
	return s->refused;
}

/* ---- the chain ---- */

static struct link *chain_add(struct tcp_session *s)
{
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->session = s;
	*(s->last ? &s->last->next : &s->first) = l;
	s->last = l;
	return l;
}

/* Where the reply to the next request goes when it is ready at once; NULL when memory ran out. */
static struct buf *reply_place(struct tcp_session *s)
{
	if (!s->last)
		return &s->out;
	if (s->last->rpc && !chain_add(s))
		return NULL;
	return &s->last->text;
}

/* Counts a reply that reply_place() was asked for; before: length of the place's text then. */
static void reply_done(struct tcp_session *s, size_t before)
{
	if (!s->last || s->last->rpc)
		return;
	s->last->requests++;
	s->in_flight++;
	s->chained += s->last->text.len - before;
}

static void chain_drain(struct tcp_session *s)
{
	while (s->first && (!s->first->rpc || s->first->ready)) {
		struct link *l = s->first;
		if (l->ready) {
			s->expected -= rpc_expected(l->rpc);
			rpc_take(l->rpc, &s->out);
			l->rpc = NULL;
		} else {
			s->chained -= l->text.len;
			buf_append(&s->out, l->text.data, l->text.len);
			s->out.failed |= l->text.failed;
		}
		s->in_flight -= l->requests;
		s->first = l->next;
		if (!s->first)
			s->last = NULL;
		link_free(l);
	}
}

static void on_rpc_done(void *arg)
{
	struct link *l = arg;
	struct tcp_session *s = l->session;

	l->ready = true;
	if (s->first != l)
		return;
	chain_drain(s);
	s->on_output(s->arg);
}

/* ---- lines ---- */

static void end_for_memory(struct tcp_session *s)
{
	s->ended = s->refused = true;
}

static void answer_rpc(struct tcp_session *s, const char *p, size_t n)
{
	/* The link has to exist before the call, as what is called back. */
	struct link *l = chain_add(s);

	if (!l) {
		end_for_memory(s);
		return;
	}
	l->requests = 1;
	s->in_flight++;
	l->rpc = rpc_answer(p, n, s->executor, &l->text, on_rpc_done, l);
	if (l->rpc) {
		s->expected += rpc_expected(l->rpc);
		return;
	}
	s->chained += l->text.len;
	if (s->first == l)
		chain_drain(s);
}

static void put_not_a_number(struct buf *out, const char *p, size_t n)
{
	size_t cut = n < TCP_SESSION_ECHO ? n : TCP_SESSION_ECHO;

	/* Not within a character. */
	if (cut < n)
		for (size_t back = 0; back < 3 && cut > 1 && ((unsigned char)p[cut] & 0xc0) == 0x80; back++)
			cut--;
	buf_puts(out, "error: expected a number, got ");
	buf_json_string(out, p, cut);
	buf_byte(out, '\n');
}

static void put_square(struct buf *out, const char *p, size_t n)
{
	struct number x;
	int rc = number_scan(p, n, &x);

	stats.refused++; /* until it turns out well */
	if (rc == ERR_INVALID) {
		put_not_a_number(out, p, n);
		return;
	}
	if (rc == 0) {
		rc = number_put_square(out, &x);
		number_fini(&x);
		if (rc == 0) {
			buf_byte(out, '\n');
			stats.refused--;
			stats.squared++;
			return;
		}
	}
	double digits = number_written_digits(&x);
	if (digits < 0)
		buf_printf(out, "error: expected a number of at most %d characters, got one of %zu\n",
			   NUMBER_LITERAL_MAX, n);
	else
		buf_printf(out,
			   "error: limit-exceeded: expected a number whose square has at most %d digits, got %.*s\n",
			   NUMBER_DIGITS_MAX, (int)(n < TCP_SESSION_ECHO ? n : TCP_SESSION_ECHO), p);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A line without its line feed. */
static void answer_line(struct tcp_session *s, const char *p, size_t n)
{
	while (n > 0 && is_blank(p[n - 1]))
		n--;
	while (n > 0 && is_blank(*p)) {
		p++;
		n--;
	}
	if (n == 0)
		return;
	if (s->tokens) {
		if (tcp_auth_line(s->tokens, p, n, &s->out))
			s->tokens = NULL;
		else
			s->ended = s->refused = true;
		return;
	}
	if (*p == '{' || *p == '[') {
		answer_rpc(s, p, n);
		return;
	}
	struct buf *place = reply_place(s);
	if (!place) {
		end_for_memory(s);
		return;
	}
	size_t before = place->len;
	put_square(place, p, n);
	reply_done(s, before);
}

static void refuse_long_line(struct tcp_session *s, const char *p, size_t n)
{
	struct buf *place = reply_place(s);
	size_t before;

	s->ended = s->refused = true;
	if (!place)
		return;
	before = place->len;
	while (n > 0 && is_blank(*p)) {
		p++;
		n--;
	}
	if (n > 0 && (*p == '{' || *p == '['))
		rpc_put_error(place, RPC_LINE_TOO_LONG, "expected a line of at most 65,536 bytes, got a longer one");
	else
		buf_puts(place, "error: expected a line of at most 65,536 bytes, got a longer one\n");
	reply_done(s, before);
}

static bool is_full(const struct tcp_session *s)
{
	return s->in_flight >= TCP_SESSION_IN_FLIGHT ||
	       s->out.len + s->chained + s->expected + s->unsent > TCP_SESSION_UNSENT;
}

/* Answers the lines of p[0..n); returns how many bytes were used. *yields: stopped to let others work. */
static size_t answer_lines(struct tcp_session *s, const char *p, size_t n, bool *yields)
{
	size_t at = 0;
	unsigned lines = 0;
	uint64_t until = 0;

	while (at < n && !s->ended && !is_full(s)) {
		const char *end = memchr(p + at, '\n', n - at);
		size_t len = end ? (size_t)(end - p) - at : n - at;
		if (len > TCP_SESSION_LINE_MAX + 1 || (len == TCP_SESSION_LINE_MAX + 1 && p[at + len - 1] != '\r')) {
			refuse_long_line(s, p + at, len);
			break;
		}
		if (!end)
			break;
		answer_line(s, p + at, len);
		at += len + 1;
		if (++lines % LINES_PER_LOOK != 0 && len < LONG_LINE && p[at - len - 1] != '{' &&
		    p[at - len - 1] != '[')
			continue;
		uint64_t now = clock_mono_us();
		if (until == 0)
			until = now + TCP_SESSION_TURN_US;
		if (now >= until && at < n) {
			*yields = true;
			break;
		}
	}
	return at;
}

/* ---- input ---- */

static void drop_input(struct tcp_session *s)
{
	s->in_at = 0;
	if (s->in.cap > KEEP_BUFFER)
		buf_fini(&s->in);
	else
		buf_clear(&s->in);
}

static enum tcp_session_state state_of(struct tcp_session *s, bool yields)
{
	if (s->in.failed || s->out.failed)
		end_for_memory(s);
	if (s->ended) {
		drop_input(s);
		return s->in_flight ? TCP_SESSION_LAST : TCP_SESSION_OVER;
	}
	if (yields)
		return TCP_SESSION_YIELDS;
	if (is_full(s))
		return TCP_SESSION_FULL;
	if (!s->eof)
		return TCP_SESSION_READY;
	s->ended = true;
	return s->in_flight ? TCP_SESSION_LAST : TCP_SESSION_OVER;
}

/* Answers what is kept, as far as it may. */
static bool work_off(struct tcp_session *s)
{
	bool yields = false;

	if (s->in.len > s->in_at)
		s->in_at += answer_lines(s, s->in.data + s->in_at, s->in.len - s->in_at, &yields);
	if (s->eof && !yields && !s->ended && !is_full(s) && s->in.len > s->in_at) {
		answer_line(s, s->in.data + s->in_at, s->in.len - s->in_at);
		s->in_at = s->in.len;
	}
	if (s->in_at == s->in.len)
		drop_input(s);
	return yields;
}

enum tcp_session_state tcp_session_resume(struct tcp_session *s)
{
	return state_of(s, work_off(s));
}

enum tcp_session_state tcp_session_feed(struct tcp_session *s, const char *p, size_t n)
{
	bool yields = false;

	if (s->ended || s->eof)
		return state_of(s, false);
	if (s->in.len > s->in_at) { /* complete the line that is kept, without copying what follows it */
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) + 1 : n;
		if (s->in_at) {
			buf_consume(&s->in, s->in_at);
			s->in_at = 0;
		}
		buf_append(&s->in, p, part);
		yields = work_off(s);
		p += part;
		n -= part;
	}
	if (s->in.len == s->in_at && !yields && n > 0) {
		size_t used = answer_lines(s, p, n, &yields);
		p += used;
		n -= used;
	}
	if (!s->ended)
		buf_append(&s->in, p, n);
	return state_of(s, yields);
}

enum tcp_session_state tcp_session_eof(struct tcp_session *s)
{
	s->eof = true;
	return state_of(s, work_off(s));
}

enum tcp_session_state tcp_session_late(struct tcp_session *s)
{
	tcp_auth_late(&s->out);
	s->ended = s->refused = true;
	return state_of(s, false);
}

enum tcp_session_state tcp_session_stop(struct tcp_session *s)
{
	s->ended = true;
	return state_of(s, false);
}
