/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"

#include <string.h>
#include <unistd.h>

static void report_text(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":", key);
	buf_json_string(out, value, strlen(value));
}

static void report_process(const struct member *one, struct buf *out)
{
	buf_printf(out, ",\"pid\":%d,\"restarts\":%u,", (int)child_pid(one->child), child_restarts(one->child));
	report_text(out, "log", child_log_path(one->child));
}

static void report_instance(const struct member *one, struct buf *out)
{
	const struct csdef_role *def = one->role->def;

	buf_byte(out, '{');
	report_text(out, "instance", child_name(one->child));
	buf_byte(out, ',');
	report_text(out, "role", def->name);
	buf_printf(out, ",\"kind\":\"%s\"", def->kind == CSDEF_WEB ? "web" : "worker");
	report_process(one, out);
	buf_puts(out, ",\"endpoints\":{");
	for (size_t e = 0; e < def->n_endpoints; e++) {
		if (e > 0)
			buf_byte(out, ',');
		buf_printf(out, "\"%s\":\"127.0.0.1:%u\"", def->endpoints[e].name,
			   one->role->instances[one->index].ports[e].port);
	}
	buf_puts(out, "}}");
}

static void report_inputs(const struct plan *plan, struct buf *out)
{
	buf_puts(out, "\"endpoints\":[");
	for (size_t i = 0; i < plan->n_inputs; i++) {
		const struct plan_input *in = &plan->inputs[i];
		buf_puts(out, i > 0 ? ",{" : "{");
		report_text(out, "name", in->endpoint->name);
		buf_byte(out, ',');
		report_text(out, "role", in->role->def->name);
		buf_printf(out, ",\"protocol\":\"%s\",\"address\":\"127.0.0.1\",\"port\":%u}",
			   csdef_protocol_name(in->endpoint->protocol), in->open.port);
	}
	buf_byte(out, ']');
}

void report_state(const struct plan *plan, const struct rundir *dir, const struct members *m, const char *phase,
		  struct buf *out)
{
	bool first = true;

	buf_printf(out, "{\"state\":\"%s\",\"pid\":%d,", phase, (int)getpid());
	report_text(out, "run_dir", rundir_path(dir));
	buf_byte(out, ',');
	report_text(out, "service", plan->def->name);
	buf_byte(out, ',');
	report_inputs(plan, out);
	for (size_t i = 0; i < m->n; i++) {
		const struct member *one = &m->all[i];
		if (one->kind == MEMBER_INSTANCE)
			continue;
		buf_printf(out, ",\"%s\":{", one->kind == MEMBER_REDIS ? "redis" : "balancer");
		report_text(out, "program", one->kind == MEMBER_REDIS ? "redis-server" : "haproxy");
		if (one->kind == MEMBER_REDIS) {
			buf_byte(out, ',');
			report_text(out, "socket", m->socket);
			buf_byte(out, ',');
			report_text(out, "admin_url_file", m->admin_url_file);
		}
		report_process(one, out);
		buf_byte(out, '}');
	}
	buf_puts(out, ",\"instances\":[");
	for (size_t i = 0; i < m->n; i++) {
		if (m->all[i].kind != MEMBER_INSTANCE)
			continue;
		if (!first)
			buf_byte(out, ',');
		first = false;
		report_instance(&m->all[i], out);
	}
	buf_puts(out, "]}\n");
}

void report_welcome(const struct plan *plan, const struct rundir *dir, struct buf *out)
{
	const struct plan_input *http = plan_input(plan, CSDEF_HTTP), *tcp = plan_input(plan, CSDEF_TCP);

	buf_printf(out, "\n%s is ready:", plan->def->name);
	for (size_t i = 0; i < plan->n_roles; i++)
		buf_printf(out, "%s %u × %s", i > 0 ? "," : "", plan->roles[i].n_instances, plan->roles[i].def->name);
	buf_puts(out, "\n\n");
	for (size_t i = 0; i < plan->n_inputs; i++) {
		const struct plan_input *in = &plan->inputs[i];
		bool is_http = in->endpoint->protocol == CSDEF_HTTP;
		buf_printf(out, "  %-16s %s%s:%u\n", in->endpoint->name, is_http ? "http://" : "", "127.0.0.1",
			   in->open.port);
	}
	buf_puts(out, "\nTo try it, in another terminal:\n\n");
	if (http) {
		unsigned port = http->open.port;
		const char *with = http->role->authenticates ? "-H \"Authorization: Bearer $TOKEN\" " : "";
		buf_printf(out, "  curl -s %slocalhost:%u/v1/jobs -d '{\"op\":\"square\",\"args\":[12]}'\n", with,
			   port);
		buf_printf(
		    out, "  curl -s %s'localhost:%u/v1/jobs?wait=5' -d '{\"op\":\"add\",\"args\":[\"1/3\",\"1/6\"]}'\n",
		    with, port);
	}
	if (tcp && tcp->role->authenticates)
		buf_printf(out,
			   "  printf '{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"%%s\"],\"id\":0}\\n12\\n' "
			   "\"$TOKEN\" | nc -N localhost %u\n",
			   tcp->open.port);
	else if (tcp)
		buf_printf(out, "  printf '12\\n1.5\\n7/3\\n' | nc -N localhost %u\n", tcp->open.port);
	buf_printf(out, "\nLogs are in %s/log. Ctrl-C drains and stops everything.\n", rundir_path(dir));
}
