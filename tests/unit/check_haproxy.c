/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of the fabric and the load balancer's configuration that is rendered from it. */
#include <check.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "haproxy.h"
#include "plan.h"
#include "plan_remote.h"
#include "port.h"
#include "proc.h"

#define NS(kind) "xmlns=\"http://schemas.microsoft.com/ServiceHosting/2008/10/Service" kind "\""
#define WEB_ENDPOINTS "<InputEndpoint name=\"HttpIn\" protocol=\"http\" port=\"8080\" localPort=\"*\"/>"
#define WORKER_ENDPOINTS                                                                          \
	"<InputEndpoint name=\"SquareEndpoint\" protocol=\"tcp\" port=\"2345\" localPort=\"*\"/>" \
	"<InternalEndpoint name=\"WorkerPeer\" protocol=\"tcp\"/>"

static char folder[] = "/tmp/square-haproxy.XXXXXX";
static char csdef_path[64], cscfg_path[64], cfg_path[64];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
	static const char *const variables[] = {
		"WEB_INSTANCES",      "WORKER_INSTANCES",           "CLIENT_CONNECTIONS", "SQUARE_AUTH_TOKENS_FILE",
		"SQUARE_PROBE_TOKEN", "SQUARE_ADDRESS_CONNECTIONS", "BALANCER_REPLICAS",  "SQUARE_HOST_FRONT",
		"PUBLISHED_ON",       "PUBLISHED_ANONYMOUS",        "SQUARE_HOST_BACK"
	};

	ck_assert_int_eq(setenv("HTTP_PORT", "0", 1), 0);
	ck_assert_int_eq(setenv("TCP_PORT", "0", 1), 0);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		ck_assert_int_eq(unsetenv(variables[i]), 0);
	(void)strcpy(folder, "/tmp/square-haproxy.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(csdef_path, sizeof(csdef_path), "%s/service.csdef", folder);
	(void)snprintf(cscfg_path, sizeof(cscfg_path), "%s/service.cscfg", folder);
	(void)snprintf(cfg_path, sizeof(cfg_path), "%s/haproxy.cfg", folder);
}

