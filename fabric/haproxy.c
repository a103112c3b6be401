/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "haproxy.h"

#include <stdio.h>

#include "config.h"

#define HAPROXY_HEAD_REFUSED 57344 /* bytes beyond the limit that a head may have and get its 431 */
#define HAPROXY_HEADERS 400        /* header lines; the web role refuses from 101 on */
#define HAPROXY_RESOLVERS "place"
#define HAPROXY_NAME_SIZE (2 * CSDEF_NAME_MAX + 2)
#define HAPROXY_RESERVE 50 /* one connection in so many, and two, is for the question how the balancer is */

/* What the balancer itself answers, in the form of the HTTP contract. HAProxy 2.6 answers a request that it cannot even
 * parse with a text of its own that no setting reaches; everything after that point is covered here. */
static const struct haproxy_error {
	int status;
	const char *type, *title, *detail;
} haproxy_errors[] = {
	{ 400, "bad-request", "Bad request", "expected a well-formed HTTP/1.1 request, got one that is not" },
	{ 403, "forbidden", "Forbidden", "the load balancer does not pass this request on" },
	{ 408, "bad-request", "Request time-out", "expected a whole request in time, got only a part of it" },
	{ 413, "too-large", "Too large", "expected a smaller request body" },
	{ 500, "internal", "Internal error", "the load balancer failed on this request" },
	{ 502, "queue-unavailable", "Bad answer", "the instance of the web role broke off its answer" },
	{ 503, "queue-unavailable", "No instance ready",
	  "expected an instance of the web role to be there, found none" },
	{ 504, "queue-unavailable", "No answer", "the instance of the web role did not answer in time" },
};

static void haproxy_http_defaults(struct buf *out)
{
	buf_puts(out, "\ndefaults http\n"
		      "  mode http\n"
		      "  option redispatch 1\n"
		      "  retries 3\n"
		      "  http-reuse safe\n"
		      "  timeout connect 1s\n"
		      "  timeout http-request 5s\n" /* the head; the body's time is the web role's to watch */
		      "  timeout http-keep-alive 75s\n"
		      "  timeout client 75s\n"
		      "  timeout server 90s\n" /* a wait may last 60 s, and a stream speaks every 15 s */
		      "  timeout queue 1s\n"
		      "  timeout check 1s\n");
	for (size_t i = 0; i < sizeof(haproxy_errors) / sizeof(haproxy_errors[0]); i++) {
		const struct haproxy_error *e = &haproxy_errors[i];
		buf_printf(out,
			   "  http-error status %d content-type application/problem+json lf-string "
			   "'{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\","
			   "\"instance\":\"%%[var(txn.request_id)]\"}' hdr X-Request-Id '%%[var(txn.request_id)]' "
			   "hdr Cache-Control no-store%s\n",
			   e->status, e->type, e->title, e->status, e->detail,
			   e->status >= 502 ? " hdr Retry-After 1" : "");
	}
}

static void haproxy_tcp_defaults(struct buf *out)
{
	buf_puts(out, "\ndefaults tcp\n"
		      "  mode tcp\n"
		      "  option redispatch 1\n"
		      "  retries 3\n"
		      "  timeout connect 1s\n"
		      "  timeout client 240s\n"
		      "  timeout server 240s\n"
		      "  timeout check 1s\n");
}

/* Endpoint names are unique within a role only. */
static void haproxy_name(const struct plan_input *in, char out[HAPROXY_NAME_SIZE])
{
	(void)snprintf(out, HAPROXY_NAME_SIZE, "%s.%s", in->role->def->name, in->endpoint->name);
}

/* Where the replicas of a role are is asked of DNS every second. Each of these was measured: with the usual 512 bytes
 * of an answer, some thirty replicas become none; an address that has gone is out at once, and what a name server does
 * not know any more is kept for a while, as it may just be restarting. */
static void haproxy_resolvers(struct buf *out)
{
	buf_puts(out, "\nresolvers " HAPROXY_RESOLVERS "\n"
		      "  parse-resolv-conf\n"
		      "  accepted_payload_size 8192\n"
		      "  timeout resolve 1s\n"
		      "  hold obsolete 0s\n"
		      "  hold nx 5s\n");
}

/* asks_health: at the role's own endpoint for it. */
static void haproxy_servers(const struct plan_input *in, bool asks_health, struct buf *out)
{
	const struct plan_role *role = in->role;
	char port[32] = "";

	/* What an instance had that is gone is broken off, so that its clients do not wait for minutes. Only where it
	 * says until its end how it is: one that is asked at the endpoint it serves closes that when it still has to
	 * finish something, and looks gone. */
	buf_printf(out, "  default-server inter 1s fastinter 200ms downinter 200ms rise 1 fall 2%s\n",
		   asks_health ? " on-marked-down shutdown-sessions" : "");
	if (role->host) {
		if (asks_health)
			(void)snprintf(port, sizeof(port), " port %u", plan_health_port(role, 0));
		buf_printf(out,
			   "  server-template %s_ 1-%u %s:%u check%s resolvers " HAPROXY_RESOLVERS
			   " resolve-prefer ipv4 init-addr none\n",
			   role->def->name, role->replicas, role->host, plan_port(in, 0), port);
		return;
	}
	for (unsigned i = 0; i < role->n_instances; i++) {
		if (asks_health)
			(void)snprintf(port, sizeof(port), " port %u", plan_health_port(role, i));
		buf_printf(out, "  server %s 127.0.0.1:%u check%s\n", role->instances[i].id, plan_port(in, i), port);
	}
}

