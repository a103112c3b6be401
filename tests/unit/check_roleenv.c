/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "csdef.h"
#include "roleenv.h"
#include "suite_run.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A definition as csdef_load would make it, without files. */
static struct csdef_endpoint web_endpoints[] = {
	{ (char *)"HttpIn", CSDEF_HTTP, false, 8080, 0, 3 },
	{ (char *)"Admin", CSDEF_TCP, false, 8081, 9000, 4 },
};
static struct csdef_endpoint worker_endpoints[] = {
	{ (char *)"SquareEndpoint", CSDEF_TCP, false, 2345, 0, 7 },
	{ (char *)"WorkerPeer", CSDEF_TCP, true, 0, 0, 8 },
};
static struct csdef_role roles[] = {
	{ (char *)"Web", CSDEF_WEB, 1, web_endpoints, NULL, NULL, 2, 0, 0, 2 },
	{ (char *)"Work", CSDEF_WORKER, 2, worker_endpoints, NULL, NULL, 2, 0, 0, 6 },
	{ (char *)"Work_IN_Doors", CSDEF_WORKER, 2, NULL, NULL, NULL, 0, 0, 0, 9 },
};
static struct csdef one_each = { (char *)"S", (char *)"s.csdef", (char *)"s.cscfg", roles, 2 };
static struct csdef two_workers = { (char *)"S", (char *)"s.csdef", (char *)"s.cscfg", roles, 3 };
static struct csdef only_web = { (char *)"S", (char *)"s.csdef", (char *)"s.cscfg", roles, 1 };

static struct errinfo info;

static struct roleenv *make(const char *role, const char *instance, const struct config *cfg)
{
	return roleenv_new(&one_each, csdef_role(&one_each, role), instance, cfg, &info);
}

/* Before each test: what another one set must not count, with or without a process for each. */
static void clear_environment(void)
{
	static const char *const names[] = {
		"SQUARE_ROLE_INSTANCE",        "SQUARE_ENDPOINT_HTTP_IN",  "SQUARE_ENDPOINT_SQUARE_ENDPOINT",
		"SQUARE_ENDPOINT_WORKER_PEER", "SQUARE_ADVERTISE_ADDRESS", "container"
	};

	for (size_t i = 0; i < COUNT(names); i++)
		unsetenv(names[i]);
}

/* ---- which instance ---- */

static const struct {
	const struct csdef *def;
	enum csdef_kind kind;
	const char *given;
	const char *role, *instance; /* NULL: refused */
	const char *error;
} places[] = {
	{ &one_each, CSDEF_WEB, "Web_IN_7", "Web", "Web_IN_7", NULL },
	{ &one_each, CSDEF_WORKER, "Work_IN_worker-6d4cf-x2", "Work", "Work_IN_worker-6d4cf-x2", NULL },
	{ &two_workers, CSDEF_WORKER, "Work_IN_0", "Work", "Work_IN_0", NULL },
	{ &two_workers, CSDEF_WORKER, "Work_IN_Doors_IN_0", "Work_IN_Doors", "Work_IN_Doors_IN_0", NULL },
	{ &one_each, CSDEF_WORKER, "Web_IN_0", NULL, NULL, "with a WorkerRole of s.csdef (Work), got \"Web_IN_0\"" },
	{ &one_each, CSDEF_WEB, "Other_IN_0", NULL, NULL, "with a WebRole of s.csdef (Web), got \"Other_IN_0\"" },
	{ &one_each, CSDEF_WEB, "Web_IN_", NULL, NULL, "got \"Web_IN_\"" },
	{ &one_each, CSDEF_WEB, "Web", NULL, NULL, "got \"Web\"" },
	{ &one_each, CSDEF_WEB, "Web_IN_a.b", NULL, NULL, "got \"Web_IN_a.b\"" },
	{ &one_each, CSDEF_WEB, "Web_IN_0 ", NULL, NULL, "got \"Web_IN_0 \"" },
	{ &one_each, CSDEF_WEB, "Web_IN_01234567890123456789012345678901234567890123456789012345678", NULL, NULL,
	  "at most 63 letters" },
	{ &only_web, CSDEF_WORKER, NULL, NULL, NULL, "s.csdef: expected a WorkerRole for this program, got none" },
	{ &two_workers, CSDEF_WORKER, NULL, NULL, NULL,
	  "s.csdef defines several roles of the kind WorkerRole (Work, Work_IN_Doors): expected the environment "
	  "variable "
	  "SQUARE_ROLE_INSTANCE to say which this is, such as Work_IN_0" },
};

