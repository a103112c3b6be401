/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xml_reader.h"

#include <assert.h>
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readfile.h"

#define NS_SEPARATOR ' '

struct open_element {
	const struct xml_element *element;
	unsigned children; /* bit i: elements[i] was seen inside */
};

struct xml_reader {
	const char *file;
	const struct xml_document *doc;
	void *arg;
	XML_Parser xml;
	struct errinfo *info;
	bool failed;
	struct open_element stack[XML_DEPTH_MAX];
	int depth;
};

int xml_line(const struct xml_reader *r)
{
	return (int)XML_GetCurrentLineNumber(r->xml);
}

int xml_column(const struct xml_reader *r)
{
	return (int)XML_GetCurrentColumnNumber(r->xml) + 1;
}

int xml_refuse(struct xml_reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (r->failed)
		return ERR_INVALID; /* the first error is the one that helps */
	r->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	errinfo_set(r->info, ERR_INVALID, "%s:%d:%d: %s", r->file, xml_line(r), xml_column(r), text);
	if (r->info) {
		r->info->line = xml_line(r);
		r->info->column = xml_column(r);
		r->info->position = (long)XML_GetCurrentByteIndex(r->xml);
	}
	XML_StopParser(r->xml, XML_FALSE);
	return ERR_INVALID;
}

static int refuse_got(struct xml_reader *r, const char *expected, const char *got, size_t n)
{
	char quoted[ERR_QUOTE_SIZE];

	err_quote(quoted, got, n);
	return xml_refuse(r, "expected %s, got %s", expected, quoted);
}

int xml_number(struct xml_reader *r, const char *what, const char *s, unsigned min, unsigned max, unsigned *out)
{
	char expected[128];
	unsigned long v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && v <= max; p++)
		v = v * 10 + (unsigned long)(*p - '0');
	if (p != s && !*p && v >= min && v <= max) {
		*out = (unsigned)v;
		return 0;
	}
	snprintf(expected, sizeof(expected), "a whole number from %u to %u for %s", min, max, what);
	return refuse_got(r, expected, s, strlen(s));
}

bool xml_seen(const struct xml_reader *r, const char *child)
{
	assert(r->depth > 0);
	for (size_t i = 0; i < r->doc->n; i++)
		if (strcmp(r->doc->elements[i].name, child) == 0)
			return r->stack[r->depth - 1].children & 1u << i;
	return false;
}

/* Appends "a, b or c" item by item. */
static void join(char *out, size_t size, const char *item, bool last)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%s", !used ? "" : last ? " or " : ", ", item);
}

static bool may_stand_in(const struct xml_element *e, const struct xml_element *parent)
{
	for (int i = 0; i < 2; i++)
		if (parent && e->parents[i] && strcmp(e->parents[i], parent->name) == 0)
			return true;
	return !parent && !e->parents[0];
}

static int refuse_element(struct xml_reader *r, const struct xml_element *parent, const char *name)
{
	char names[256] = "", expected[320];
	size_t last = 0;

	for (size_t i = 0; i < r->doc->n; i++)
		if (may_stand_in(&r->doc->elements[i], parent))
			last = i;
	for (size_t i = 0; i <= last; i++)
		if (may_stand_in(&r->doc->elements[i], parent))
			join(names, sizeof(names), r->doc->elements[i].name, i == last);
	snprintf(expected, sizeof(expected), "%s%s%s%s", *names ? "the element " : "no element", names,
		 parent ? " inside " : " as the root", parent ? parent->name : "");
	return refuse_got(r, expected, name, strlen(name));
}

static const struct xml_element *find_element(struct xml_reader *r, const char *name)
{
	struct open_element *parent = r->depth ? &r->stack[r->depth - 1] : NULL;

	for (size_t i = 0; i < r->doc->n; i++) {
		const struct xml_element *e = &r->doc->elements[i];
		if (strcmp(e->name, name) != 0 || !may_stand_in(e, parent ? parent->element : NULL))
			continue;
		if (parent && e->once && (parent->children & 1u << i)) {
			xml_refuse(r, "expected %s once inside %s, got a second one", name, parent->element->name);
			return NULL;
		}
		if (parent)
			parent->children |= 1u << i;
		return e;
	}
	refuse_element(r, parent ? parent->element : NULL, name);
	return NULL;
}

