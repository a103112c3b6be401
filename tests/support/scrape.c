/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scrape.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define LABEL "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\n]|\\\\[\\\"n])*\""
#define NUMBER "([-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?|NaN|[-+]?Inf)"
#define LABELS_MAX 16

struct sample {
	char *name, *series; /* series: name and labels without `le`, as they came */
	char *labels[LABELS_MAX + 1];
	double le, value;
	bool has_le;
	size_t family;
};

struct family {
	char *name, *type;
	bool has_help;
};

struct scrape {
	struct sample *samples;
	struct family *families;
	size_t n, family_count;
	regex_t sample, label;
	char *why;
	size_t why_size;
};

static void *grow(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p)
		abort();
	return p;
}

static bool fail(struct scrape *s, const char *what, const char *line)
{
	snprintf(s->why, s->why_size, "%s: %.200s", what, line);
	return false;
}

void scrape_free(struct scrape *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->samples[i].name);
		free(s->samples[i].series);
		for (char **l = s->samples[i].labels; *l; l++)
			free(*l);
	}
	for (size_t i = 0; i < s->family_count; i++) {
		free(s->families[i].name);
		free(s->families[i].type);
	}
	free(s->samples);
	free(s->families);
	regfree(&s->sample);
	regfree(&s->label);
	free(s);
}

/* ---- lines ---- */

static struct family *last_family(struct scrape *s)
{
	return s->family_count ? &s->families[s->family_count - 1] : NULL;
}

static bool take_comment(struct scrape *s, const char *line)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "summary", "untyped" };
	char kind[8], name[256], rest[32];
	struct family *f = last_family(s);
	int n = sscanf(line, "# %7s %255s %31s", kind, name, rest);
	if (n < 3 || (strcmp(kind, "HELP") != 0 && strcmp(kind, "TYPE") != 0))
		return fail(s, "a comment that is neither HELP nor TYPE", line);
	if (strcmp(kind, "HELP") == 0) {
		for (size_t i = 0; i < s->family_count; i++)
			if (strcmp(s->families[i].name, name) == 0)
				return fail(s, "a second HELP of the family", line);
		s->families = grow(s->families, s->family_count + 1, sizeof *s->families);
		s->families[s->family_count++] = (struct family){ strdup(name), NULL, true };
		return true;
	}
	if (!f || strcmp(f->name, name) != 0 || f->type)
		return fail(s, "a TYPE that does not follow its HELP", line);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i], strrchr(line, ' ') + 1) == 0)
			f->type = strdup(types[i]);
	return f->type || fail(s, "no such type", line);
}

/* `a="1",b="2"` into labels; le apart. False when there is something twice. */
static bool take_labels(struct scrape *s, struct sample *sample, const char *p, const char *line)
{
	regmatch_t m;
	size_t n = 0;
	for (; *p != '}'; p += *p == ',') {
		if (regexec(&s->label, p, 1, &m, 0))
			return fail(s, "a label that is not valid", line);
		char *label = strndup(p, (size_t)m.rm_eo);
		p += m.rm_eo;
		for (size_t i = 0; i < n; i++)
			if (strncmp(sample->labels[i], label, strcspn(label, "=") + 1) == 0) {
				free(label);
				return fail(s, "a label twice", line);
			}
		if (strncmp(label, "le=", 3) == 0) {
			sample->has_le = true;
			sample->le = strtod(label + 4, NULL);
			free(label);
		} else if (n == LABELS_MAX) {
			free(label);
			return fail(s, "too many labels", line);
		} else {
			sample->labels[n++] = label;
		}
	}
	return true;
}

static char *series_of(const struct sample *sample)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	fprintf(f, "%s", sample->name);
	for (char *const *l = sample->labels; *l; l++)
		fprintf(f, "|%s", *l);
	fclose(f);
	return text;
}

static bool belongs(const struct family *f, const struct sample *sample)
{
	size_t stem = strlen(f->name);
	const char *rest = sample->name + stem;
	if (strncmp(sample->name, f->name, stem) != 0)
		return false;
	if (strcmp(f->type, "histogram") != 0)
		return !*rest && !sample->has_le;
	return sample->has_le ? strcmp(rest, "_bucket") == 0 : strcmp(rest, "_sum") == 0 || strcmp(rest, "_count") == 0;
}

