/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /openapi.json: what is served, described for programs. */
#include "openapi_text.h"

#include "handlers/handlers.h"
#include "response.h"

void handle_openapi(struct request *r)
{
	char tag[RESPONSE_TAG_SIZE];
	response_tag(openapi_text, openapi_text_len, tag);
	response_document(r, openapi_text, openapi_text_len, tag);
}