/* An answer other than 200 takes the instance out of the rotation: it is there, and may be finishing something, so its
 * connections stay. No answer at all means that it is gone. */
static void haproxy_check(struct buf *out, const char *path, const char *token)
{
	buf_printf(out, "  option httpchk\n  http-check send meth GET uri %s ver HTTP/1.1 hdr Host localhost", path);
	if (token) /* none of its characters means anything here, see tokens_form_good() */
		buf_printf(out, " hdr Authorization \"Bearer %s\"", token);
	buf_puts(out, " hdr Connection close\n  http-check expect status 200 error-status L7OKC\n");
}

/* A head beyond the web role's limit is whole here when it is judged, so it is refused here. HAProxy closes a
 * connection as soon as it has answered in the middle of a body; what the client goes on sending then resets it,
 * perhaps before the client has read that answer. So bodies that are too long go on to the web role, which reads them
 * to their end before it refuses them (CONFIG_BODY_SWALLOW_BYTES); only those not worth reading, and those whose client
 * waits for leave to send, are refused here. */
static void haproxy_limits(const struct plan_role *role, struct buf *out)
{
	static const char refusal[] =
	    "  http-request return status %u content-type application/problem+json lf-string "
	    "'{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"expected %s of at most %u "
	    "bytes, got %%[%s]\",\"instance\":\"%%[var(txn.request_id)]\"}' "
	    "hdr X-Request-Id '%%[var(txn.request_id)]' hdr Cache-Control no-store if ";

	if (!role->head_limit)
		return;
	buf_puts(out, "  http-request set-var(txn.head_bytes) req.hdrs,length\n"
		      "  http-request set-var(txn.head_bytes) url,length,add(txn.head_bytes)\n");
	buf_printf(out, refusal, 431U, "head-too-large", "The head of the request is too large", 431U,
		   "a request line and headers", role->head_limit, "var(txn.head_bytes)");
	buf_printf(out, "{ var(txn.head_bytes) -m int gt %u }\n", role->head_limit);
	buf_printf(out, refusal, 413U, "too-large", "The body is too large", 413U, "a body", role->body_limit,
		   "req.body_size");
	buf_printf(out,
		   "{ req.body_size -m int gt %u } || { req.hdr(expect) -m found } { req.body_size -m int gt %u }\n",
		   role->body_limit + CONFIG_BODY_SWALLOW_BYTES, role->body_limit);
}

/* What an endpoint may have of the process' connections: the tcp endpoints half of them in all, the http endpoints the
 * other half without the reserve; all but the reserve where there is one kind only. The shares together leave the
 * reserve, so nobody who fills one endpoint keeps the clients of another out, nor the one who asks how the balancer is.
 */
static unsigned haproxy_share(const struct plan *plan, unsigned connections, enum csdef_protocol protocol)
{
	unsigned reserve = connections / HAPROXY_RESERVE + 2, part = connections - reserve, alike = 0;

	for (size_t i = 0; i < plan->n_inputs; i++)
		alike += plan->inputs[i].endpoint->protocol == protocol;
	if (alike < plan->n_inputs)
		part = protocol == CSDEF_HTTP ? part - part / 2 : part / 2;
	return part >= alike ? part / alike : 1; /* HAProxy takes 0 for any number */
}

/* Where it listens and who may come in. One that is full leaves further clients in the kernel's queue; an address that
 * has its number of HTTP connections already is refused. TCP clients keep their connections and pipeline: many may come
 * from one address, and their endpoint's share is what bounds them. */
static void haproxy_frontend(const struct plan *plan, const struct plan_input *in, unsigned connections,
			     struct buf *out)
{
	char name[HAPROXY_NAME_SIZE];

	haproxy_name(in, name);
	buf_printf(out, "\nfrontend %s from %s\n  bind %s:%u\n  maxconn %u\n", name,
		   in->endpoint->protocol == CSDEF_HTTP ? "http" : "tcp", plan->address, plan_public_port(in),
		   haproxy_share(plan, connections, in->endpoint->protocol));
	if (in->endpoint->protocol == CSDEF_HTTP && plan->client_connections > 0)
		buf_printf(out,
			   "  stick-table type ipv6 size 100k expire 5m store conn_cur\n"
			   "  tcp-request connection track-sc0 src\n"
			   "  tcp-request connection reject if { sc0_conn_cur gt %u }\n",
			   plan->client_connections);
}

