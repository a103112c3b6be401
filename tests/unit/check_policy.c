/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "policy.h"
#include "suite_run.h"

static struct config *config(void)
{
	static const char *const sets[] = { "AllowedHosts=square.example,other", "AllowedOrigins=https://app.example" };
	struct errinfo info;
	const struct config_sources sources = { .sets = sets, .n_sets = 2 };
	struct config *c = config_load(CONFIG_WEB, &sources, &info);
	ck_assert_msg(c != NULL, "%s", info.text);
	return c;
}

static void set(struct http_head *h, enum http_field f, const char *value)
{
	if (value)
		h->field[f] = (struct http_text){ value, strlen(value) };
}

static const struct {
	const char *host, *authority;
	bool allowed;
} hosts[] = {
	{ NULL, NULL, true },
	{ "localhost", NULL, true },
	{ "LocalHost:8080", NULL, true },
	{ "a.localhost:1", NULL, true },
	{ "127.0.0.1:8080", NULL, true },
	{ "10.1.2.3", NULL, true },
	{ "[::1]:8080", NULL, true },
	{ "[::1]", NULL, true },
	{ "square.example:80", NULL, true },
	{ "OTHER", NULL, true },
	{ "evil.example", "localhost", true },
	{ "localhost", "evil.example", false },
	{ "evil.example", NULL, false },
	{ "localhost.evil.example", NULL, false },
	{ "127.0.0.1.evil.example", NULL, false },
	{ "xlocalhost", NULL, false },
	{ "", NULL, false },
	{ ":80", NULL, false },
	{ "[::1", NULL, false },
};

START_TEST(test_host_allowed_or_not)
{
	struct config *c = config();
	struct http_head h = { 0 };
	set(&h, HTTP_HOST, hosts[_i].host);
	if (hosts[_i].authority)
		h.authority = (struct http_text){ hosts[_i].authority, strlen(hosts[_i].authority) };
	ck_assert_msg(policy_host_allowed(c, &h) == hosts[_i].allowed, "%s", hosts[_i].host ? hosts[_i].host : "none");
	config_free(c);
}
END_TEST

static const struct {
	const char *origin;
	enum policy_origin is;
} origins[] = {
	{ NULL, POLICY_NO_ORIGIN },
	{ "http://localhost:8080", POLICY_OWN_ORIGIN },
	{ "https://LOCALHOST:8080", POLICY_OWN_ORIGIN },
	{ "https://app.example", POLICY_ALLOWED_ORIGIN },
	{ "http://app.example", POLICY_FOREIGN_ORIGIN },
	{ "http://localhost", POLICY_FOREIGN_ORIGIN },
	{ "http://localhost:80800", POLICY_FOREIGN_ORIGIN },
	{ "http://evil.example", POLICY_FOREIGN_ORIGIN },
	{ "null", POLICY_FOREIGN_ORIGIN },
	{ "", POLICY_FOREIGN_ORIGIN },
};

START_TEST(test_origin_is_own_allowed_or_foreign)
{
	struct config *c = config();
	struct http_head h = { 0 };
	set(&h, HTTP_HOST, "localhost:8080");
	set(&h, HTTP_ORIGIN, origins[_i].origin);
	ck_assert_int_eq(policy_origin(c, &h), origins[_i].is);
	config_free(c);
}
END_TEST

static const struct {
	const char *type, *coding;
	bool allowed;
} contents[] = {
	{ NULL, NULL, true },
	{ "", NULL, true },
	{ "application/json", NULL, true },
	{ "Application/JSON ; charset=UTF-8", NULL, true },
	{ "application/json;charset=\"utf-8\"", NULL, true },
	{ "application/vnd.api+json", NULL, true },
	{ "application/x-www-form-urlencoded", NULL, true },
	{ "application/json", "identity", true },
	{ "application/json", "gzip", false },
	{ "application/json; charset=latin1", NULL, false },
	{ "text/plain", NULL, false },
	{ "text/json", NULL, false },
	{ "+json", NULL, false },
	{ "multipart/form-data; boundary=x", NULL, false },
	{ "application/jsonx", NULL, false },
};

START_TEST(test_content_allowed_or_not)
{
	struct http_head h = { 0 };
	set(&h, HTTP_CONTENT_TYPE, contents[_i].type);
	set(&h, HTTP_CONTENT_ENCODING, contents[_i].coding);
	ck_assert_msg(policy_content_allowed(&h) == contents[_i].allowed, "%s", contents[_i].type);
}
END_TEST

