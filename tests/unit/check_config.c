/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "suite_run.h"

static struct errinfo info;

static struct config *load(enum config_role role, const char *set, char *const *env, const struct config_given *given)
{
	struct config_sources in = { &set, set ? 1 : 0, env, given, given ? 1 : 0 };

	memset(&info, 0, sizeof(info));
	return config_load(role, &in, &info);
}

/* ---- the table ---- */

START_TEST(test_option_of_every_id)
{
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_option *o = config_option((enum config_id)i);
		ck_assert_ptr_nonnull(o->name);
		ck_assert_uint_le(strlen(o->name), CONFIG_NAME_MAX);
		ck_assert_uint_ne(o->roles & (CONFIG_WEB | CONFIG_WORKER), 0);
		ck_assert_uint_gt(strlen(o->help), 10);
		ck_assert_int_eq(o->help[strlen(o->help) - 1], '.');
		ck_assert_ptr_eq(config_option_find(o->name), o);
		ck_assert(o->type != CONFIG_INT || o->max > o->min);
		ck_assert(o->type != CONFIG_ENUM || o->choices[1]);
	}
	ck_assert_ptr_null(config_option_find("redisurl"));
}
END_TEST

static const struct {
	enum config_id id;
	const char *initial;
} defaults[] = {
	{ CONFIG_REDIS_URL, "redis://127.0.0.1:6379" },
	{ CONFIG_DRAIN_SECONDS, "10" },
	{ CONFIG_QUEUES, "math" },
	{ CONFIG_SHARDS, "1" },
	{ CONFIG_BODY_LIMIT_BYTES, "1048576" },
	{ CONFIG_HEAD_LIMIT_BYTES, "8192" },
	{ CONFIG_JSON_DEPTH, "32" },
	{ CONFIG_HEAD_SECONDS, "5" },
	{ CONFIG_BODY_SECONDS, "30" },
	{ CONFIG_WAIT_MAX_SECONDS, "60" },
	{ CONFIG_TIMEOUT_MAX_MS, "60000" },
	{ CONFIG_ENQUEUE_DEADLINE_MS, "250" },
	{ CONFIG_LIVE_JOBS_MAX, "1000000" },
	{ CONFIG_DURABLE_REPLICAS, "0" },
	{ CONFIG_ALLOW_ANONYMOUS, "false" },
	{ CONFIG_WORKER_SLOTS, "16" },
	{ CONFIG_CLAIM_MAX, "64" },
	{ CONFIG_COMPUTE_CHILDREN, "0" },
	{ CONFIG_COMPUTE_MEMORY_MIB, "512" },
	{ CONFIG_TCP_IDLE_SECONDS, "240" },
	{ CONFIG_ENABLE_TEST_OPERATIONS, "false" },
};

/* The defaults that documents promise, and that every default passes its own rules. */
START_TEST(test_load_defaults)
{
	struct config *web = load(CONFIG_WEB, NULL, NULL, NULL), *worker = load(CONFIG_WORKER, NULL, NULL, NULL);

	ck_assert_ptr_nonnull(web);
	ck_assert_ptr_nonnull(worker);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		unsigned roles = config_option(defaults[i].id)->roles;
		if (roles & CONFIG_WEB)
			ck_assert_str_eq(config_str(web, defaults[i].id), defaults[i].initial);
		if (roles & CONFIG_WORKER)
			ck_assert_str_eq(config_str(worker, defaults[i].id), defaults[i].initial);
	}
	ck_assert_str_eq(config_origin(web, CONFIG_REDIS_URL), "default");
	ck_assert_int_eq(config_int(web, CONFIG_LOG_LEVEL), LOG_INFO);
	ck_assert_int_eq(config_int(web, CONFIG_LOG_FORMAT), 0);
	ck_assert(!config_bool(web, CONFIG_ALLOW_ANONYMOUS));
	ck_assert_uint_eq(config_list_count(web, CONFIG_QUEUES), 1);
	ck_assert_str_eq(config_list_at(web, CONFIG_QUEUES, 0), "math");
	ck_assert_ptr_null(config_list_at(web, CONFIG_QUEUES, 1));
	ck_assert_uint_eq(config_list_count(web, CONFIG_ALLOWED_HOSTS), 0);
	/* what belongs to the other role is not there */
	ck_assert_str_eq(config_str(web, CONFIG_CLAIM_MAX), "");
	ck_assert_int_eq(config_int(worker, CONFIG_REACTORS), 0);
	ck_assert_str_eq(config_origin(worker, CONFIG_REACTORS), "");
	config_free(web);
	config_free(worker);
}
END_TEST

