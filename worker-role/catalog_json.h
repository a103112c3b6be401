/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue of this worker's operations as JSON, for people (GET /v1/operations) and for the web role, which checks
 * submissions by it: {"operations":[{name, family, summary, parameters, result, limits, examples}]}. `parameters` is a
 * JSON Schema 2020-12 of the arguments in both their forms: prefixItems, items and minItems say what an array must be,
 * properties and required what an object must be. Constant while the process lives. */
#ifndef SQUARE_CATALOG_JSON_H
#define SQUARE_CATALOG_JSON_H

#include "buf.h"

#define CATALOG_DIGEST_SIZE 33

void catalog_json(struct buf *out);
/* An identity of the catalogue's text: 32 hex digits and a zero. Not meant against forgery. */
void catalog_digest(char out[CATALOG_DIGEST_SIZE]);

#endif
