/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads an XML file against a table of elements: where each may stand, its attributes, and what it does. Whatever the
 * table does not name is refused with its place, what would have been right, and what came. No DOCTYPE, so no entity
 * tricks. Used at start-up by csdef.c. */
#ifndef SQUARE_XML_READER_H
#define SQUARE_XML_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define XML_ATTRIBUTES_MAX 4
#define XML_ELEMENTS_MAX 32
#define XML_DEPTH_MAX 8

struct xml_reader;

struct xml_attribute {
	const char *name;
	bool required;
};

struct xml_element {
	const char *name;
	const char *parents[2]; /* none: the root */
	bool once;              /* at most one in its parent */
	struct xml_attribute attributes[XML_ATTRIBUTES_MAX];
	/* values: in the order of `attributes`, NULL when absent. 0, or what xml_refuse() returned. May be NULL. */
	int (*start)(struct xml_reader *r, void *arg, const char *const *values);
	int (*end)(struct xml_reader *r, void *arg);
};

struct xml_document {
	const char *ns;                     /* of every element */
	const struct xml_element *elements; /* the root first */
	size_t n;
};

/* 0, or a negative code with *info: its text begins with "file:line:column: ". Blocks on the file system. */
int xml_read(const char *file, size_t max_bytes, const struct xml_document *doc, void *arg, struct errinfo *info);

/* For start and end, during xml_read(). */
int xml_refuse(struct xml_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int xml_line(const struct xml_reader *r);
int xml_column(const struct xml_reader *r);
/* Was there a child of this name in the element that is ending? */
bool xml_seen(const struct xml_reader *r, const char *child);
/* Reads a whole number. what: names the attribute in the message. 0, or ERR_INVALID after refusing. */
int xml_number(struct xml_reader *r, const char *what, const char *s, unsigned min, unsigned max, unsigned *out);

#endif
