/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "startup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "healthcheck.h"
#include "log.h"
#include "must.h"

#define PATH_SIZE 4096
#define SETS_MAX 64

struct arguments {
	const char *program;
	const char *definition, *configuration; /* NULL: where they usually are */
	const char *sets[SETS_MAX];
	size_t n_sets;
	bool check_only, ask_health;
};

static const char *program_name(char **argv)
{
	const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;

	return slash ? slash + 1 : argv[0] ? argv[0] : "square";
}

static int bad_usage(const struct arguments *a, const char *what, const char *which)
{
	fprintf(stderr, "%s: %s%s\nTry '%s --help'.\n", a->program, what, which, a->program);
	return 2;
}

static int print_and_end(struct buf *out)
{
	int status = fputs(buf_cstr(out), stdout) < 0 || fflush(stdout) != 0 || out->failed;

	buf_fini(out);
	return status;
}

static int help(const struct arguments *a, enum csdef_kind kind)
{
	struct buf out = BUF_INIT;

	buf_printf(&out,
		   "Usage: %s [-n | --healthcheck] [--definition FILE] [--configuration FILE] [--set Name=value]...\n\n"
		   "Runs one instance of a %s role of the service that service.csdef defines.\n\n"
		   "  -n, --check           check the configuration, say what it comes to, and exit\n"
		   "  --healthcheck         ask the instance that runs with this environment whether it is ready:\n"
		   "                        one sentence, exit status 0 (ready) or 1 (not)\n"
		   "  --definition FILE     the service definition; default ./service.csdef, or the installed one\n"
		   "  --configuration FILE  its configuration; default service.cscfg beside the definition\n"
		   "  --set Name=value      change a setting, whatever the environment and the files say\n"
		   "  --help[=markdown]     this text, or the table of all settings\n"
		   "  --version             the version\n\n"
		   "Settings come from --set, else from the environment (DrainSeconds: SQUARE_DRAIN_SECONDS, or a\n"
		   "file that SQUARE_DRAIN_SECONDS_FILE names), else from service.cscfg:\n\n",
		   a->program, kind == CSDEF_WEB ? "web" : "worker");
	config_help(&out, kind == CSDEF_WEB ? CONFIG_WEB : CONFIG_WORKER);
	buf_puts(&out, "\nThe place of the instance comes from SQUARE_ROLE_INSTANCE, SQUARE_ENDPOINT_...,\n"
		       "SQUARE_ADVERTISE_ADDRESS and SQUARE_LOCAL_ROOT; see the manual page. Exit status: 0 ended in "
		       "good order, 1 the\n"
		       "configuration is wrong or the start failed, 2 bad usage.\n");
	return print_and_end(&out);
}

static int markdown(void)
{
	struct buf out = BUF_INIT;

	config_markdown(&out);
	return print_and_end(&out);
}

enum { OPT_HEALTHCHECK = 256, OPT_DEFINITION, OPT_CONFIGURATION, OPT_SET, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{ "check", no_argument, NULL, 'n' },
	{ "healthcheck", no_argument, NULL, OPT_HEALTHCHECK },
	{ "definition", required_argument, NULL, OPT_DEFINITION },
	{ "configuration", required_argument, NULL, OPT_CONFIGURATION },
	{ "set", required_argument, NULL, OPT_SET },
	{ "help", optional_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct arguments *a, enum csdef_kind kind, int c, char **argv)
{
	switch (c) {
	case 'n':
		a->check_only = true;
		return STARTUP_GO;
	case OPT_HEALTHCHECK:
		a->ask_health = true;
		return STARTUP_GO;
	case OPT_DEFINITION:
		a->definition = optarg;
		return STARTUP_GO;
	case OPT_CONFIGURATION:
		a->configuration = optarg;
		return STARTUP_GO;
	case OPT_SET:
		if (a->n_sets == SETS_MAX)
			return bad_usage(a, "too many --set options, the last one is ", optarg);
		a->sets[a->n_sets++] = optarg;
		return STARTUP_GO;
	case OPT_HELP:
		if (optarg && strcmp(optarg, "markdown") == 0)
			return markdown();
		return optarg ? bad_usage(a, "expected --help or --help=markdown, got --help=", optarg) : help(a, kind);
	case OPT_VERSION:
		printf("%s (Square) %s\n", a->program, SQUARE_VERSION);
		return 0;
	case ':':
		return bad_usage(a, "expected a value after ", argv[optind - 1]);
	default:
		return bad_usage(a, "unknown option ", argv[optind - 1]);
	}
}

static int read_arguments(struct arguments *a, enum csdef_kind kind, int argc, char **argv)
{
	int c;

	optind = 0; /* GNU: start anew */
	while ((c = getopt_long(argc, argv, "+:n", options, NULL)) != -1) {
		int rc = take_option(a, kind, c, argv);
		if (rc != STARTUP_GO)
			return rc;
	}
	if (a->check_only && a->ask_health)
		return bad_usage(a, "expected -n or --healthcheck, got both", "");
	return optind < argc ? bad_usage(a, "expected options only, got ", argv[optind]) : STARTUP_GO;
}

/* ---- where the two files are ---- */

/* share/square beside the bin directory that this program runs from. */
static bool installed_definition(char *path)
{
	char exe[PATH_SIZE];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (int up = 0; up < 2 && n > 0; up++) {
		exe[n] = '\0';
		char *slash = strrchr(exe, '/');
		n = slash ? slash - exe : 0;
	}
	if (n < 0)
		return false;
	exe[n] = '\0';
	return snprintf(path, PATH_SIZE, "%s/share/square/service.csdef", exe) < PATH_SIZE && access(path, F_OK) == 0;
}

static int find_definition(const struct arguments *a, char *path)
{
	static const char usual[] = "/usr/share/square/service.csdef";

	if (a->definition) {
		snprintf(path, PATH_SIZE, "%s", a->definition);
		return 0;
	}
	snprintf(path, PATH_SIZE, "service.csdef");
	if (access(path, F_OK) == 0 || installed_definition(path))
		return 0;
	snprintf(path, PATH_SIZE, "%s", usual);
	if (access(path, F_OK) == 0)
		return 0;
	fprintf(stderr,
		"%s: expected service.csdef in the working directory or in %s, found none\n"
		"Say where it is with --definition FILE.\n",
		a->program, usual);
	return ERR_NOT_FOUND;
}

static void configuration_beside(const char *definition, char *path)
{
	const char *slash = strrchr(definition, '/');
	int folder = slash ? (int)(slash + 1 - definition) : 0;

	snprintf(path, PATH_SIZE, "%.*sservice.cscfg", folder, definition);
}

/* ---- putting it together ---- */

static struct config *load_config(const struct arguments *a, const struct csdef *def, const struct csdef_role *role,
				  struct errinfo *info)
{
	struct config_given *given = must_calloc(role->n_settings, sizeof(*given));
	struct config_sources in = { a->sets, a->n_sets, environ, given, role->n_settings };