START_TEST(test_place)
{
	char instance[ROLEENV_INSTANCE_MAX + 1];
	const struct csdef_role *role = NULL;

	if (places[_i].given)
		setenv("SQUARE_ROLE_INSTANCE", places[_i].given, 1);
	int rc = roleenv_place(places[_i].kind, places[_i].def, instance, &role, &info);
	if (places[_i].instance) {
		ck_assert_int_eq(rc, 0);
		ck_assert_str_eq(instance, places[_i].instance);
		ck_assert_str_eq(role->name, places[_i].role);
	} else {
		ck_assert_int_eq(rc, ERR_INVALID);
		ck_assert_msg(strstr(info.text, places[_i].error) != NULL, "%s", info.text);
	}
}
END_TEST

START_TEST(test_place_in_a_container_by_host_name)
{
	char instance[ROLEENV_INSTANCE_MAX + 1], host[65], expected[ROLEENV_INSTANCE_MAX + 1];
	const struct csdef_role *role;

	setenv("container", "podman", 1);
	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	ck_assert_int_eq(roleenv_place(CSDEF_WEB, &one_each, instance, &role, &info), 0);
	roleenv_default_instance(expected, "Web", host);
	ck_assert_str_eq(instance, expected);
}
END_TEST

START_TEST(test_default_instance)
{
	static const struct {
		const char *role, *host, *instance;
	} cases[] = {
		{ "Web", NULL, "Web_IN_0" },
		{ "Web", "", "Web_IN_0" },
		{ "Web", "0f3a", "Web_IN_0f3a" },
		{ "Web", "a.b c", "Web_IN_a-b-c" },
		{ "WorkerRole", "a-very-long-name-of-a-deployment-in-some-namespace-6d4cf56db6-abcde", NULL },
	};
	char instance[ROLEENV_INSTANCE_MAX + 1];

	for (size_t i = 0; i < COUNT(cases); i++) {
		roleenv_default_instance(instance, cases[i].role, cases[i].host);
		if (cases[i].instance) {
			ck_assert_str_eq(instance, cases[i].instance);
			continue;
		}
		/* a long one fills the room there is, and ends as the name does */
		ck_assert_uint_eq(strlen(instance), ROLEENV_INSTANCE_MAX);
		ck_assert_ptr_nonnull(strstr(instance, "-6d4cf56db6-abcde"));
		ck_assert_int_eq(strncmp(instance, "WorkerRole_IN_", 14), 0);
	}
}
END_TEST

/* ---- endpoints ---- */

START_TEST(test_endpoint_without_environment)
{
	struct roleenv_endpoint e;
	struct roleenv *env = make("Web", "Web_IN_0", NULL);

	ck_assert_int_eq(roleenv_endpoint(env, "HttpIn", &e), 0);
	ck_assert_str_eq(e.address, "127.0.0.1");
	ck_assert_uint_eq(e.port, 0);
	ck_assert_uint_eq(e.public_port, 8080);
	ck_assert_int_eq(e.protocol, CSDEF_HTTP);
	ck_assert(!e.internal);
	ck_assert(e.loopback);
	ck_assert_int_eq(roleenv_endpoint(env, "Admin", &e), 0);
	ck_assert_uint_eq(e.port, 9000);
	ck_assert_int_eq(roleenv_bound(env, "HttpIn", 41873), 0);
	ck_assert_int_eq(roleenv_endpoint(env, "HttpIn", &e), 0);
	ck_assert_uint_eq(e.port, 41873);
	ck_assert_uint_eq(e.public_port, 8080);
	ck_assert_int_eq(roleenv_endpoint(env, "SquareEndpoint", &e), ERR_NOT_FOUND);
	ck_assert_int_eq(roleenv_bound(env, "SquareEndpoint", 1), ERR_NOT_FOUND);
	roleenv_free(env);
	env = make("Work", "Work_IN_0", NULL);
	ck_assert_int_eq(roleenv_endpoint(env, "WorkerPeer", &e), 0);
	ck_assert(e.internal);
	ck_assert_uint_eq(e.public_port, 0);
	roleenv_free(env);
}
END_TEST

