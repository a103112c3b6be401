/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fsck_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK "{jq:vclock}" /* the lab's own key, which belongs to no queue */

enum { STEPS_BYTES = 1024, WORDS = 24 };

static const struct wish {
	const char *word, *opts;
	struct job job;
} wishes[] = {
	{ "enqueue", "", { .priority = JOB_NORMAL, .max_attempts = 3, .result_ttl_s = 3600 } },
	{ "delayed", "", { .priority = JOB_NORMAL, .max_attempts = 3, .result_ttl_s = 3600, .delay_us = 60000000 } },
	{ "expiring",
	  "",
	  { .priority = JOB_HIGH, .max_attempts = 3, .result_ttl_s = 3600, .expires_in_us = 60000000 } },
	{ "asks", "|||q|60000000", { .priority = JOB_LOW, .max_attempts = 3, .result_ttl_s = 3600 } },
	{ "once", "", { .priority = JOB_NORMAL, .max_attempts = 1, .result_ttl_s = 3600 } },
};

/* "T:" and "#N" in a word become the tag and an id. */
static char *expand(const char *word)
{
	struct buf b = BUF_INIT;

	for (const char *p = word; *p; p++) {
		if (p == word && strncmp(p, "T:", 2) == 0)
			buf_puts(&b, LAB_TAG);
		else if (*p == '#' && p[1] >= '0' && p[1] <= '7')
			buf_puts(&b, ask_ids[*++p - '0']);
		else
			buf_byte(&b, *p);
	}
	/* "T:" left its ':' to the next turn */
	if (strncmp(word, "T:", 2) == 0)
		ck_assert_int_eq(b.data[strlen(LAB_TAG)], ':');
	return buf_take(&b, NULL);
}

static void step(char *text)
{
	const char *words[WORDS + 1] = { NULL };
	char *owned[WORDS], *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save), n++)
		words[n] = owned[n] = expand(w);
	ck_assert_uint_gt(n, 0);
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
		if (strcmp(words[0], wishes[i].word) == 0) {
			const char *answer =
			    ask_enqueue_job((unsigned)atoi(words[1]), &wishes[i].job, wishes[i].opts, "100");
			ck_assert_msg(!strchr(answer, 'F'), "%s: %s", words[0], answer);
			goto out;
		}
	if (strcmp(words[0], "run") == 0) {
		ask_enqueue((unsigned)atoi(words[1]));
		lab_call(ask_lab, "sq_claim", words[2], "1", "10000000");
		lab_call(ask_lab, "sq_start", words[2], "1", ask_ids[atoi(words[1])]);
	} else if (strncmp(words[0], "sq_", 3) == 0) {
		ck_assert_int_ne(rreply_type(lua_lab_words(ask_lab, words)), RREPLY_ERROR);
	} else {
		lua_lab_command(ask_lab, words);
	}
out:
	while (n > 0)
		free(owned[--n]);
}

void fsck_lab_script(const char *script)
{
	char steps[STEPS_BYTES], *save = NULL;

	snprintf(steps, sizeof steps, "%s", script);
	ck_assert_uint_lt(strlen(script), sizeof steps);
	for (char *s = strtok_r(steps, ";", &save); s; s = strtok_r(NULL, ";", &save))
		step(s);
}

static void on_found(void *arg, const struct queue_fsck_finding *f)
{
	struct buf *b = arg;

	if (strcmp(f->subject, CLOCK) == 0)
		return;
	ck_assert_msg(f->mendable || f->kind->why, "%s has neither a remedy nor a reason why", f->kind->code);
	buf_printf(b, "%s%s%s", b->len ? " " : "", f->mended ? "!" : "", f->kind->code);
	for (unsigned i = 0; i < 8; i++)
		if (strcmp(f->subject, ask_ids[i]) == 0) {
			buf_printf(b, "#%u", i);
			return;
		}
	buf_printf(b, ":%s", f->subject);
}

const char *fsck_lab_check(bool repair, struct queue_fsck_summary *sum)
{
	static struct buf found;
	struct queue_fsck_summary own, *to = sum ? sum : &own;
	struct errinfo info = { 0 };
	const struct queue_fsck_options options = { .repair = repair, .on_found = on_found, .arg = &found };

	struct rsyncs *links = rsyncs_of(ask_lab->link);

	ck_assert_ptr_nonnull(links);
	buf_clear(&found);
	ck_assert_msg(queue_fsck(links, &options, to, &info) == 0, "%s", info.text);
	rsyncs_close(links);
	to->findings -= (uint64_t)rreply_int(lab_do(ask_lab, "EXISTS", CLOCK));
	return buf_cstr(&found);
}
