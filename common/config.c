/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "readfile.h"

#define PREFIX "SQUARE_"
#define FILE_SUFFIX "_FILE"
#define VALUE_FILE_MAX 65536
#define ENV_NAME_SIZE 128

struct value {
	char *text;
	char *origin;
	int64_t number;
	char **items;
	size_t n_items;
};

struct config {
	enum config_role role;
	struct value values[CONFIG_COUNT];
	char **warnings;
	size_t n_warnings;
};

/* A value on its way in. */
struct candidate {
	const char *text;
	char origin[512];
	int line, column;
};

/* Variables of this prefix that are no settings: the role environment's and the command-line client's. */
static const char *const other_variables[] = { "SQUARE_ROLE_INSTANCE", "SQUARE_ADVERTISE_ADDRESS", "SQUARE_URL",
					       "SQUARE_TCP", "SQUARE_TOKEN" };
#define ENDPOINT_PREFIX "SQUARE_ENDPOINT_"

static const char *role_name(enum config_role role)
{
	return role == CONFIG_WEB ? "web" : "worker";
}

static int refuse(struct errinfo *info, const struct candidate *c, const char *name, const char *text)
{
	errinfo_set(info, ERR_INVALID, "%s: %s%s%s", c->origin, name, *name ? ": " : "", text);
	if (info) {
		info->line = c->line;
		info->column = c->column;
	}
	return ERR_INVALID;
}

/* ---- one value against its option: each returns 0 or ERR_INVALID with what was expected in *why ---- */

static int read_number(const struct config_option *o, struct value *v, struct errinfo *why)
{
	char got[ERR_QUOTE_SIZE];
	int64_t n = 0;
	const char *p = v->text;

	for (; *p >= '0' && *p <= '9' && n <= o->max; p++)
		n = n * 10 + (*p - '0');
	if (*p == '\0' && p != v->text && n >= o->min && n <= o->max) {
		v->number = n;
		return 0;
	}
	err_quote(got, v->text, strlen(v->text));
	return errinfo_set(why, ERR_INVALID, "expected a whole number from %" PRId64 " to %" PRId64 "%s%s%s, got %s",
			   o->min, o->max, *o->unit ? " (" : "", o->unit, *o->unit ? ")" : "", got);
}

static int read_choice(const char *const *choices, struct value *v, struct errinfo *why)
{
	char got[ERR_QUOTE_SIZE], expected[96] = "";

	for (int i = 0; choices[i]; i++) {
		if (strcasecmp(choices[i], v->text) == 0) {
			memcpy(v->text, choices[i], strlen(choices[i]));
			v->number = i;
			return 0;
		}
		size_t used = strlen(expected);
		snprintf(expected + used, sizeof(expected) - used, "%s%s",
			 i == 0           ? ""
			 : choices[i + 1] ? ", "
					  : " or ",
			 choices[i]);
	}
	err_quote(got, v->text, strlen(v->text));
	return errinfo_set(why, ERR_INVALID, "expected %s, got %s", expected, got);
}

static int read_bool(struct value *v, struct errinfo *why)
{
	static const char *const words[] = { "false", "true", NULL };

	if (strcmp(v->text, "0") == 0 || strcmp(v->text, "1") == 0) {
		char *word = must_strdup(words[*v->text - '0']);
		free(v->text);
		v->text = word;
	}
	return read_choice(words, v, why);
}

static int read_list(const struct config_option *o, struct value *v, struct errinfo *why)
{
	for (const char *p = v->text; *p;) {
		size_t n = strcspn(p, ","), skip = strspn(p, " \t");
		size_t next = n + (p[n] == ',');
		skip = skip < n ? skip : n;
		size_t end = n;
		while (end > skip && (p[end - 1] == ' ' || p[end - 1] == '\t'))
			end--;
		if (end > skip) {
			v->items = must_realloc(v->items, v->n_items + 1, sizeof(*v->items));
			v->items[v->n_items++] = must_strndup(p + skip, end - skip);
			if (o->check && o->check(v->items[v->n_items - 1], why) != 0)
				return ERR_INVALID;
		}
		p += next;
	}
	v->number = (int64_t)v->n_items;
	if (v->number >= o->min && v->number <= o->max)
		return 0;
	return errinfo_set(why, ERR_INVALID,
			   "expected %" PRId64 " to %" PRId64 " items, separated by commas, got %" PRId64, o->min,
			   o->max, v->number);
}

static int read_value(const struct config_option *o, struct value *v, struct errinfo *why)
{
	switch (o->type) {
	case CONFIG_STRING:
		return o->check ? o->check(v->text, why) : 0;
	case CONFIG_INT:
		return read_number(o, v, why);
	case CONFIG_BOOL:
		return read_bool(v, why);
	case CONFIG_ENUM:
		return read_choice(o->choices, v, why);
	case CONFIG_LIST:
		return read_list(o, v, why);
	}
	return ERR_INVALID;
}

/* ---- the sources ---- */