static const struct {
	const char *given, *address; /* NULL: refused */
	unsigned port;
	bool loopback;
} addresses[] = {
	{ "127.0.0.1:41873", "127.0.0.1", 41873, true },
	{ "127.9.8.7:0", "127.9.8.7", 0, true },
	{ "0.0.0.0:65535", "0.0.0.0", 65535, false },
	{ "[::1]:80", "::1", 80, true },
	{ "[::]:80", "::", 80, false },
	{ "[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, true },
	{ "[fe80:1234:5678:9abc:def0:1234:5678:9abc]:1", "fe80:1234:5678:9abc:def0:1234:5678:9abc", 1, false },
	{ "127.0.0.1", NULL, 0, false },
	{ "127.0.0.1:", NULL, 0, false },
	{ "127.0.0.1:65536", NULL, 0, false },
	{ "127.0.0.1:999999", NULL, 0, false },
	{ "127.0.0.1:+1", NULL, 0, false },
	{ "127.0.0.1:80x", NULL, 0, false },
	{ ":80", NULL, 0, false },
	{ "::1:80", NULL, 0, false },
	{ "[::1]", NULL, 0, false },
	{ "[]:80", NULL, 0, false },
	{ "[127.0.0.1]:80", NULL, 0, false },
	{ "[::1:80", NULL, 0, false },
	{ "localhost:80", NULL, 0, false },
	{ "256.0.0.1:80", NULL, 0, false },
	{ "1111111111111111111111111111111111111111111111111111111:80", NULL, 0, false },
};

START_TEST(test_endpoint_from_environment)
{
	struct roleenv_endpoint e;
	char got[128];

	setenv("SQUARE_ENDPOINT_HTTP_IN", addresses[_i].given, 1);
	struct roleenv *env = make("Web", "Web_IN_0", NULL);
	if (addresses[_i].address) {
		ck_assert_msg(env != NULL, "%s", info.text);
		ck_assert_int_eq(roleenv_endpoint(env, "HttpIn", &e), 0);
		ck_assert_str_eq(e.address, addresses[_i].address);
		ck_assert_uint_eq(e.port, addresses[_i].port);
		ck_assert_int_eq(e.loopback, addresses[_i].loopback);
	} else {
		ck_assert_ptr_null(env);
		snprintf(got, sizeof(got), ", got \"%s\"", addresses[_i].given);
		ck_assert_ptr_nonnull(strstr(info.text, got));
		ck_assert_int_eq(strncmp(info.text, "environment variable SQUARE_ENDPOINT_HTTP_IN: expected ", 55), 0);
	}
	roleenv_free(env);
}
END_TEST

/* ---- settings, life cycle ---- */

START_TEST(test_setting)
{
	static const char *const sets[] = { "DrainSeconds=3" };
	struct config_sources in = { .sets = sets, .n_sets = 1 };
	struct config *cfg = config_load(CONFIG_WEB, &in, &info);
	struct roleenv *env = make("Web", "Web_IN_0", cfg);

	ck_assert_str_eq(roleenv_setting(env, "DrainSeconds"), "3");
	ck_assert_str_eq(roleenv_setting(env, "Queues"), "math");
	ck_assert_ptr_null(roleenv_setting(env, "ClaimMax"));
	ck_assert_ptr_null(roleenv_setting(env, "Nothing"));
	ck_assert_str_eq(roleenv_instance(env), "Web_IN_0");
	ck_assert_str_eq(roleenv_role(env), "Web");
	roleenv_free(env);
	config_free(cfg);
}
END_TEST

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(test_recycle_runs_the_hook_once)
{
	struct roleenv *env = make("Web", "Web_IN_0", NULL);
	int runs = 0;

	ck_assert(!roleenv_recycling(env));
	roleenv_on_recycle(env, count, &runs);
	roleenv_request_recycle(env);
	roleenv_request_recycle(env);
	ck_assert(roleenv_recycling(env));
	ck_assert_int_eq(runs, 1);
	roleenv_free(env);
}
END_TEST

/* ---- presence ---- */

static json_t *presence(struct roleenv *env, const char *state)
{
	struct buf b = BUF_INIT;

	roleenv_presence_json(env, &b, 3, 16, state);
	json_t *json = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(json);
	buf_fini(&b);
	return json;
}

static const char *text_at(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

START_TEST(test_presence_json)
{
	uint64_t us;

	setenv("SQUARE_ENDPOINT_WORKER_PEER", "[::1]:0", 1);
	struct roleenv *env = make("Work", "Work_IN_1", NULL);
	json_t *json = presence(env, "starting");
	ck_assert_str_eq(text_at(json, "instance"), "Work_IN_1");
	ck_assert_str_eq(text_at(json, "role"), "Work");
	ck_assert_str_eq(text_at(json, "state"), "starting");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "pid")), getpid());
	ck_assert_int_eq(json_integer_value(json_object_get(json, "running")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "capacity")), 16);
	ck_assert_uint_gt(strlen(text_at(json, "host")), 0);
	ck_assert_int_eq(clock_parse(text_at(json, "started_at"), CLOCK_TEXT_SIZE - 1, &us), 0);
	ck_assert_uint_le(us, clock_wall_us());
	ck_assert_uint_eq(json_object_size(json_object_get(json, "endpoints")), 0); /* nothing is bound yet */
	json_decref(json);

	roleenv_bound(env, "WorkerPeer", 7001);
	roleenv_bound(env, "SquareEndpoint", 7002);
	roleenv_set_busy(env, true);
	json = presence(env, "ready");
	ck_assert_str_eq(text_at(json, "state"), "busy");
	ck_assert_str_eq(text_at(json_object_get(json, "endpoints"), "WorkerPeer"), "[::1]:7001");
	ck_assert_str_eq(text_at(json_object_get(json, "endpoints"), "SquareEndpoint"), "127.0.0.1:7002");
	json_decref(json);
	json = presence(env, "stopping");
	ck_assert_str_eq(text_at(json, "state"), "stopping");
	json_decref(json);
	roleenv_set_busy(env, false);
	ck_assert(!roleenv_busy(env));
	json = presence(env, "ready");
	ck_assert_str_eq(text_at(json, "state"), "ready");
	json_decref(json);
	roleenv_free(env);
}
END_TEST