static bool take_sample(struct scrape *s, const char *line)
{
	regmatch_t m[8];
	const struct family *f = last_family(s);
	if (regexec(&s->sample, line, 8, m, 0))
		return fail(s, "a line that is no sample", line);
	s->samples = grow(s->samples, s->n + 1, sizeof *s->samples);
	struct sample *sample = &s->samples[s->n++];
	*sample = (struct sample){ .family = s->family_count - 1 };
	size_t name_n = strcspn(line, "{ ");
	sample->name = strndup(line, name_n);
	sample->value = strtod(strrchr(line, ' ') + 1, NULL);
	if (line[name_n] == '{' && !take_labels(s, sample, line + name_n + 1, line))
		return false;
	sample->series = series_of(sample);
	if (!f || !f->type || !belongs(f, sample))
		return fail(s, "a sample that does not stand under its family", line);
	if (strcmp(f->type, "counter") == 0 && !(sample->value >= 0))
		return fail(s, "a counter below zero", line);
	return true;
}

/* ---- the whole ---- */

static const struct sample *find(const struct scrape *s, const char *series)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->samples[i].series, series) == 0)
			return &s->samples[i];
	return NULL;
}

/* The buckets from i on that are one series ascend, do not shrink, and end at +Inf with the count. */
static bool check_buckets(struct scrape *s, size_t i)
{
	const struct sample *b = &s->samples[i];
	char other[1024];
	size_t stem = strlen(b->name) - strlen("_bucket");
	for (; i + 1 < s->n && strcmp(s->samples[i + 1].series, b->series) == 0; i++)
		if (!(s->samples[i + 1].le > s->samples[i].le) || s->samples[i + 1].value < s->samples[i].value)
			return fail(s, "buckets that do not ascend", b->series);
	if (!isinf(s->samples[i].le))
		return fail(s, "no bucket +Inf", b->series);
	snprintf(other, sizeof other, "%.*s_count%s", (int)stem, b->name, b->series + strlen(b->name));
	const struct sample *count = find(s, other);
	if (!count || count->value != s->samples[i].value)
		return fail(s, "a count that is not the last bucket", b->series);
	snprintf(other, sizeof other, "%.*s_sum%s", (int)stem, b->name, b->series + strlen(b->name));
	return find(s, other) || fail(s, "no sum", b->series);
}

static bool check_all(struct scrape *s)
{
	for (size_t i = 0; i < s->family_count; i++)
		if (!s->families[i].type)
			return fail(s, "a HELP without a TYPE", s->families[i].name);
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *a = &s->samples[i];
		bool goes_on = i > 0 && a->has_le && strcmp(s->samples[i - 1].series, a->series) == 0;
		if (!goes_on && find(s, a->series) != a)
			return fail(s, "a series twice", a->series);
		if (a->has_le && !goes_on && !check_buckets(s, i))
			return false;
	}
	return true;
}

struct scrape *scrape_parse(const char *text, char *why, size_t size)
{
	struct scrape *s = calloc(1, sizeof *s);
	bool good = true;
	if (!s || regcomp(&s->sample, "^" NAME "(\\{(" LABEL "(," LABEL ")*)?\\})? " NUMBER "$", REG_EXTENDED) ||
	    regcomp(&s->label, "^" LABEL, REG_EXTENDED))
		abort();
	s->why = why;
	s->why_size = size;
	for (const char *p = text, *end; good && *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end) {
			good = fail(s, "the last line does not end", p);
			break;
		}
		char *line = strndup(p, (size_t)(end - p));
		good = *line == '#' ? take_comment(s, line) : take_sample(s, line);
		free(line);
	}
	if (good && check_all(s))
		return s;
	scrape_free(s);
	return NULL;
}

static bool has_labels(const struct sample *sample, va_list ap)
{
	const char *want;
	while ((want = va_arg(ap, const char *))) {
		char *const *l = sample->labels;
		while (*l && strcmp(*l, want) != 0)
			l++;
		if (!*l)
			return false;
	}
	return true;
}

static size_t collect(const struct scrape *s, const char *name, va_list ap, double *sum)
{
	size_t n = 0;
	*sum = 0;
	for (size_t i = 0; i < s->n; i++) {
		va_list labels;
		va_copy(labels, ap);
		if (strcmp(s->samples[i].name, name) == 0 && has_labels(&s->samples[i], labels)) {
			*sum += s->samples[i].value;
			n++;
		}
		va_end(labels);
	}
	return n;
}

double scrape_sum(const struct scrape *s, const char *name, ...)
{
	va_list ap;
	double sum;
	va_start(ap, name);
	collect(s, name, ap, &sum);
	va_end(ap);
	return sum;
}

size_t scrape_count(const struct scrape *s, const char *name, ...)
{
	va_list ap;
	double sum;
	va_start(ap, name);
	size_t n = collect(s, name, ap, &sum);
	va_end(ap);
	return n;
}