static void teardown(void)
{
	(void)remove(csdef_path);
	(void)remove(cscfg_path);
	(void)remove(cfg_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct csdef *load(const char *web_endpoints, const char *worker_endpoints)
{
	struct errinfo info = { 0 };
	struct csdef *def;
	char text[4096];

	(void)snprintf(
	    text, sizeof(text),
	    "<ServiceDefinition name=\"S\" " NS(
		"Definition") "><WebRole name=\"Front\"><Endpoints>%s</Endpoints></WebRole>"
			      "<WorkerRole name=\"Back\"><Endpoints>%s</Endpoints></WorkerRole></ServiceDefinition>",
	    web_endpoints, worker_endpoints);
	write_file(csdef_path, text);
	write_file(cscfg_path,
		   "<ServiceConfiguration serviceName=\"S\" " NS(
		       "Configuration") ">"
					"<Role name=\"Front\"><Instances count=\"1\"/></Role>"
					"<Role name=\"Back\"><Instances count=\"2\"/></Role></ServiceConfiguration>");
	def = csdef_load(csdef_path, cscfg_path, &info);
	ck_assert_msg(def != NULL, "%s", info.text);
	return def;
}

static struct plan *make_plan(const struct csdef *def)
{
	struct errinfo info = { 0 };
	struct plan *plan = plan_new(def, &info);

	ck_assert_msg(plan != NULL, "%s", info.text);
	return plan;
}

/* HAProxy itself says whether the text is a configuration. */
static void check_with_haproxy(const char *text)
{
	const char *const argv[] = { "haproxy", "-c", "-f", cfg_path, NULL };
	static const char *const env[] = { "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", NULL };
	struct proc_result r;

	write_file(cfg_path, text);
	proc_run(argv, env, NULL, 20000, &r);
	ck_assert_msg(r.status == 0 && !strstr(r.err, "WARNING") && !strstr(r.err, "ALERT"), "status %d: %s%s\n%s",
		      r.status, r.out, r.err, text);
	proc_result_fini(&r);
}

__attribute__((format(printf, 2, 3))) static bool has(struct buf *text, const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return strstr(buf_cstr(text), line) != NULL;
}

START_TEST(test_haproxy_render_of_the_definition)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct plan *plan = make_plan(def);
	const struct plan_input *http = plan_input(plan, CSDEF_HTTP), *tcp = plan_input(plan, CSDEF_TCP);
	struct buf text = BUF_INIT;

	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert(
	    has(&text, "frontend %s from http\n  bind 127.0.0.1:%u\n  maxconn 489\n", "Front.HttpIn", http->open.port));
	ck_assert(has(&text, "frontend %s from tcp\n  bind 127.0.0.1:%u\n", "Back.SquareEndpoint", tcp->open.port));
	ck_assert(has(&text, "server %s 127.0.0.1:%u check\n", "Front_IN_0", plan_port(http, 0)));
	ck_assert(has(&text, "server %s 127.0.0.1:%u check\n", "Back_IN_0", plan_port(tcp, 0)));
	ck_assert(has(&text, "server %s 127.0.0.1:%u check\n", "Back_IN_1", plan_port(tcp, 1)));
	ck_assert_ptr_null(strstr(buf_cstr(&text), "WorkerPeer"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "sc0_conn_cur gt 64"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "if { var(txn.head_bytes) -m int gt 8192 }\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "if { req.body_size -m int gt 17825792 } || "
						      "{ req.hdr(expect) -m found } "
						      "{ req.body_size -m int gt 1048576 }\n"));
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

/* An endpoint that is added to the definition is served without a change anywhere else. */
START_TEST(test_haproxy_render_of_added_endpoints)
{
	unsigned admin = proc_free_port(), cube = proc_free_port();
	char web[300], worker[400];
	struct buf text = BUF_INIT;
	struct csdef *def;
	struct plan *plan;

	(void)snprintf(web, sizeof(web), WEB_ENDPOINTS "<InputEndpoint name=\"Admin\" protocol=\"http\" port=\"%u\"/>",
		       admin);
	(void)snprintf(worker, sizeof(worker),
		       WORKER_ENDPOINTS "<InputEndpoint name=\"Cube\" protocol=\"tcp\" port=\"%u\"/>", cube);
	def = load(web, worker);
	plan = make_plan(def);
	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert_uint_eq(plan->n_inputs, 4);
	ck_assert(has(&text, "frontend %s from http\n  bind 127.0.0.1:%u\n", "Front.Admin", admin));
	ck_assert(has(&text, "frontend %s from tcp\n  bind 127.0.0.1:%u\n", "Back.Cube", cube));
	ck_assert(has(&text, "server %s 127.0.0.1:%u check\n", "Back_IN_1", plan_port(&plan->inputs[3], 1)));
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

/* With tokens: the balancer asks /readyz with one of its own, a new one at each start, and takes a worker that asks for
 * a token for a worker that is there. */
START_TEST(test_haproxy_render_with_tokens)
{
	static const char line[] = "a:read:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct buf text = BUF_INIT;
	char tokens[64], first[65];
	struct plan *plan;

	(void)snprintf(tokens, sizeof(tokens), "%s/tokens", folder);
	write_file(tokens, line);
	ck_assert_int_eq(chmod(tokens, 0600), 0);
	ck_assert_int_eq(setenv("SQUARE_AUTH_TOKENS_FILE", tokens, 1), 0);
	plan = make_plan(def);
	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert(plan->roles[0].authenticates && plan->roles[1].authenticates);
	ck_assert_uint_eq(strlen(plan->roles[0].probe_token), 64);
	ck_assert_ptr_null(plan->roles[1].probe_token);
	(void)snprintf(first, sizeof(first), "%s", plan->roles[0].probe_token);
	ck_assert(has(&text, "uri /readyz ver HTTP/1.1 hdr Host localhost hdr Authorization \"Bearer %s\" ", first));
	ck_assert(has(&text, "uri /livez ver HTTP/1.1 hdr Host localhost hdr Connection"));
	ck_assert(has(&text, "tcp-check expect string -32003\n"));
	ck_assert_ptr_nonnull(strstr(plan->roles[0].probe_question, first));
	plan_free(plan);
	plan = make_plan(def);
	ck_assert_str_ne(plan->roles[0].probe_token, first);
	plan_free(plan);
	ck_assert_int_eq(setenv("SQUARE_PROBE_TOKEN", "my-probe", 1), 0);
	plan = make_plan(def);
	ck_assert_str_eq(plan->roles[0].probe_token, "my-probe");
	ck_assert(plan->roles[0].told_probe_token);
	plan_free(plan);
	buf_fini(&text);
	csdef_free(def);
	ck_assert_int_eq(remove(tokens), 0);
}
END_TEST

START_TEST(test_haproxy_render_with_the_setting_address_connections)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct buf text = BUF_INIT;
	struct plan *plan;

	ck_assert_int_eq(setenv("SQUARE_ADDRESS_CONNECTIONS", "7", 1), 0);
	plan = make_plan(def);
	haproxy_render(plan, 1000, 1, &text);
	ck_assert(has(&text, "sc0_conn_cur gt 7 "));
	plan_free(plan);
	ck_assert_int_eq(setenv("CLIENT_CONNECTIONS", "9", 1), 0); /* goes first */
	plan = make_plan(def);
	ck_assert_uint_eq(plan->client_connections, 9);
	plan_free(plan);
	buf_fini(&text);
	csdef_free(def);
}
END_TEST

/* The lines of a frontend that limit who comes in. */
static void check_limits(struct buf *text, const char *name, unsigned share, unsigned of_address)
{
	char start[64], limit[64], expected[300];

	(void)snprintf(start, sizeof(start), "\nfrontend %s ", name);
	(void)snprintf(limit, sizeof(limit), "  maxconn %u\n", share);
	(void)snprintf(expected, sizeof(expected),
		       "%s  stick-table type ipv6 size 100k expire 5m store conn_cur\n"
		       "  tcp-request connection track-sc0 src\n"
		       "  tcp-request connection reject if { sc0_conn_cur gt %u }\n",
		       limit, of_address);
	const char *from = strstr(buf_cstr(text), start), *bind;
	ck_assert_msg(from && (bind = strstr(from, "  bind ")), "no frontend %s", name);
	const char *got = strchr(bind, '\n') + 1, *want = of_address ? expected : limit;
	ck_assert_msg(strncmp(got, want, strlen(want)) == 0, "%s: expected\n%s, got\n%.300s", name, want, got);
}

/* Whoever fills an endpoint leaves the others, and the balancer's own health, their connections. */
START_TEST(test_haproxy_render_shares)
{
	static const char second[] = "<InputEndpoint name=\"Cube\" protocol=\"tcp\" port=\"%u\"/>";
	static const struct {
		unsigned connections, http, tcp, tcp_of_two;
	} shares[] = { { 10, 4, 4, 2 }, { 262, 128, 127, 63 }, { 4000, 1959, 1959, 979 }, { 20000, 9799, 9799, 4899 } };
	char worker[400], cube[120];
	struct buf text = BUF_INIT;

	(void)snprintf(cube, sizeof(cube), second, proc_free_port());
	for (size_t i = 0; i < 2 * sizeof(shares) / sizeof(shares[0]); i++) {
		bool two = i % 2;
		unsigned tcp = two ? shares[i / 2].tcp_of_two : shares[i / 2].tcp;
		(void)snprintf(worker, sizeof(worker), WORKER_ENDPOINTS "%s", two ? cube : "");
		struct csdef *def = load(WEB_ENDPOINTS, worker);
		struct plan *plan = make_plan(def);
		buf_clear(&text);
		haproxy_render(plan, shares[i / 2].connections, 1, &text);
		check_with_haproxy(buf_cstr(&text));
		check_limits(&text, "Front.HttpIn", shares[i / 2].http, 64);
		check_limits(&text, "Back.SquareEndpoint", tcp, 0);
		if (two)
			check_limits(&text, "Back.Cube", tcp, 0);
		ck_assert_uint_lt(shares[i / 2].http + (two ? 2 : 1) * tcp, shares[i / 2].connections);
		plan_free(plan);
		csdef_free(def);
	}
	buf_fini(&text);
}
END_TEST

START_TEST(test_haproxy_render_share_of_the_only_endpoint)
{
	struct csdef *def = load(WEB_ENDPOINTS, "<InternalEndpoint name=\"WorkerPeer\" protocol=\"tcp\"/>");
	struct plan *plan = make_plan(def);
	struct buf text = BUF_INIT;

	haproxy_render(plan, 1000, 1, &text);
	check_limits(&text, "Front.HttpIn", 978, 64);
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

START_TEST(test_haproxy_render_without_instances_or_limit)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct buf text = BUF_INIT;
	struct plan *plan;

	ck_assert_int_eq(setenv("WORKER_INSTANCES", "0", 1), 0);
	ck_assert_int_eq(setenv("CLIENT_CONNECTIONS", "0", 1), 0);
	plan = make_plan(def);
	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert_ptr_null(strstr(buf_cstr(&text), "Back_IN_"));
	ck_assert_ptr_null(strstr(buf_cstr(&text), "conn_cur"));
	check_limits(&text, "Front.HttpIn", 489, 0);
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

START_TEST(test_plan_new_counts_from_environment)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct plan *plan;

	ck_assert_int_eq(setenv("WEB_INSTANCES", "3", 1), 0);
	ck_assert_int_eq(setenv("WORKER_INSTANCES", "5", 1), 0);
	plan = make_plan(def);
	ck_assert_uint_eq(plan->roles[0].n_instances, 3);
	ck_assert_uint_eq(plan->roles[1].n_instances, 5);
	ck_assert_str_eq(plan->roles[1].instances[4].id, "Back_IN_4");
	ck_assert_uint_eq(plan->roles[0].drain_s, 10);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

#define HEALTH_ENDPOINT "<InternalEndpoint name=\"WorkerHealth\" protocol=\"http\"/>"

/* A worker that says itself whether it may be sent work is asked there, and not at the endpoint that it serves. */
START_TEST(test_haproxy_render_with_a_health_endpoint)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS HEALTH_ENDPOINT);
	struct plan *plan = make_plan(def);
	const struct plan_input *tcp = plan_input(plan, CSDEF_TCP);
	struct buf text = BUF_INIT;

	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(plan_health_port(&plan->roles[1], i), plan->roles[1].instances[i].ports[2].port);
		ck_assert(has(&text, "server Back_IN_%u 127.0.0.1:%u check port %u\n", i, plan_port(tcp, i),
			      plan_health_port(&plan->roles[1], i)));
	}
	ck_assert(!has(&text, "tcp-check"));
	ck_assert(has(&text, "http-check expect status 200 error-status L7OKC\n"));
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

/* ---- the balancer of replicas that DNS knows ---- */

static void tell_ports(void)
{
	ck_assert_int_eq(setenv("SQUARE_ENDPOINT_HTTP_IN", "0.0.0.0:18080", 1), 0);
	ck_assert_int_eq(setenv("SQUARE_ENDPOINT_SQUARE_ENDPOINT", "0.0.0.0:12345", 1), 0);
	ck_assert_int_eq(setenv("SQUARE_ENDPOINT_WORKER_HEALTH", "[::]:18081", 1), 0);
}

static struct plan *make_remote(const struct csdef *def)
{
	struct errinfo info = { 0 };
	struct plan *plan = plan_remote_new(def, &info);

	ck_assert_msg(plan != NULL, "%s", info.text);
	return plan;
}

START_TEST(test_haproxy_render_of_replicas)
{
	static const char end[] = " resolvers place resolve-prefer ipv4 init-addr none\n";
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS HEALTH_ENDPOINT);
	struct buf text = BUF_INIT;
	struct plan *plan;

	tell_ports();
	plan = make_remote(def);
	plan->health_socket = "/tmp/health.sock";
	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert(has(&text, "frontend Front.HttpIn from http\n  bind *:8080\n"));
	ck_assert(has(&text, "frontend Back.SquareEndpoint from tcp\n  bind *:2345\n"));
	ck_assert(has(&text, "server-template Front_ 1-128 front:18080 check%s", end));
	ck_assert(has(&text, "server-template Back_ 1-128 back:12345 check port 18081%s", end));
	ck_assert(
	    has(&text, "\n  accepted_payload_size 8192\n  timeout resolve 1s\n  hold obsolete 0s\n  hold nx 5s\n"));
	ck_assert(has(&text, "on-marked-down shutdown-sessions\n"));
	ck_assert(has(&text, "bind unix@/tmp/health.sock mode 600\n"));
	ck_assert(has(&text, "if { nbsrv(Back.SquareEndpoint_ready) eq 0 }\n"));
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

/* An endpoint that is added to the definition is served as soon as the instances know where. */
START_TEST(test_haproxy_render_of_replicas_with_added_endpoints)
{
	struct csdef *def =
	    load(WEB_ENDPOINTS "<InputEndpoint name=\"Admin\" protocol=\"http\" port=\"9090\"/>",
		 WORKER_ENDPOINTS "<InputEndpoint name=\"Cube\" protocol=\"tcp\" port=\"7000\" localPort=\"7001\"/>");
	struct buf text = BUF_INIT;
	struct plan *plan;

	tell_ports();
	ck_assert_int_eq(setenv("SQUARE_HOST_BACK", "workers.example.org", 1), 0);
	ck_assert_int_eq(setenv("BALANCER_REPLICAS", "300", 1), 0);
	plan = make_remote(def);
	haproxy_render(plan, 1000, 1, &text);
	check_with_haproxy(buf_cstr(&text));
	ck_assert(has(&text, "frontend Front.Admin from http\n  bind *:9090\n"));
	ck_assert(has(&text, "frontend Back.Cube from tcp\n  bind *:7000\n"));
	ck_assert(has(&text, "server-template Front_ 1-300 front:9090 check "));
	ck_assert(has(&text, "server-template Back_ 1-300 workers.example.org:7001 check "));
	ck_assert(!has(&text, "frontend health"));
	buf_fini(&text);
	plan_free(plan);
	csdef_free(def);
}
END_TEST

static const struct remote_bad {
	const char *name, *value, *expected;
} remote_bads[] = {
	{ "SQUARE_ENDPOINT_SQUARE_ENDPOINT", "",
	  "expected the environment variable SQUARE_ENDPOINT_SQUARE_ENDPOINT to tell, here and to the instances, where "
	  "each instance of Back serves SquareEndpoint, such as 0.0.0.0:2345; got nothing" },
	{ "SQUARE_ENDPOINT_WORKER_HEALTH", "0.0.0.0:0",
	  "expected the environment variable SQUARE_ENDPOINT_WORKER_HEALTH to tell, here and to the instances, where "
	  "each instance of Back serves WorkerHealth, such as 0.0.0.0:8081; got 0.0.0.0:0" },
	{ "SQUARE_ENDPOINT_HTTP_IN", "8080",
	  "environment variable SQUARE_ENDPOINT_HTTP_IN: expected an address and a port such as 0.0.0.0:8080, got "
	  "\"8080\"" },
	{ "SQUARE_HOST_FRONT", "front:80",
	  "environment variable SQUARE_HOST_FRONT: expected a name in DNS, without a port, got \"front:80\"" },
	{ "BALANCER_REPLICAS", "301",
	  "environment variable BALANCER_REPLICAS: expected a whole number from 1 to 300, got \"301\"" },
	{ "PUBLISHED_ON", "localhost", "environment variable PUBLISHED_ON: expected an IP address, got \"localhost\"" },
	{ "PUBLISHED_ON", "0.0.0.0",
	  "HttpIn of Front would be open to whoever reaches 0.0.0.0: expected AuthTokensFile, or a loopback address to "
	  "publish it on, or PUBLISHED_ANONYMOUS=true if that is meant" },
};

START_TEST(test_plan_remote_new_bad_variable)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS HEALTH_ENDPOINT);
	struct errinfo info = { 0 };

	tell_ports();
	ck_assert_int_eq(setenv(remote_bads[_i].name, remote_bads[_i].value, 1), 0);
	ck_assert_ptr_null(plan_remote_new(def, &info));
	ck_assert_str_eq(info.text, remote_bads[_i].expected);
	csdef_free(def);
}
END_TEST