/* ---- where values come from ---- */

static char value_file[64];

static void write_value_file(const char *bytes, size_t n)
{
	strcpy(value_file, "/tmp/check_config.XXXXXX");
	int fd = mkstemp(value_file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

START_TEST(test_load_precedence)
{
	static const struct config_given given = { "DrainSeconds", "4", "s.cscfg", 7, 9 };
	char from_file[128], variable[] = "SQUARE_DRAIN_SECONDS=2", empty[] = "SQUARE_DRAIN_SECONDS=";

	write_value_file("3\n", 2);
	snprintf(from_file, sizeof(from_file), "SQUARE_DRAIN_SECONDS_FILE=%s", value_file);
	char *const both[] = { empty, variable, from_file, NULL }, *const file[] = { empty, from_file, NULL };
	char *const nothing[] = { empty, NULL };
	const struct {
		const char *set;
		char *const *env;
		const struct config_given *given;
		int64_t value;
		const char *origin;
	} cases[] = {
		{ "DrainSeconds=1", both + 1, &given, 1, "command line" },
		{ NULL, both + 1, &given, 2, "environment variable SQUARE_DRAIN_SECONDS" },
		{ NULL, file, &given, 3, "environment variable SQUARE_DRAIN_SECONDS_FILE, file /tmp/check_config." },
		{ NULL, nothing, &given, 4, "s.cscfg:7:9" },
		{ NULL, nothing, NULL, 10, "default" },
		{ NULL, NULL, NULL, 10, "default" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config *cfg = load(CONFIG_WORKER, cases[i].set, cases[i].env, cases[i].given);
		ck_assert_msg(cfg != NULL, "%s", info.text);
		ck_assert_int_eq(config_int(cfg, CONFIG_DRAIN_SECONDS), cases[i].value);
		const char *origin = config_origin(cfg, CONFIG_DRAIN_SECONDS);
		ck_assert_int_eq(strncmp(origin, cases[i].origin, strlen(cases[i].origin)), 0);
		ck_assert_ptr_null(config_warning(cfg, 0));
		config_free(cfg);
	}
	unlink(value_file);
}
END_TEST

START_TEST(test_load_last_set_wins)
{
	static const char *const sets[] = { "LogLevel=debug", "Queues=a", "LogLevel=ERROR", "Queues= b , c,,d " };
	struct config_sources in = { .sets = sets, .n_sets = 4 };
	struct config *cfg = config_load(CONFIG_WEB, &in, &info);

	ck_assert_msg(cfg != NULL, "%s", info.text);
	ck_assert_int_eq(config_int(cfg, CONFIG_LOG_LEVEL), LOG_ERROR);
	ck_assert_str_eq(config_str(cfg, CONFIG_LOG_LEVEL), "error");
	ck_assert_uint_eq(config_list_count(cfg, CONFIG_QUEUES), 3);
	ck_assert_str_eq(config_list_at(cfg, CONFIG_QUEUES, 0), "b");
	ck_assert_str_eq(config_list_at(cfg, CONFIG_QUEUES, 2), "d");
	ck_assert(config_list_has(cfg, CONFIG_QUEUES, "C"));
	ck_assert(!config_list_has(cfg, CONFIG_QUEUES, "a"));
	config_free(cfg);
}
END_TEST

/* A value in a file: what is cut from it, and what it cannot be. */
START_TEST(test_load_from_file)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *value; /* NULL: refused with `error` */
		const char *error;
	} cases[] = {
		{ "redis://h:1", 11, "redis://h:1", NULL },
		{ "redis://h:1\n", 12, "redis://h:1", NULL },
		{ "redis://h:1\r\n", 13, "redis://h:1", NULL },
		{ "redis://h\0:1\n", 13, NULL, ": expected text, got a zero byte" },
		{ "redis://h:1\n\n", 13, NULL, ": RedisUrl: expected redis://" },
		{ "", 0, NULL, ": RedisUrl: expected redis://" },
	};
	char variable[128];
	char *const env[] = { variable, NULL };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		write_value_file(cases[i].bytes, cases[i].n);
		snprintf(variable, sizeof(variable), "SQUARE_REDIS_URL_FILE=%s", value_file);
		struct config *cfg = load(CONFIG_WEB, NULL, env, NULL);
		unlink(value_file);
		if (cases[i].value) {
			ck_assert_msg(cfg != NULL, "%s", info.text);
			ck_assert_str_eq(config_str(cfg, CONFIG_REDIS_URL), cases[i].value);
		} else {
			ck_assert_ptr_null(cfg);
			ck_assert_ptr_nonnull(
			    strstr(info.text, "environment variable SQUARE_REDIS_URL_FILE, file /tmp/"));
			ck_assert_msg(strstr(info.text, cases[i].error) != NULL, "%s", info.text);
		}
		config_free(cfg);
	}
	snprintf(variable, sizeof(variable), "SQUARE_REDIS_URL_FILE=/nonexistent/secret");
	ck_assert_ptr_null(load(CONFIG_WEB, NULL, env, NULL));
	ck_assert_str_eq(info.text, "environment variable SQUARE_REDIS_URL_FILE, file /nonexistent/secret: "
				    "expected a readable file: No such file or directory");
}
END_TEST