static int sort_attributes(struct xml_reader *r, const struct xml_element *e, const char **given,
			   const char *values[XML_ATTRIBUTES_MAX])
{
	char names[160] = "", expected[240];
	int count = 0;

	while (count < XML_ATTRIBUTES_MAX && e->attributes[count].name)
		count++;
	for (int i = 0; i < count; i++)
		join(names, sizeof(names), e->attributes[i].name, i + 1 == count);
	for (; *given; given += 2) {
		int i = 0;
		while (i < count && strcmp(e->attributes[i].name, given[0]) != 0)
			i++;
		if (i == count) {
			snprintf(expected, sizeof(expected), "%s%s in %s", count ? "the attribute " : "no attribute",
				 names, e->name);
			return refuse_got(r, expected, given[0], strlen(given[0]));
		}
		values[i] = given[1];
	}
	for (int i = 0; i < count; i++)
		if (e->attributes[i].required && !values[i])
			return xml_refuse(r, "expected the attribute %s in %s, got none", e->attributes[i].name,
					  e->name);
	return 0;
}

static void XMLCALL on_start(void *arg, const XML_Char *full, const XML_Char **given)
{
	struct xml_reader *r = arg;
	const char *values[XML_ATTRIBUTES_MAX] = { NULL };
	const char *separator = strchr(full, NS_SEPARATOR);
	const char *name = separator ? separator + 1 : full;
	size_t ns_len = separator ? (size_t)(separator - full) : 0;
	const struct xml_element *e;

	if (r->failed)
		return;
	/* The root's name first: a file of the other kind is told by that, not by its namespace. */
	if (!(e = find_element(r, name)))
		return;
	if (ns_len != strlen(r->doc->ns) || memcmp(full, r->doc->ns, ns_len) != 0) {
		char expected[256];
		snprintf(expected, sizeof(expected), "%s in the namespace %s", name, r->doc->ns);
		refuse_got(r, expected, full, ns_len);
		return;
	}
	assert(r->depth < XML_DEPTH_MAX); /* the table is finite: nothing nests in itself */
	r->stack[r->depth++] = (struct open_element){ e, 0 };
	if (sort_attributes(r, e, given, values) == 0 && e->start)
		e->start(r, r->arg, values);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct xml_reader *r = arg;

	(void)name; /* expat has matched it */
	if (r->failed)
		return;
	if (r->stack[r->depth - 1].element->end)
		r->stack[r->depth - 1].element->end(r, r->arg);
	r->depth--;
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int len)
{
	struct xml_reader *r = arg;
	char expected[128];
	int blank = 0;

	while (blank < len && strchr(" \t\r\n", s[blank]) && s[blank])
		blank++;
	if (r->failed || blank == len)
		return;
	snprintf(expected, sizeof(expected), "only elements inside %s", r->stack[r->depth - 1].element->name);
	refuse_got(r, expected, s + blank, (size_t)(len - blank));
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			       int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	xml_refuse(arg, "expected no DOCTYPE, got one");
}

static int parse(struct xml_reader *r, const char *bytes, size_t len)
{
	r->xml = XML_ParserCreateNS(NULL, NS_SEPARATOR);
	if (!r->xml)
		return errinfo_set(r->info, ERR_NOMEM, "%s: %s", r->file, err_text(ERR_NOMEM));
	XML_SetUserData(r->xml, r);
	XML_SetElementHandler(r->xml, on_start, on_end);
	XML_SetCharacterDataHandler(r->xml, on_text);
	XML_SetStartDoctypeDeclHandler(r->xml, on_doctype);
	if (XML_Parse(r->xml, bytes, (int)len, XML_TRUE) != XML_STATUS_OK)
		xml_refuse(r, "expected well-formed XML, got: %s", XML_ErrorString(XML_GetErrorCode(r->xml)));
	XML_ParserFree(r->xml);
	return r->failed ? ERR_INVALID : 0;
}

int xml_read(const char *file, size_t max_bytes, const struct xml_document *doc, void *arg, struct errinfo *info)
{
	struct xml_reader r = { .file = file, .doc = doc, .arg = arg, .info = info };
	struct errinfo why;
	size_t len = 0;

	assert(doc->n <= XML_ELEMENTS_MAX && max_bytes < 1 << 30);
	char *bytes = readfile(file, max_bytes, &len, &why);
	if (!bytes)
		return errinfo_set(info, why.code, "%s:1:1: %s", file, why.text);
	int rc = parse(&r, bytes, len);
	free(bytes);
	return rc;
}