static void haproxy_http(const struct plan *plan, const struct plan_input *in, unsigned connections, struct buf *out)
{
	char name[HAPROXY_NAME_SIZE];

	haproxy_name(in, name);
	haproxy_frontend(plan, in, connections, out);
	buf_puts(out,
		 "  http-request set-var(txn.request_id) req.hdr(x-request-id) if { req.hdr_cnt(x-request-id) eq 1 } "
		 "{ req.hdr(x-request-id) -m reg ^[A-Za-z0-9._-]{1,64}$ }\n"
		 "  http-request set-var(txn.request_id) uuid() if !{ var(txn.request_id) -m found }\n");
	haproxy_limits(in->role, out);
	buf_printf(
	    out,
	    "  http-request set-header X-Request-Id %%[var(txn.request_id)]\n"
	    "  http-request set-header X-Forwarded-For %%[src]\n"
	    "  http-request del-header Forwarded\n"
	    "  http-response set-header X-Request-Id %%[var(txn.request_id)] if !{ res.hdr(x-request-id) -m found }\n"
	    "  use_backend %s_alive if { nbsrv(%s_ready) eq 0 }\n"
	    "  default_backend %s_ready\n",
	    name, name, name);
	buf_printf(out, "\nbackend %s_ready from http\n  balance leastconn\n", name);
	haproxy_check(out, "/readyz", in->role->probe_token);
	haproxy_servers(in, false, out);
	/* When none is ready (Redis is away), those that live say so themselves, with the reason. */
	buf_printf(out, "\nbackend %s_alive from http\n  balance leastconn\n", name);
	haproxy_check(out, "/livez", NULL);
	haproxy_servers(in, false, out);
}

static void haproxy_tcp(const struct plan *plan, const struct plan_input *in, unsigned connections, struct buf *out)
{
	char name[HAPROXY_NAME_SIZE];

	haproxy_name(in, name);
	haproxy_frontend(plan, in, connections, out);
	buf_printf(out, "  default_backend %s_ready\n", name);
	buf_printf(out, "\nbackend %s_ready from tcp\n  balance leastconn\n", name);
	if (plan_health(in->role)) {
		haproxy_check(out, "/readyz", NULL);
	} else {
		/* One that asks for a token first is there when it does so. */
		buf_printf(out,
			   "  option tcp-check\n  tcp-check connect\n  tcp-check send 1\\n\n  tcp-check expect string "
			   "%s\n",
			   in->role->authenticates ? "-32003" : "1");
	}
	haproxy_servers(in, plan_health(in->role) != NULL, out);
}

/* Where this balancer itself is asked whether it is of use: it tells how many instances each endpoint has, or the first
 * that has none. */
static void haproxy_health(const struct plan *plan, struct buf *out)
{
	char name[HAPROXY_NAME_SIZE];

	buf_printf(out, "\nfrontend health from http\n  bind unix@%s mode 600\n", plan->health_socket);
	for (size_t i = 0; i < plan->n_inputs; i++) {
		haproxy_name(&plan->inputs[i], name);
		buf_printf(
		    out,
		    "  http-request return status 503 content-type text/plain string \"no instance of %s is ready "
		    "for %s\" if { nbsrv(%s_ready) eq 0 }\n",
		    plan->inputs[i].role->def->name, plan->inputs[i].endpoint->name, name);
	}
	buf_puts(out, "  http-request return status 200 content-type text/plain lf-string \"");
	for (size_t i = 0; i < plan->n_inputs; i++) {
		haproxy_name(&plan->inputs[i], name);
		buf_printf(out, "%s%s %%[nbsrv(%s_ready)]", i > 0 ? ", " : "", name, name);
	}
	buf_puts(out, "\"\n");
}

/* Room for the largest head that is answered with more than HAProxy's own words, and for what is added to it. */
static unsigned haproxy_buffer(const struct plan *plan)
{
	unsigned limit = 0;

	for (size_t i = 0; i < plan->n_roles; i++)
		if (plan->roles[i].head_limit > limit)
			limit = plan->roles[i].head_limit;
	return limit + HAPROXY_HEAD_REFUSED;
}

/* No "log": in the foreground HAProxy says on standard error what becomes of its servers, a log would say it again. */
void haproxy_render(const struct plan *plan, unsigned connections, unsigned threads, struct buf *out)
{
	bool by_name = false;

	buf_printf(out,
		   "# Rendered from %s; a change here is lost at the next start.\n"
		   "global\n"
		   "  nbthread %u\n"
		   "  maxconn %u\n"
		   "  hard-stop-after 10s\n"
		   "  tune.bufsize %u\n"
		   "  tune.http.maxhdr %d\n",
		   plan->def->definition, threads, connections, haproxy_buffer(plan), HAPROXY_HEADERS);
	for (size_t i = 0; i < plan->n_roles; i++)
		by_name |= plan->roles[i].host != NULL;
	if (by_name)
		haproxy_resolvers(out);
	haproxy_http_defaults(out);
	haproxy_tcp_defaults(out);
	for (size_t i = 0; i < plan->n_inputs; i++) {
		if (plan->inputs[i].endpoint->protocol == CSDEF_HTTP)
			haproxy_http(plan, &plan->inputs[i], connections, out);
		else
			haproxy_tcp(plan, &plan->inputs[i], connections, out);
	}
	if (plan->health_socket)
		haproxy_health(plan, out);
}
