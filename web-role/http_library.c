/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads that the library itself refuses although we have been told of their target: a Content-Length that is no number,
 * more cookies than its pool holds. It sends the head of its own page twice then, and a proxy in front would take the
 * second for the answer to somebody else's request. It asks nobody before, but it says in its log what it is about to
 * do. So the answer leaves from there, by us, and the socket is shut for writing: nothing can follow.
 *
 * Other refusals of the library, of which we have not been told anything (another version, a request line that is
 * none), are one page and an end, and stay as they are. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http_internal.h"
#include "log.h"

#define REFUSES "Error processing request (HTTP response code is %u"

/* ---- which one ---- */

/* The library shows the size of a head as soon as it has read it whole; we are asked about it at once then. So whoever
 * has such a size, and was not asked about yet, is the one it is just looking at. */
static struct http_request *refused_one(const struct http_server *s)
{
	for (struct conn *c = s->conns.phase[CONN_HEAD].first; c; c = c->next) {
		struct http_request *r = c->request;
		if (r && r->state == HTTP_STATE_HEAD &&
		    MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE))
			return r;
	}
	return NULL;
}

static void take_over(struct http_request *r, unsigned status)
{
	r->apart = true;
	r->conn->linger = true;
	if (http_request_read_head(r, "", "HTTP/1.1")) /* it does not tell them yet */
		http_request_refuse(r, r->head.refusal_status, r->head.refusal);
	else if (status == 413 || status == 431)
		http_request_refuse(r, 431, "expected fewer headers, and fewer cookies in them");
	else
		http_request_refuse(r, 400, "expected headers that can be read");
}

void http_library_on_log(void *server, const char *format, va_list args)
{
	struct http_server *s = server;
	char text[300];
	va_list copy;
	if (strncmp(format, REFUSES, sizeof REFUSES - 1) == 0) {
		struct http_request *r = refused_one(s);
		va_copy(copy, args);
		if (r)
			take_over(r, va_arg(copy, unsigned));
		va_end(copy);
	}
	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

/* ---- the answer ---- */

void http_library_answer(const struct http_request *r, const struct http_reply *reply)
{
	struct buf text = BUF_INIT;
	char date[40];
	time_t now = time(NULL);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(&text, "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %zu\r\n", reply->status,
		   MHD_get_reason_phrase_for(reply->status), date, reply->body_n);
	for (unsigned i = 0; i < reply->n_headers; i++)
		buf_printf(&text, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
	buf_puts(&text, "\r\n");
	buf_append(&text, reply->body, reply->body_n);
	if (!text.failed)
		(void)!send(r->conn->conn.fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&text);
	shutdown(r->conn->conn.fd, SHUT_WR); /* what does not fit is lost with the connection, as ever */
}