/* ---- values that are refused, and how ---- */

static const struct {
	enum config_role role;
	const char *set;
	const char *error; /* NULL: taken */
} sets[] = {
	{ CONFIG_WORKER, "DrainSeconds=0", NULL },
	{ CONFIG_WORKER, "DrainSeconds=3600", NULL },
	{ CONFIG_WORKER, "DrainSeconds=3601",
	  "command line: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got \"3601\"" },
	{ CONFIG_WORKER, "DrainSeconds=-1",
	  "command line: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got \"-1\"" },
	{ CONFIG_WORKER, "DrainSeconds=99999999999999999999999",
	  "command line: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got "
	  "\"99999999999999999999999\"" },
	{ CONFIG_WORKER, "DrainSeconds=1s",
	  "command line: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got \"1s\"" },
	{ CONFIG_WORKER,
	  "DrainSeconds=", "command line: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got \"\"" },
	{ CONFIG_WORKER, "WorkerSlots=0",
	  "command line: WorkerSlots: expected a whole number from 1 to 64, got \"0\"" },
	{ CONFIG_WEB, "AllowAnonymous=TRUE", NULL },
	{ CONFIG_WEB, "AllowAnonymous=0", NULL },
	{ CONFIG_WEB, "AllowAnonymous=yes", "command line: AllowAnonymous: expected false or true, got \"yes\"" },
	{ CONFIG_WEB, "LogLevel=verbose",
	  "command line: LogLevel: expected error, warn, info or debug, got \"verbose\"" },
	{ CONFIG_WEB, "LogFormat=xml", "command line: LogFormat: expected text or json, got \"xml\"" },
	{ CONFIG_WEB, "Queues=", "command line: Queues: expected 1 to 64 items, separated by commas, got 0" },
	{ CONFIG_WEB, "Queues=math,Big One",
	  "command line: Queues: expected names of queues, each of 1 to 64 characters of a-z 0-9 _ -, got \"Big "
	  "One\"" },
	{ CONFIG_WEB, "AllowedHosts=a.example.org,b-1", NULL },
	{ CONFIG_WEB, "AllowedHosts=a:80",
	  "command line: AllowedHosts: expected names of hosts without a port, got \"a:80\"" },
	{ CONFIG_WEB, "AllowedOrigins=https://a.org,http://b:81", NULL },
	{ CONFIG_WEB, "AllowedOrigins=https://a.org/",
	  "command line: AllowedOrigins: expected origins such as https://example.org:8443 (no path), got "
	  "\"https://a.org/\"" },
	{ CONFIG_WEB, "AllowedOrigins=a.org",
	  "command line: AllowedOrigins: expected origins such as https://example.org:8443 (no path), got \"a.org\"" },
	{ CONFIG_WEB, "TrustedProxies=192.0.2.1,10.0.0.0/8,::1,fd00::/8,0.0.0.0/0", NULL },
	{ CONFIG_WEB, "TrustedProxies=10.0.0.0/33",
	  "command line: TrustedProxies: expected IP addresses, or networks such as 10.0.0.0/8, without a port, got "
	  "\"10.0.0.0/33\"" },
	{ CONFIG_WEB, "TrustedProxies=10.0.0.0/",
	  "command line: TrustedProxies: expected IP addresses, or networks such as 10.0.0.0/8, without a port, got "
	  "\"10.0.0.0/\"" },
	{ CONFIG_WEB, "TrustedProxies=10.0.0.0/8x",
	  "command line: TrustedProxies: expected IP addresses, or networks such as 10.0.0.0/8, without a port, got "
	  "\"10.0.0.0/8x\"" },
	{ CONFIG_WEB, "TrustedProxies=fd00::/129",
	  "command line: TrustedProxies: expected IP addresses, or networks such as 10.0.0.0/8, without a port, got "
	  "\"fd00::/129\"" },
	{ CONFIG_WEB, "TrustedProxies=10.0.0.1:80",
	  "command line: TrustedProxies: expected IP addresses, or networks such as 10.0.0.0/8, without a port, got "
	  "\"10.0.0.1:80\"" },
	{ CONFIG_WEB, "RedisUrl=http://x", "command line: RedisUrl: expected redis://" },
	{ CONFIG_WEB, "DrainSecond=1",
	  "command line, --set: expected the name of a setting, got \"DrainSecond\"; did you mean DrainSeconds?" },
	{ CONFIG_WEB, "redisurl=x",
	  "command line, --set: expected the name of a setting, got \"redisurl\"; did you mean RedisUrl?" },
	{ CONFIG_WEB, "Unheard=1", "command line, --set: expected the name of a setting, got \"Unheard\"" },
	{ CONFIG_WEB, "ClaimMax=1",
	  "command line, --set: expected a setting of the web role, got \"ClaimMax\", which the other role has" },
	{ CONFIG_WEB, "DrainSeconds", "command line, --set: expected Name=value, got \"DrainSeconds\"" },
	{ CONFIG_WEB, "=1", "command line, --set: expected Name=value, got \"=1\"" },
};