START_TEST(test_presence_of_a_wildcard_is_an_address)
{
	setenv("SQUARE_ENDPOINT_SQUARE_ENDPOINT", "0.0.0.0:7000", 1);
	setenv("SQUARE_ENDPOINT_WORKER_PEER", "[::]:0", 1);
	struct roleenv *env = make("Work", "Work_IN_1", NULL);
	roleenv_bound(env, "SquareEndpoint", 7000);
	json_t *json = presence(env, "ready");
	const char *at = text_at(json_object_get(json, "endpoints"), "SquareEndpoint");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_null(strstr(at, "0.0.0.0"));
	json_decref(json);
	roleenv_free(env);

	setenv("SQUARE_ADVERTISE_ADDRESS", "2001:db8::7", 1);
	env = make("Work", "Work_IN_1", NULL);
	roleenv_bound(env, "SquareEndpoint", 7000);
	roleenv_bound(env, "WorkerPeer", 7001);
	json = presence(env, "ready");
	ck_assert_str_eq(text_at(json_object_get(json, "endpoints"), "SquareEndpoint"), "[2001:db8::7]:7000");
	ck_assert_str_eq(text_at(json_object_get(json, "endpoints"), "WorkerPeer"), "[2001:db8::7]:7001");
	json_decref(json);
	roleenv_free(env);

	static const char *const wrong[] = { "worker-1", "0.0.0.0", "::", "10.0.0.1:80" };
	for (size_t i = 0; i < COUNT(wrong); i++) {
		setenv("SQUARE_ADVERTISE_ADDRESS", wrong[i], 1);
		ck_assert_ptr_null(make("Work", "Work_IN_1", NULL));
		ck_assert_int_eq(strncmp(info.text, "environment variable SQUARE_ADVERTISE_ADDRESS: expected ", 56), 0);
	}
}
END_TEST

/* ---- the others ---- */

struct changes {
	char text[512];
};

static void note(void *arg, enum roleenv_change change, const struct roleenv_peer *peer)
{
	static const char *const names[] = { "+", "-", "~" };
	struct changes *c = arg;
	size_t used = strlen(c->text);

	snprintf(c->text + used, sizeof(c->text) - used, "%s%s ", names[change], peer->instance);
}

static const char *update(struct roleenv *env, struct changes *c, const char *const *jsons, size_t n, size_t unread)
{
	c->text[0] = '\0';
	ck_assert_uint_eq(roleenv_update(env, jsons, n), unread);
	return c->text;
}

#define WORKER_1 "{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"endpoints\":{\"SquareEndpoint\":\"127.0.0.1:1\"}}"
#define WORKER_2                                                                                      \
	"{\"instance\":\"Work_IN_2\",\"role\":\"Work\",\"host\":\"h\",\"pid\":77,\"state\":\"busy\"," \
	"\"started_at\":\"2026-11-22T15:04:05.123Z\",\"running\":2,\"capacity\":16,"                  \
	"\"endpoints\":{\"WorkerPeer\":\"[::1]:5\",\"SquareEndpoint\":\"127.0.0.1:2\"},\"queues\":[\"math\",\"b\"]}"