static const struct {
	const char *query, *prefer, *prefer2;
	int rc;
	uint64_t us;
} waits[] = {
	{ "", NULL, NULL, 0, 0 },
	{ "wait=5", NULL, NULL, 0, 5000000 },
	{ "wait=0.25", NULL, NULL, 0, 250000 },
	{ "wait=.5", NULL, NULL, 0, 500000 },
	{ "wait=1.", NULL, NULL, 0, 1000000 },
	{ "wait=0.0000019", NULL, NULL, 0, 1 },
	{ "wait=60.5", NULL, NULL, 0, 60000000 },
	{ "wait=99999999999999999999", NULL, NULL, 0, 60000000 },
	{ "wait=0", "wait=5", NULL, 0, 0 },
	{ "wait=2", "wait=5", NULL, 0, 2000000 },
	{ "", "wait=5", NULL, 0, 5000000 },
	{ "", "respond-async, WAIT = \"7\"; x=1", NULL, 0, 7000000 },
	{ "", "respond-async", "wait=9", 0, 9000000 },
	{ "", "wait=1000", NULL, 0, 60000000 },
	{ "", "wait=x", NULL, 0, 0 },
	{ "", "wait=0.5", NULL, 0, 0 },
	{ "", "wait", NULL, 0, 0 },
	{ "wait=", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=x", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=-1", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=1e2", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=.", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=5s", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=1&wait=2", NULL, NULL, ERR_INVALID, 0 },
	{ "wait=%zz", NULL, NULL, ERR_INVALID, 0 },
};

START_TEST(test_wait_from_query_and_prefer)
{
	struct http_head h = { .query = { waits[_i].query, strlen(waits[_i].query) } };
	uint64_t us;
	const char *prefer[] = { waits[_i].prefer, waits[_i].prefer2 };
	for (int i = 0; i < 2; i++)
		if (prefer[i])
			h.prefer[h.n_prefer++] = (struct http_text){ prefer[i], strlen(prefer[i]) };
	int rc = policy_wait(&h, 60, &us);
	ck_assert_msg(rc == waits[_i].rc, "%s: %d", waits[_i].query, rc);
	if (!rc)
		ck_assert_msg(us == waits[_i].us, "%s %s: %llu", waits[_i].query, prefer[0] ? prefer[0] : "",
			      (unsigned long long)us);
}
END_TEST

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
static const struct {
	const char *header, *id;
} traces[] = {
	{ NULL, "" },
	{ "00-" TRACE "-00f067aa0ba902b7-01", TRACE },
	{ "cc-" TRACE "-00f067aa0ba902b7-01-more", TRACE },
	{ "00-" TRACE "-00f067aa0ba902b7-01-more", "" },
	{ "ff-" TRACE "-00f067aa0ba902b7-01", "" },
	{ "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "" },
	{ "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "" },
	{ "00-" TRACE "-00f067aa0ba902b7", "" },
	{ "00_" TRACE "-00f067aa0ba902b7-01", "" },
	{ "cc-" TRACE "-00f067aa0ba902b7-01x", "" },
};

START_TEST(test_trace_id_of_a_valid_traceparent)
{
	struct http_head h = { 0 };
	char id[33];
	set(&h, HTTP_TRACEPARENT, traces[_i].header);
	policy_trace_id(&h, id);
	ck_assert_str_eq(id, traces[_i].id);
}
END_TEST

START_TEST(test_request_id_sane_or_not)
{
	static const struct {
		const char *id;
		bool sane;
	} ids[] = { { NULL, false },  { "", false },     { "a", true },    { "A-z_0.9", true },
		    { "a b", false }, { "a\"b", false }, { "a/b", false }, { "\303\251", false } };
	char out[65], text[70];
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct http_head h = { 0 };
		set(&h, HTTP_REQUEST_ID, ids[i].id);
		ck_assert_int_eq(policy_request_id(&h, out), ids[i].sane);
	}
	for (size_t n = 63; n < 67; n++) {
		struct http_head h = { 0 };
		memset(text, 'x', n);
		text[n] = '\0';
		set(&h, HTTP_REQUEST_ID, text);
		ck_assert_int_eq(policy_request_id(&h, out), n <= 64);
	}
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_host_allowed_or_not, 0, COUNT(hosts));
	tcase_add_loop_test(core, test_origin_is_own_allowed_or_foreign, 0, COUNT(origins));
	tcase_add_loop_test(core, test_content_allowed_or_not, 0, COUNT(contents));
	tcase_add_loop_test(core, test_wait_from_query_and_prefer, 0, COUNT(waits));
	tcase_add_loop_test(core, test_trace_id_of_a_valid_traceparent, 0, COUNT(traces));
	tcase_add_test(limits, test_request_id_sane_or_not);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