static const char *env_find(const struct config_sources *in, const char *name)
{
	size_t n = strlen(name);

	for (char *const *e = in->environ; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return (*e)[n + 1] ? *e + n + 1 : NULL;
	return NULL;
}

/* The value in a file, without its trailing newline. */
static char *read_value_file(const char *path, struct errinfo *why)
{
	size_t n = 0;
	char *text = readfile(path, VALUE_FILE_MAX, &n, why);

	if (text && memchr(text, '\0', n)) {
		errinfo_set(why, ERR_INVALID, "expected text, got a zero byte");
		free(text);
		return NULL;
	}
	if (text && n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	if (text && n > 0 && text[n - 1] == '\r')
		text[--n] = '\0';
	return text;
}

/* Later sets win, so the last one is looked for. */
static bool from_sets(const struct config_sources *in, const char *name, struct candidate *c)
{
	size_t len = strlen(name);

	for (size_t i = in->n_sets; i-- > 0;) {
		if (strncmp(in->sets[i], name, len) == 0 && in->sets[i][len] == '=') {
			c->text = in->sets[i] + len + 1;
			snprintf(c->origin, sizeof(c->origin), "command line");
			return true;
		}
	}
	return false;
}

static bool from_given(const struct config_sources *in, const char *name, struct candidate *c)
{
	for (size_t i = 0; i < in->n_given; i++) {
		const struct config_given *g = &in->given[i];
		if (g->value && strcmp(g->name, name) == 0) {
			c->text = g->value;
			c->line = g->line;
			c->column = g->column;
			snprintf(c->origin, sizeof(c->origin), "%s:%d:%d", g->file, g->line, g->column);
			return true;
		}
	}
	return false;
}

/* Finds the value that counts. *owned: what the caller frees in the end. */
static int choose(const struct config_option *o, const struct config_sources *in, struct candidate *c, char **owned,
		  struct errinfo *info)
{
	char env[ENV_NAME_SIZE], env_file[ENV_NAME_SIZE + sizeof(FILE_SUFFIX)];
	struct errinfo why;
	const char *path;

	config_env_name(env, sizeof(env), "", o->name);
	snprintf(env_file, sizeof(env_file), "%s" FILE_SUFFIX, env);
	if (from_sets(in, o->name, c))
		return 0;
	if ((c->text = env_find(in, env))) {
		snprintf(c->origin, sizeof(c->origin), "environment variable %s", env);
		return 0;
	}
	if ((path = env_find(in, env_file))) {
		snprintf(c->origin, sizeof(c->origin), "environment variable %s, file %s", env_file, path);
		c->text = *owned = read_value_file(path, &why);
		return c->text ? 0 : refuse(info, c, "", why.text);
	}
	if (from_given(in, o->name, c))
		return 0;
	c->text = o->initial;
	snprintf(c->origin, sizeof(c->origin), "default");
	return 0;
}

static int settle(struct config *cfg, int i, const struct config_sources *in, struct errinfo *info)
{
	const struct config_option *o = config_option((enum config_id)i);
	struct value *v = &cfg->values[i];
	struct candidate c = { 0 };
	struct errinfo why;
	char *owned = NULL;
	int rc = choose(o, in, &c, &owned, info);

	if (rc == 0) {
		v->text = must_strdup(c.text);
		v->origin = must_strdup(c.origin);
		rc = read_value(o, v, &why);
		if (rc != 0)
			refuse(info, &c, o->name, why.text);
	}
	free(owned);
	return rc;
}

/* A name that somebody gave: it must be an option of this role. */
static int check_name(enum config_role role, const char *name, const struct candidate *c, struct errinfo *info)
{
	const struct config_option *o = config_option_find(name), *near = o ? NULL : config_option_near(name);
	char got[ERR_QUOTE_SIZE], text[420];

	if (o && (o->roles & role))
		return 0;
	err_quote(got, name, strlen(name));
	if (o)
		snprintf(text, sizeof(text), "expected a setting of the %s role, got %s, which the other role has",
			 role_name(role), got);
	else
		snprintf(text, sizeof(text), "expected the name of a setting, got %s%s%s%s", got,
			 near ? "; did you mean " : "", near ? near->name : "", near ? "?" : "");
	return refuse(info, c, "", text);
}

static int check_names(enum config_role role, const struct config_sources *in, struct errinfo *info)
{
	for (size_t i = 0; i < in->n_sets; i++) {
		struct candidate c = { .origin = "command line, --set" };
		const char *equals = strchr(in->sets[i], '=');
		char name[CONFIG_NAME_MAX + 1], got[ERR_QUOTE_SIZE], text[320];
		if (!equals || equals == in->sets[i] || equals - in->sets[i] > CONFIG_NAME_MAX) {
			err_quote(got, in->sets[i], strlen(in->sets[i]));
			snprintf(text, sizeof(text), "expected Name=value, got %s", got);
			return refuse(info, &c, "", text);
		}
		snprintf(name, sizeof(name), "%.*s", (int)(equals - in->sets[i]), in->sets[i]);
		if (check_name(role, name, &c, info) != 0)
			return ERR_INVALID;
	}
	for (size_t i = 0; i < in->n_given; i++) {
		struct candidate c = { .line = in->given[i].line, .column = in->given[i].column };
		snprintf(c.origin, sizeof(c.origin), "%s:%d:%d", in->given[i].file, c.line, c.column);
		if (check_name(role, in->given[i].name, &c, info) != 0)
			return ERR_INVALID;
	}
	return 0;
}

static bool env_known(const char *name)
{
	char env[ENV_NAME_SIZE];

	if (strncmp(name, ENDPOINT_PREFIX, strlen(ENDPOINT_PREFIX)) == 0)
		return true;
	for (size_t i = 0; i < sizeof(other_variables) / sizeof(*other_variables); i++)
		if (strcmp(name, other_variables[i]) == 0)
			return true;
	for (int i = 0; i < CONFIG_COUNT; i++) {
		config_env_name(env, sizeof(env), "", config_option((enum config_id)i)->name);
		size_t n = strlen(env);
		if (strncmp(name, env, n) == 0 && (name[n] == '\0' || strcmp(name + n, FILE_SUFFIX) == 0))
			return true;
	}
	return false;
}

static void warn_of_unknown(struct config *cfg, const struct config_sources *in)
{
	for (char *const *e = in->environ; e && *e; e++) {
		char name[ENV_NAME_SIZE], plain[ENV_NAME_SIZE], env[ENV_NAME_SIZE] = "", text[3 * ENV_NAME_SIZE];
		size_t n = strcspn(*e, "="), used = 0;
		if (strncmp(*e, PREFIX, strlen(PREFIX)) != 0 || n >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n, *e);
		if (env_known(name))
			continue;
		for (const char *p = name + strlen(PREFIX); *p; p++)
			if (*p != '_')
				plain[used++] = *p;
		plain[used] = '\0';
		const struct config_option *near = config_option_near(plain);
		if (near)
			config_env_name(env, sizeof(env), "", near->name);
		snprintf(text, sizeof(text), "environment variable %s is not known and has no effect%s%s%s", name,
			 near ? "; did you mean " : "", env, near ? "?" : "");
		cfg->warnings = must_realloc(cfg->warnings, cfg->n_warnings + 1, sizeof(*cfg->warnings));
		cfg->warnings[cfg->n_warnings++] = must_strdup(text);
	}
}

struct config *config_load(enum config_role role, const struct config_sources *in, struct errinfo *info)
{
	struct config *cfg = must_calloc(1, sizeof(*cfg));

	cfg->role = role;
	if (check_names(role, in, info) != 0)
		goto fail;
	for (int i = 0; i < CONFIG_COUNT; i++)
		if ((config_option((enum config_id)i)->roles & role) && settle(cfg, i, in, info) != 0)
			goto fail;
	warn_of_unknown(cfg, in);
	return cfg;
fail:
	config_free(cfg);
	return NULL;
}

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	for (int i = 0; i < CONFIG_COUNT; i++) {
		struct value *v = &cfg->values[i];
		for (size_t k = 0; k < v->n_items; k++)
			free(v->items[k]);
		free(v->items);
		free(v->origin);
		free(v->text);
	}
	for (size_t i = 0; i < cfg->n_warnings; i++)
		free(cfg->warnings[i]);
	free(cfg->warnings);
	free(cfg);
}

/* ---- reading: an option of the other role has the value "" and 0 ---- */

const char *config_str(const struct config *cfg, enum config_id id)
{
	return cfg->values[id].text ? cfg->values[id].text : "";
}

int64_t config_int(const struct config *cfg, enum config_id id)
{
	return cfg->values[id].number;
}

bool config_bool(const struct config *cfg, enum config_id id)
{
	return cfg->values[id].number != 0;
}

size_t config_list_count(const struct config *cfg, enum config_id id)
{
	return cfg->values[id].n_items;
}

const char *config_list_at(const struct config *cfg, enum config_id id, size_t i)
{
	return i < cfg->values[id].n_items ? cfg->values[id].items[i] : NULL;
}

bool config_list_has(const struct config *cfg, enum config_id id, const char *item)
{
	for (size_t i = 0; i < cfg->values[id].n_items; i++)
		if (strcasecmp(cfg->values[id].items[i], item) == 0)
			return true;
	return false;
}

const char *config_origin(const struct config *cfg, enum config_id id)
{
	return cfg->values[id].origin ? cfg->values[id].origin : "";
}

const char *config_warning(const struct config *cfg, size_t i)
{
	return i < cfg->n_warnings ? cfg->warnings[i] : NULL;
}

void config_show(const struct config *cfg, struct buf *out)
{
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_option *o = config_option((enum config_id)i);
		const char *text = config_str(cfg, (enum config_id)i);
		const char *at = strrchr(text, '@'), *scheme = strstr(text, "://");
		if (!(o->roles & cfg->role))
			continue;
		if (o->secret && at && scheme && scheme < at)
			buf_printf(out, "  %s = %.*s***%s", o->name, (int)(scheme + 3 - text), text, at);
		else /* a secret that is no URL is one as a whole */
			buf_printf(out, "  %s = %s", o->name, o->secret && *text && (at || !scheme) ? "***" : text);
		buf_printf(out, " (%s)\n", config_origin(cfg, (enum config_id)i));
	}
}