#define WORKER_2_MOVED                                   \
	"{\"instance\":\"Work_IN_2\",\"role\":\"Work\"," \
	"\"endpoints\":{\"WorkerPeer\":\"[::1]:5\",\"SquareEndpoint\":\"127.0.0.1:3\"}}"
#define WORKER_2_BUSIER                                                \
	"{\"instance\":\"Work_IN_2\",\"role\":\"Work\",\"running\":9," \
	"\"endpoints\":{\"SquareEndpoint\":\"127.0.0.1:2\",\"WorkerPeer\":\"[::1]:5\"}}"
#define WEB_0 "{\"instance\":\"Web_IN_0\",\"role\":\"Web\",\"endpoints\":{\"HttpIn\":\"127.0.0.1:8\"}}"
#define WEB_1 "{\"instance\":\"Web_IN_1\",\"role\":\"Web\",\"endpoints\":{\"HttpIn\":\"127.0.0.1:9\"}}"
#define STRANGER "{\"instance\":\"Other_IN_0\",\"role\":\"Other\",\"endpoints\":{}}"

START_TEST(test_update_raises_changes)
{
	static const char *const first[] = { WORKER_2, WORKER_1, WEB_0, WEB_1, STRANGER };
	static const char *const moved[] = { WORKER_1, WORKER_2_MOVED, WEB_0 };
	static const char *const left[] = { WEB_0, WORKER_2 };
	static const char *const busier[] = { WEB_0, WORKER_2_BUSIER };
	struct roleenv *env = make("Web", "Web_IN_0", NULL);
	struct changes c;

	roleenv_on_changed(env, note, &c);
	ck_assert_str_eq(update(env, &c, first, 5, 0), "+Work_IN_1 +Work_IN_2 ");
	ck_assert_str_eq(update(env, &c, first, 5, 0), "");
	ck_assert_str_eq(update(env, &c, moved, 3, 0), "~Work_IN_2 ");
	ck_assert_str_eq(update(env, &c, left, 2, 0), "-Work_IN_1 ~Work_IN_2 ");
	ck_assert_str_eq(update(env, &c, busier, 2, 0), ""); /* the same endpoints, in another order */
	ck_assert_str_eq(update(env, &c, NULL, 0, 0), "-Work_IN_2 ");
	roleenv_free(env);
}
END_TEST

START_TEST(test_instances)
{
	static const char *const jsons[] = { WORKER_2, WORKER_1, WEB_0, WEB_1, STRANGER };
	const struct roleenv_peer *peers[8] = { NULL };
	struct roleenv *env = make("Web", "Web_IN_0", NULL);

	/* itself is there from the start, before any registry was read */
	ck_assert_uint_eq(roleenv_instances(env, NULL, peers, 8), 1);
	ck_assert_str_eq(peers[0]->instance, "Web_IN_0");
	ck_assert_str_eq(peers[0]->state, "starting");
	ck_assert_uint_eq(roleenv_update(env, jsons, COUNT(jsons)), 0);
	ck_assert_uint_eq(roleenv_instances(env, "Web", peers, 8), 1); /* Web declares no InternalEndpoint */
	ck_assert_str_eq(roleenv_peer_at(peers[0], "HttpIn"), "127.0.0.1:8");
	ck_assert_uint_eq(roleenv_instances(env, NULL, peers, 8), 3);
	ck_assert_uint_eq(roleenv_instances(env, "Other", peers, 8), 0);
	ck_assert_uint_eq(roleenv_instances(env, "Work", peers, 1),
			  2); /* tells how many, fills what there is room for */
	ck_assert_uint_eq(roleenv_instances(env, "Work", NULL, 0), 2);
	ck_assert_uint_eq(roleenv_instances(env, "Work", peers, 8), 2);
	ck_assert_str_eq(peers[0]->instance, "Work_IN_1");
	const struct roleenv_peer *two = peers[1];
	ck_assert_str_eq(two->instance, "Work_IN_2");
	ck_assert_str_eq(two->role, "Work");
	ck_assert_str_eq(two->host, "h");
	ck_assert_str_eq(two->state, "busy");
	ck_assert_int_eq(two->pid, 77);
	ck_assert_uint_eq(two->running, 2);
	ck_assert_uint_eq(two->capacity, 16);
	ck_assert_uint_eq(two->started_at_us, UINT64_C(1795359845123000));
	ck_assert_uint_eq(two->n_queues, 2);
	ck_assert_str_eq(two->queues[0], "math");
	ck_assert_str_eq(two->queues[1], "b");
	ck_assert_uint_eq(peers[0]->n_queues, 0); /* it does not say */
	ck_assert_uint_eq(two->n_endpoints, 2);
	ck_assert_str_eq(two->endpoints[0].name, "SquareEndpoint");
	ck_assert_str_eq(roleenv_peer_at(two, "WorkerPeer"), "[::1]:5");
	ck_assert_ptr_null(roleenv_peer_at(two, "HttpIn"));
	roleenv_free(env);
}
END_TEST