	for (size_t i = 0; i < role->n_settings; i++) {
		const struct csdef_setting *s = &role->settings[i];
		given[i] = (struct config_given){ s->name, s->value, s->value ? def->configuration : def->definition,
						  s->line, s->column };
	}
	struct config *cfg = config_load(role->kind == CSDEF_WEB ? CONFIG_WEB : CONFIG_WORKER, &in, info);
	free(given);
	return cfg;
}

static int load(struct startup *s, const struct arguments *a, enum csdef_kind kind, const char *definition,
		const char *configuration, struct errinfo *info)
{
	char instance[ROLEENV_INSTANCE_MAX + 1];
	const struct csdef_role *role;

	s->csdef = csdef_load(definition, configuration, info);
	if (!s->csdef || roleenv_place(kind, s->csdef, instance, &role, info) != 0)
		return ERR_INVALID;
	s->config = load_config(a, s->csdef, role, info);
	if (!s->config)
		return ERR_INVALID;
	s->roleenv = roleenv_new(s->csdef, role, instance, s->config, info);
	return s->roleenv ? 0 : ERR_INVALID;
}

static int report(const struct startup *s)
{
	const struct csdef_role *role = csdef_role(s->csdef, roleenv_role(s->roleenv));
	struct roleenv_endpoint e;
	struct buf out = BUF_INIT;

	buf_printf(&out, "configuration is good\n%s of %s, from %s and %s\n", roleenv_instance(s->roleenv),
		   s->csdef->name, s->csdef->definition, s->csdef->configuration);
	for (size_t i = 0; i < role->n_endpoints; i++) {
		if (roleenv_endpoint(s->roleenv, role->endpoints[i].name, &e) != 0)
			continue;
		buf_printf(&out, "  %s: %s on %s port ", role->endpoints[i].name, csdef_protocol_name(e.protocol),
			   e.address);
		if (e.port)
			buf_uint(&out, e.port);
		else
			buf_puts(&out, "any");
		if (e.internal)
			buf_puts(&out, ", internal\n");
		else
			buf_printf(&out, ", public port %u\n", e.public_port);
	}
	config_show(s->config, &out);
	return print_and_end(&out);
}

static int bad_start(const struct arguments *a, const struct errinfo *info)
{
	fprintf(stderr, "%s: %s\n", a->program, info->text);
	return 1;
}

bool startup_only_asks(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--healthcheck") == 0)
			return true;
	return false;
}

int startup_open(struct startup *s, enum csdef_kind kind, int argc, char **argv)
{
	struct arguments a = { .program = program_name(argv) };
	char definition[PATH_SIZE], beside[PATH_SIZE];
	struct errinfo info;
	int rc = read_arguments(&a, kind, argc, argv);

	*s = (struct startup){ NULL, NULL, NULL };
	if (rc != STARTUP_GO)
		return rc;
	if (find_definition(&a, definition) != 0)
		return 1;
	configuration_beside(definition, beside);
	if (load(s, &a, kind, definition, a.configuration ? a.configuration : beside, &info) != 0) {
		rc = bad_start(&a, &info);
		startup_close(s);
		return rc;
	}
	log_open(config_int(s->config, CONFIG_LOG_FORMAT) == 1, (enum log_level)config_int(s->config, CONFIG_LOG_LEVEL),
		 roleenv_instance(s->roleenv));
	for (size_t i = 0; config_warning(s->config, i) && !a.ask_health; i++)
		log_warn("%s", config_warning(s->config, i));
	if (a.check_only)
		rc = report(s);
	else if (a.ask_health)
		rc = healthcheck(a.program, s);
	else if (roleenv_make_local(s->roleenv, &info) == 0)
		return STARTUP_GO;
	else
		rc = bad_start(&a, &info);
	startup_close(s);
	return rc;
}

void startup_close(struct startup *s)
{
	roleenv_free(s->roleenv);
	config_free(s->config);
	csdef_free(s->csdef);
	*s = (struct startup){ NULL, NULL, NULL };
}