START_TEST(test_load_set)
{
	struct config *cfg = load(sets[_i].role, sets[_i].set, NULL, NULL);

	if (!sets[_i].error) {
		ck_assert_msg(cfg != NULL, "%s", info.text);
	} else {
		ck_assert_ptr_null(cfg);
		ck_assert_int_eq(info.code, ERR_INVALID);
		size_t n = strlen(sets[_i].error);
		if (strcmp(sets[_i].error + n - 3, "://") == 0) /* the rest is the business of rurl.c */
			ck_assert_int_eq(strncmp(info.text, sets[_i].error, n), 0);
		else
			ck_assert_str_eq(info.text, sets[_i].error);
	}
	config_free(cfg);
}
END_TEST

START_TEST(test_load_bool_is_canonical)
{
	static const struct {
		const char *set, *text;
	} cases[] = { { "AllowAnonymous=1", "true" },
		      { "AllowAnonymous=0", "false" },
		      { "AllowAnonymous=True", "true" },
		      { "AllowAnonymous=FALSE", "false" } };

	for (size_t i = 0; i < 4; i++) {
		struct config *cfg = load(CONFIG_WEB, cases[i].set, NULL, NULL);
		ck_assert_str_eq(config_str(cfg, CONFIG_ALLOW_ANONYMOUS), cases[i].text);
		ck_assert_int_eq(config_bool(cfg, CONFIG_ALLOW_ANONYMOUS), *cases[i].text == 't');
		config_free(cfg);
	}
}
END_TEST