/* Who may come from anywhere: those with a token; or everybody, when that is said. */
START_TEST(test_plan_remote_new_published)
{
	static const char line[] = "a:read:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS HEALTH_ENDPOINT);
	struct errinfo info = { 0 };
	char tokens[64];

	tell_ports();
	ck_assert_int_eq(setenv("PUBLISHED_ON", "127.0.0.2", 1), 0);
	plan_free(make_remote(def));
	ck_assert_int_eq(setenv("PUBLISHED_ON", "192.0.2.1", 1), 0);
	ck_assert_int_eq(setenv("PUBLISHED_ANONYMOUS", "true", 1), 0);
	plan_free(make_remote(def));
	ck_assert_int_eq(setenv("PUBLISHED_ANONYMOUS", "false", 1), 0);
	(void)snprintf(tokens, sizeof(tokens), "%s/tokens", folder);
	write_file(tokens, line);
	ck_assert_int_eq(chmod(tokens, 0600), 0);
	ck_assert_int_eq(setenv("SQUARE_AUTH_TOKENS_FILE", tokens, 1), 0);
	ck_assert_ptr_null(plan_remote_new(def, &info));
	ck_assert_ptr_nonnull(strstr(info.text, "Front asks for tokens (AuthTokensFile): expected ProbeToken"));
	ck_assert_int_eq(setenv("SQUARE_PROBE_TOKEN", "my-probe", 1), 0);
	plan_free(make_remote(def));
	ck_assert_int_eq(remove(tokens), 0);
	csdef_free(def);
}
END_TEST

