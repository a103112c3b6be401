/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"

#include <string.h>

void report_list(FILE *out)
{
	(void)fprintf(out, "%3s  %-36s %7s %7s  %s\n", "row", "fault", "trials", "long", "pass");
	for (unsigned i = 0; i < chaos_row_count; i++) {
		const struct chaos_row *row = &chaos_rows[i];
		(void)fprintf(out, "%3u  %-36s %7u %7u  %s\n", row->number, row->name, row->trials, row->trials_long,
			      row->pass);
	}
}

static unsigned long long count(const struct chaos_run *r, enum ledger_count what)
{
	return (unsigned long long)ledger_get(r->ledger, what);
}

static unsigned seconds(const struct chaos_run *r, uint64_t now_us)
{
	return (unsigned)(((r->finished ? r->ended_us : now_us) - r->started_us) / 1000000);
}

void report_progress(char *line, size_t width, struct chaos_run *const *runs, size_t n, uint64_t now_us)
{
	size_t at = 0, ended = 0, waiting = 0;

	line[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct chaos_run *r = runs[i];
		ended += r->finished;
		waiting += !r->finished && !r->pid;
		if (r->finished || !r->pid || at >= width)
			continue;
		int more =
		    snprintf(line + at, width - at, "row %u: %u/%u, %llu jobs, %llu lost%s, %u s | ", r->row->number,
			     atomic_load(&r->done), atomic_load(&r->of), count(r, LEDGER_ACKNOWLEDGED),
			     count(r, LEDGER_LOST), chaos_failed(r) ? ", MISSED" : "", seconds(r, now_us));
		at += more > 0 ? (size_t)more : 0;
	}
	if (at < width)
		(void)snprintf(line + at, width - at, "%zu of %zu rows done, %zu wait", ended, n, waiting);
}

/* ---- the table ---- */

/* Columns of the table; what must be 0 stands last. */
static const struct {
	enum ledger_count what;
	const char *title;
} columns[] = {
	{ LEDGER_FAULTS, "faults" },        { LEDGER_SUBMITTED, "submitted" }, { LEDGER_ACKNOWLEDGED, "acknowl." },
	{ LEDGER_REPLAYED, "replayed" },    { LEDGER_REFUSED, "refused" },     { LEDGER_UNKNOWN, "unknown" },
	{ LEDGER_SUCCEEDED, "succeeded" },  { LEDGER_FAILED, "failed" },       { LEDGER_CANCELLED, "cancelled" },
	{ LEDGER_RERUN, "re-run" },         { LEDGER_CHARGED, "charged" },     { LEDGER_WRONG, "wrong" },
	{ LEDGER_DUPLICATE, "duplicates" }, { LEDGER_LOST, "lost" },
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void print_figures(FILE *out, const char *row, const unsigned long long *figures)
{
	(void)fprintf(out, "%3s", row);
	for (int i = 0; i < COLUMNS; i++)
		(void)fprintf(out, " %*llu", (int)strlen(columns[i].title) > 9 ? 10 : 9, figures[i]);
	(void)fputc('\n', out);
}

static void print_table(FILE *out, struct chaos_run *const *runs, size_t n)
{
	unsigned long long sums[COLUMNS] = { 0 }, figures[COLUMNS];
	char name[12];

	(void)fprintf(out, "row");
	for (int i = 0; i < COLUMNS; i++)
		(void)fprintf(out, " %*s", (int)strlen(columns[i].title) > 9 ? 10 : 9, columns[i].title);
	(void)fputc('\n', out);
	for (size_t k = 0; k < n; k++) {
		for (int i = 0; i < COLUMNS; i++) {
			figures[i] = count(runs[k], columns[i].what);
			sums[i] += figures[i];
		}
		(void)snprintf(name, sizeof name, "%u", runs[k]->row->number);
		print_figures(out, name, figures);
	}
	print_figures(out, "all", sums);
}

static void print_time(FILE *out, double ms)
{
	if (ms < 1000)
		(void)fprintf(out, " %7.1f ms", ms);
	else
		(void)fprintf(out, " %7.2f s ", ms / 1000);
}

static void print_times(FILE *out, const struct ledger *l)
{
	for (int i = 0; i < LEDGER_TIMES; i++) {
		if (!ledger_times(l, i))
			continue;
		(void)fprintf(out, "       %-24s p50", ledger_time_name(i));
		print_time(out, ledger_percentile(l, i, 50));
		(void)fprintf(out, "  p99");
		print_time(out, ledger_percentile(l, i, 99));
		(void)fprintf(out, "  max");
		print_time(out, ledger_percentile(l, i, 100));
		(void)fprintf(out, "  of %llu\n", (unsigned long long)ledger_times(l, i));
	}
}

static void print_row(FILE *out, const struct chaos_run *r)
{
	const struct ledger *l = r->ledger;

	(void)fprintf(out, "%3u  %s: %s — %s\n", r->row->number, chaos_failed(r) ? "MISSED" : "kept", r->row->name,
		      r->row->pass);
	(void)fprintf(out, "       n = %llu trials in %u s: no failure in them bounds the rate of failures by %.2g\n",
		      (unsigned long long)ledger_trials(l), seconds(r, r->ended_us), ledger_bound(l));
	print_times(out, l);
	for (unsigned i = 0; i < chaos_run_notes(r); i++)
		(void)fprintf(out, "       %s\n", r->notes[i]);
	if (chaos_failed(r))
		(void)fprintf(out, "       %s\n", r->why);
}

void report_print(FILE *out, struct chaos_run *const *runs, size_t n)
{
	unsigned missed = 0;

	for (size_t i = 0; i < n; i++) {
		print_row(out, runs[i]);
		missed += chaos_failed(runs[i]);
	}
	(void)fputc('\n', out);
	print_table(out, runs, n);
	if (missed)
		(void)fprintf(out, "\n%u of %zu promises missed\n", missed, n);
	else
		(void)fprintf(out, "\nall %zu promises kept\n", n);
}

/* ---- for programs ---- */

static json_t *json_of(const struct chaos_run *r)
{
	json_t *row = json_pack("{s:i,s:s,s:s,s:b,s:f,s:o}", "row", (int)r->row->number, "fault", r->row->name, "pass",
				r->row->pass, "kept", !chaos_failed(r), "seconds",
				(double)(r->ended_us - r->started_us) / 1e6, "ledger", ledger_json(r->ledger));
	json_t *notes = json_array();

	for (unsigned i = 0; i < chaos_run_notes(r); i++)
		(void)json_array_append_new(notes, json_string(r->notes[i]));
	(void)json_object_set_new(row, "notes", notes);
	if (chaos_failed(r))
		(void)json_object_set_new(row, "why", json_string(r->why));
	return row;
}

bool report_write(const char *path, struct chaos_run *const *runs, size_t n, uint64_t seed)
{
	json_t *rows = json_array(), *all;
	bool kept = true;

	for (size_t i = 0; i < n; i++) {
		(void)json_array_append_new(rows, json_of(runs[i]));
		kept = kept && !chaos_failed(runs[i]);
	}
	all = json_pack("{s:b,s:I,s:o}", "kept", kept, "seed", (json_int_t)(seed & INT64_MAX), "rows", rows);
	bool written = all && json_dump_file(all, path, JSON_INDENT(2)) == 0;
	json_decref(all);
	return written;
}