START_TEST(test_load_errors_tell_their_place)
{
	static const struct config_given wrong = { "DrainSeconds", "soon", "my.cscfg", 12, 7 },
					 unknown = { "DrianSeconds", NULL, "my.csdef", 3, 5 },
					 other = { "Reactors", "2", "my.cscfg", 8, 7 };
	char variable[] = "SQUARE_DRAIN_SECONDS=later";
	char *const env[] = { variable, NULL };

	ck_assert_ptr_null(load(CONFIG_WORKER, NULL, NULL, &wrong));
	ck_assert_str_eq(info.text,
			 "my.cscfg:12:7: DrainSeconds: expected a whole number from 0 to 3600 (seconds), got \"soon\"");
	ck_assert_int_eq(info.line, 12);
	ck_assert_int_eq(info.column, 7);
	ck_assert_ptr_null(load(CONFIG_WORKER, NULL, env, &wrong));
	ck_assert_str_eq(info.text, "environment variable SQUARE_DRAIN_SECONDS: DrainSeconds: expected a whole number "
				    "from 0 to 3600 (seconds), got \"later\"");
	ck_assert_int_eq(info.line, 0);
	ck_assert_ptr_null(load(CONFIG_WORKER, NULL, NULL, &unknown));
	ck_assert_str_eq(info.text, "my.csdef:3:5: expected the name of a setting, got \"DrianSeconds\"; did you mean "
				    "DrainSeconds?");
	ck_assert_ptr_null(load(CONFIG_WORKER, NULL, NULL, &other));
	ck_assert_str_eq(info.text, "my.cscfg:8:7: expected a setting of the worker role, got \"Reactors\", which the "
				    "other role has");
}
END_TEST

START_TEST(test_passwords_are_not_shown)
{
	struct buf out = BUF_INIT;
	struct config *cfg = load(CONFIG_WEB, "RedisUrl=redis://me:geheim@10.0.0.1:6379/2", NULL, NULL);

	ck_assert_msg(cfg != NULL, "%s", info.text);
	config_show(cfg, &out);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "  RedisUrl = redis://***@10.0.0.1:6379/2 (command line)\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "  DrainSeconds = 10 (default)\n"));
	ck_assert_ptr_null(strstr(buf_cstr(&out), "geheim"));
	ck_assert_ptr_null(strstr(buf_cstr(&out), "ClaimMax"));
	ck_assert_str_eq(config_str(cfg, CONFIG_REDIS_URL), "redis://me:geheim@10.0.0.1:6379/2");
	config_free(cfg);
	cfg = load(CONFIG_WEB, "ProbeToken=geheim", NULL, NULL);
	buf_clear(&out);
	config_show(cfg, &out);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "  ProbeToken = *** (command line)\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "  RedisUrl = redis://127.0.0.1:6379 (default)\n"));
	ck_assert_str_eq(config_str(cfg, CONFIG_PROBE_TOKEN), "geheim");
	config_free(cfg);
	buf_fini(&out);
	ck_assert_ptr_null(load(CONFIG_WEB, "RedisUrl=redis://me:geheim@10.0.0.1:99999", NULL, NULL));
	ck_assert_ptr_null(strstr(info.text, "geheim"));
}
END_TEST

START_TEST(test_warnings_of_unknown_variables)
{
	static char *const env[] = { (char *)"PATH=/bin",
				     (char *)"SQUARE_REDIS_ULR=x",
				     (char *)"SQUARE_ROLE_INSTANCE=WebRole_IN_0",
				     (char *)"SQUARE_ENDPOINT_HTTP_IN=127.0.0.1:1",
				     (char *)"SQUARE_URL=http://x",
				     (char *)"SQUARE_CLAIM_MAX=7",
				     (char *)"SQUARE_CLAIM_MAX_FILE=/x",
				     (char *)"SQUARE_PORT=tcp://10.0.0.1:80",
				     (char *)"SQUARE_REDIS_URL_FILES=/x",
				     (char *)"SQUAREROOT=2",
				     NULL };
	struct config *cfg = load(CONFIG_WEB, NULL, env, NULL);

	ck_assert_msg(cfg != NULL, "%s", info.text);
	ck_assert_str_eq(config_warning(cfg, 0),
			 "environment variable SQUARE_REDIS_ULR is not known and has no effect; "
			 "did you mean SQUARE_REDIS_URL?");
	ck_assert_str_eq(config_warning(cfg, 1), "environment variable SQUARE_PORT is not known and has no effect");
	ck_assert_ptr_nonnull(strstr(config_warning(cfg, 2), "SQUARE_REDIS_URL_FILES is not known"));
	ck_assert_ptr_null(config_warning(cfg, 3));
	config_free(cfg);
}
END_TEST