static const struct bad {
	const char *name, *value, *expected;
} bads[] = {
	{ "HTTP_PORT", "eighty",
	  "environment variable HTTP_PORT: expected a whole number from 0 to 65535, got \"eighty\"" },
	{ "HTTP_PORT", "-1", "environment variable HTTP_PORT: expected a whole number from 0 to 65535, got \"-1\"" },
	{ "TCP_PORT", "65536",
	  "environment variable TCP_PORT: expected a whole number from 0 to 65535, got \"65536\"" },
	{ "WEB_INSTANCES", "1001",
	  "environment variable WEB_INSTANCES: expected a whole number from 0 to 1000, got \"1001\"" },
	{ "WORKER_INSTANCES", "2 ",
	  "environment variable WORKER_INSTANCES: expected a whole number from 0 to 1000, got \"2 \"" },
	{ "CLIENT_CONNECTIONS", "x",
	  "environment variable CLIENT_CONNECTIONS: expected a whole number from 0 to 1000000, got \"x\"" },
	{ "SQUARE_AUTH_TOKENS_FILE", "/nowhere/tokens",
	  "/nowhere/tokens: expected a readable file: No such file or directory" },
	{ "SQUARE_PROBE_TOKEN", "a token",
	  "setting ProbeToken: expected 1 to 512 characters of A-Z a-z 0-9 - . _ ~ + / =, got 7 that are not all "
	  "such" },
};