START_TEST(test_update_takes_its_own_entry_and_the_last_of_twins)
{
	struct buf own = BUF_INIT;
	const struct roleenv_peer *peers[4];
	struct roleenv *env = make("Work", "Work_IN_9", NULL);
	struct changes c;

	roleenv_on_changed(env, note, &c);
	roleenv_bound(env, "SquareEndpoint", 4000);
	roleenv_presence_json(env, &own, 1, 2, "ready");
	const char *jsons[] = { WORKER_2, buf_cstr(&own), WORKER_2_MOVED };
	ck_assert_str_eq(update(env, &c, jsons, 3, 0), "+Work_IN_2 ");
	ck_assert_uint_eq(roleenv_instances(env, "Work", peers, 4), 2);
	ck_assert_str_eq(roleenv_peer_at(peers[0], "SquareEndpoint"), "127.0.0.1:3");
	ck_assert_str_eq(peers[1]->state, "ready");
	ck_assert_str_eq(roleenv_peer_at(peers[1], "SquareEndpoint"), "127.0.0.1:4000");
	buf_fini(&own);
	roleenv_free(env);
}
END_TEST

static const char *const bad_entries[] = {
	"",
	"{",
	"[]",
	"null",
	"{}",
	"{\"instance\":\"Work_IN_1\"}",
	"{\"role\":\"Work\"}",
	"{\"instance\":\"\",\"role\":\"Work\"}",
	"{\"instance\":1,\"role\":\"Work\"}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"endpoints\":[]}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"endpoints\":{\"A\":1}}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"endpoints\":{\"A\":\"127.0.0.1:0\"}}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"endpoints\":{\"A\":\"nowhere\"}}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\",\"started_at\":\"yesterday\"}",
	"{\"instance\":\"Work_IN_1\",\"instance\":\"Work_IN_2\",\"role\":\"Work\"}",
	"{\"instance\":\"Work_IN_1\",\"role\":\"Work\"} more",
};

START_TEST(test_update_passes_over_what_it_cannot_read)
{
	struct roleenv *env = make("Web", "Web_IN_0", NULL);
	const char *const jsons[] = { WORKER_2, bad_entries[_i], WEB_0 };
	struct changes c;

	roleenv_on_changed(env, note, &c);
	ck_assert_str_eq(update(env, &c, jsons, 3, 1), "+Work_IN_2 ");
	ck_assert_uint_eq(roleenv_instances(env, NULL, NULL, 0), 2);
	roleenv_free(env);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("roleenv");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, clear_environment, clear_environment);
	tcase_add_checked_fixture(limits, clear_environment, clear_environment);
	tcase_add_checked_fixture(faults, clear_environment, clear_environment);
	tcase_add_loop_test(core, test_place, 0, (int)COUNT(places));
	tcase_add_test(core, test_place_in_a_container_by_host_name);
	tcase_add_test(core, test_endpoint_without_environment);
	tcase_add_test(core, test_setting);
	tcase_add_test(core, test_recycle_runs_the_hook_once);
	tcase_add_test(core, test_presence_json);
	tcase_add_test(core, test_presence_of_a_wildcard_is_an_address);
	tcase_add_test(core, test_update_raises_changes);
	tcase_add_test(core, test_instances);
	tcase_add_test(core, test_update_takes_its_own_entry_and_the_last_of_twins);
	tcase_add_test(limits, test_default_instance);
	tcase_add_loop_test(limits, test_endpoint_from_environment, 0, (int)COUNT(addresses));
	tcase_add_loop_test(faults, test_update_passes_over_what_it_cannot_read, 0, (int)COUNT(bad_entries));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