START_TEST(test_env_name)
{
	static const struct {
		const char *middle, *name, *out;
	} cases[] = {
		{ "", "RedisUrl", "SQUARE_REDIS_URL" },
		{ "", "HeadLimitBytes", "SQUARE_HEAD_LIMIT_BYTES" },
		{ "", "TimeoutMaxMs", "SQUARE_TIMEOUT_MAX_MS" },
		{ "ENDPOINT_", "HttpIn", "SQUARE_ENDPOINT_HTTP_IN" },
		{ "ENDPOINT_", "HTTPIn", "SQUARE_ENDPOINT_HTTP_IN" },
		{ "ENDPOINT_", "HTTP", "SQUARE_ENDPOINT_HTTP" },
		{ "ENDPOINT_", "Http_In", "SQUARE_ENDPOINT_HTTP_IN" },
		{ "ENDPOINT_", "http2Peer", "SQUARE_ENDPOINT_HTTP2_PEER" },
		{ "ENDPOINT_", "a", "SQUARE_ENDPOINT_A" },
	};
	char out[64], small[12];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		config_env_name(out, sizeof(out), cases[i].middle, cases[i].name);
		ck_assert_str_eq(out, cases[i].out);
	}
	config_env_name(small, sizeof(small), "", "RedisUrlAndMore");
	ck_assert_uint_lt(strlen(small), sizeof(small));
	config_env_name(small, sizeof(small), "ENDPOINT_", "HttpIn");
	ck_assert_uint_lt(strlen(small), sizeof(small));
}
END_TEST

/* Whatever is in the table is in the texts made from it. */
/* docs/configuration.md ends with the table as the program prints it. */
START_TEST(test_document_is_in_step)
{
	struct buf table = BUF_INIT;
	char path[512];
	static char document[65536];
	const char *source = getenv("SOURCE_DIR");
	snprintf(path, sizeof path, "%s/docs/configuration.md", source ? source : ".");
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s is missing", path);
	size_t n = fread(document, 1, sizeof document - 1, f);
	fclose(f);
	config_markdown(&table);
	ck_assert_uint_gt(n, table.len);
	ck_assert_msg(strcmp(document + n - table.len, buf_cstr(&table)) == 0,
		      "docs/configuration.md is behind the table: replace it by what web-role --help=markdown prints");
	buf_fini(&table);
}
END_TEST

START_TEST(test_help_and_markdown_are_complete)
{
	struct buf help = BUF_INIT, markdown = BUF_INIT;
	char row[128];
	size_t lines = 0;

	config_help(&help, CONFIG_WORKER);
	config_markdown(&markdown);
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_option *o = config_option((enum config_id)i);
		snprintf(row, sizeof(row), "| `%s` | `SQUARE_", o->name);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&markdown), row));
		ck_assert_ptr_nonnull(strstr(buf_cstr(&markdown), o->help));
		snprintf(row, sizeof(row), "  %s: ", o->name);
		ck_assert_int_eq(strstr(buf_cstr(&help), row) != NULL, (o->roles & CONFIG_WORKER) != 0);
	}
	for (const char *p = buf_cstr(&markdown); *p; p++)
		lines += *p == '\n';
	ck_assert_uint_eq(lines, CONFIG_COUNT + 2);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&markdown), "| `DrainSeconds` | `SQUARE_DRAIN_SECONDS` | both | "
							  "0 to 3600 seconds | `10` | "));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&markdown), "| worker | 1 to 64 | `64` | "));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&markdown), "| error, warn, info or debug | `info` |"));
	buf_fini(&help);
	buf_fini(&markdown);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(core, test_option_of_every_id);
	tcase_add_test(core, test_load_defaults);
	tcase_add_test(core, test_load_precedence);
	tcase_add_test(core, test_load_last_set_wins);
	tcase_add_test(core, test_load_from_file);
	tcase_add_test(core, test_load_bool_is_canonical);
	tcase_add_test(core, test_env_name);
	tcase_add_test(core, test_help_and_markdown_are_complete);
	tcase_add_test(core, test_document_is_in_step);
	tcase_add_loop_test(limits, test_load_set, 0, (int)(sizeof(sets) / sizeof(*sets)));
	tcase_add_test(faults, test_load_errors_tell_their_place);
	tcase_add_test(faults, test_passwords_are_not_shown);
	tcase_add_test(faults, test_warnings_of_unknown_variables);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