START_TEST(test_plan_new_bad_variable)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct errinfo info = { 0 };

	ck_assert_int_eq(setenv(bads[_i].name, bads[_i].value, 1), 0);
	ck_assert_ptr_null(plan_new(def, &info));
	ck_assert_str_eq(info.text, bads[_i].expected);
	csdef_free(def);
}
END_TEST

/* A listener of another program, on a port of its choice. */
static int listener(unsigned *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

START_TEST(test_plan_new_taken_port)
{
	static const char *const variables[] = { "HTTP_PORT", "TCP_PORT" }, *const endpoints[] = { "HttpIn",
												   "SquareEndpoint" };
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct errinfo info = { 0 };
	char value[16], expected[320];
	unsigned port;
	int fd = listener(&port);

	(void)snprintf(value, sizeof(value), "%u", port);
	ck_assert_int_eq(setenv(variables[_i], value, 1), 0);
	ck_assert_ptr_null(plan_new(def, &info));
	(void)snprintf(expected, sizeof(expected),
		       "port %u, where %s is to listen, is taken by another program; stop that one, or choose another "
		       "port with %s=%u "
		       "(0: any free one)",
		       port, endpoints[_i], variables[_i], port < 65535 ? port + 1 : 0);
	ck_assert_str_eq(info.text, expected);
	ck_assert_int_eq(info.code, ERR_EXISTS);
	(void)close(fd);
	csdef_free(def);
}
END_TEST

START_TEST(test_plan_new_same_port_twice)
{
	struct csdef *def = load(WEB_ENDPOINTS, WORKER_ENDPOINTS);
	struct errinfo info = { 0 };
	char value[16];

	(void)snprintf(value, sizeof(value), "%u", proc_free_port());
	ck_assert_int_eq(setenv("HTTP_PORT", value, 1), 0);
	ck_assert_int_eq(setenv("TCP_PORT", value, 1), 0);
	ck_assert_ptr_null(plan_new(def, &info));
	ck_assert_ptr_nonnull(strstr(info.text, "is asked for twice: for HttpIn and for SquareEndpoint"));
	csdef_free(def);
}
END_TEST

static int try_listen(unsigned port, bool reuse)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, rc;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (reuse)
		ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? listen(fd, 1) : -1;
	if (rc == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* A held port is for a child that sets SO_REUSEADDR, again and again, and for no other program. */
START_TEST(test_port_hold_keeps_others_out)
{
	struct port_hold hold = PORT_HOLD_INIT;
	struct errinfo info = { 0 };
	int fd;

	ck_assert_int_eq(port_hold(0, &hold, &info), ERR_OK);
	ck_assert_int_ne(hold.port, 0);
	ck_assert_int_lt(try_listen(hold.port, false), 0);
	for (int i = 0; i < 3; i++) {
		fd = try_listen(hold.port, true);
		ck_assert_int_ge(fd, 0);
		(void)close(fd);
	}
	port_release(&hold);
	ck_assert_int_eq(hold.fd, -1);
}
END_TEST

int main(void)
{
	Suite *core = suite_create("core"), *limits = suite_create("limits");
	TCase *render = tcase_create("render"), *plan = tcase_create("plan");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(render, setup, teardown);
	tcase_add_test(render, test_haproxy_render_of_the_definition);
	tcase_add_test(render, test_haproxy_render_of_added_endpoints);
	tcase_add_test(render, test_haproxy_render_without_instances_or_limit);
	tcase_add_test(render, test_haproxy_render_shares);
	tcase_add_test(render, test_haproxy_render_share_of_the_only_endpoint);
	tcase_add_test(render, test_haproxy_render_with_tokens);
	tcase_add_test(render, test_haproxy_render_with_the_setting_address_connections);
	tcase_add_test(render, test_haproxy_render_with_a_health_endpoint);
	tcase_add_test(render, test_haproxy_render_of_replicas);
	tcase_add_test(render, test_haproxy_render_of_replicas_with_added_endpoints);
	tcase_add_test(render, test_plan_remote_new_published);
	tcase_add_test(render, test_plan_new_counts_from_environment);
	suite_add_tcase(core, render);
	tcase_add_checked_fixture(plan, setup, teardown);
	tcase_add_loop_test(plan, test_plan_new_bad_variable, 0, (int)(sizeof(bads) / sizeof(bads[0])));
	tcase_add_loop_test(plan, test_plan_remote_new_bad_variable, 0,
			    (int)(sizeof(remote_bads) / sizeof(remote_bads[0])));
	tcase_add_loop_test(plan, test_plan_new_taken_port, 0, 2);
	tcase_add_test(plan, test_plan_new_same_port_twice);
	tcase_add_test(plan, test_port_hold_keeps_others_out);
	suite_add_tcase(limits, plan);
	sr = srunner_create(core);
	srunner_add_suite(sr, limits);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
