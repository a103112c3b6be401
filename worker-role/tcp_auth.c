/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_auth.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonload.h"
#include "rpc.h"

#define FORM "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"TOKEN\"],\"id\":0}"
#define ID_MAX 256 /* bytes of an id that is given back */

/* The id as it is written back: a string or a number; "null" where none can be told. */
static void id_text(const json_t *request, char out[ID_MAX])
{
	const json_t *id = json_object_get(request, "id");
	size_t n = 0;

	if (json_is_string(id) || json_is_number(id))
		n = json_dumpb(id, out, ID_MAX - 1, JSON_ENCODE_ANY | JSON_COMPACT);
	if (n == 0 || n >= ID_MAX)
		n = (size_t)snprintf(out, ID_MAX, "null");
	out[n] = '\0';
}

static const char *method_of(const json_t *request)
{
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const char *method = json_string_value(json_object_get(request, "method"));

	return version && method && strcmp(version, "2.0") == 0 ? method : "";
}

static void judge(const struct tokens *tokens, const json_t *params, char detail[200])
{
	const json_t *param = json_is_array(params) && json_array_size(params) == 1 ? json_array_get(params, 0) : NULL;
	const struct token *who = NULL;
	char have[TOKENS_SCOPES_SIZE];

	detail[0] = '\0';
	if (json_is_string(param))
		who = tokens_find(tokens, json_string_value(param), json_string_length(param));
	if (!json_is_string(param)) {
		(void)snprintf(detail, 200, "expected params to be an array of one string, the token");
	} else if (!who) {
		(void)snprintf(detail, 200, "expected a token that this service knows, got another");
	} else if (!token_may(who, TOKEN_SUBMIT)) {
		tokens_scopes_text(who->scopes, have);
		(void)snprintf(detail, 200, "expected a token with the scope submit, \"%s\" has %s", who->name, have);
	}
}

bool tcp_auth_line(const struct tokens *tokens, const char *line, size_t n, struct buf *out)
{
	json_t *request = jsonload(line, n, JSON_REJECT_DUPLICATES, NULL);
	char id[ID_MAX], detail[200];

	id_text(request, id);
	if (strcmp(method_of(request), "auth") == 0)
		judge(tokens, json_object_get(request, "params"), detail);
	else
		(void)snprintf(detail, sizeof detail, "expected " FORM " first, got another line");
	json_decref(request);
	if (detail[0])
		rpc_put_error_for(out, id, RPC_UNAUTHORIZED, detail);
	else
		buf_printf(out, "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":%s}\n", id);
	return detail[0] == '\0';
}

void tcp_auth_late(struct buf *out)
{
	char detail[200];

	(void)snprintf(detail, sizeof detail, "expected " FORM " within %d ms, got no whole line", TCP_AUTH_MS);
	rpc_put_error(out, RPC_UNAUTHORIZED, detail);
}
