/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scene.h"

#include "keys.h"
#include "wait_until.h"

#define WAIT_S 5.0
enum { READ_MS = 20000 };

void scene_open(struct scene *s, struct chaos_run *r, const struct world_options *options)
{
	s->r = r;
	s->w = world_start(r, options);
	s->o = oracle_new(r);
	s->client = client_new(s->w, s->o);
	s->link = world_link(s->w);
}

void scene_close(struct scene *s)
{
	(void)oracle_settle(s->o, s->w, SCENE_MS);
	rsync_close(s->link);
	client_free(s->client);
	world_stop(s->w);
	oracle_free(s->o);
}

size_t scene_job(struct scene *s, const char *body, const char *result, enum oracle_end end)
{
	const struct oracle_spec spec = { .body = body, .result = result, .end = end, .keyed = true };

	return oracle_submission(s->o, &spec);
}

static unsigned web_of(const struct scene *s, size_t job)
{
	return (unsigned)(job % world_count(s->w, WORLD_WEB));
}

bool scene_deliver(struct scene *s, size_t job)
{
	if (client_deliver(s->client, web_of(s, job), job, SCENE_MS))
		return true;
	chaos_fail(s->r, "expected %s to be accepted within %d s", oracle_body(s->o, job), SCENE_MS / 1000);
	return false;
}

bool scene_record(struct scene *s, size_t job, struct job *out)
{
	struct errinfo info = { 0 };
	char key[KEYS_NAME_SIZE];
	size_t n;

	keys_job(key, WORLD_TAG, oracle_id(s->o, job));
	const char *record = rreply_str(rsync_words(s->link, &info, "GET", key, NULL), &n);
	return job_record_decode(record, n, out) == 0;
}

struct wish {
	struct scene *s;
	size_t job;
};

static bool is_final(void *arg)
{
	const struct wish *q = arg;
	bool final;

	(void)client_read(q->s->client, web_of(q->s, q->job), q->job, WAIT_S, READ_MS, &final);
	return final;
}

bool scene_end(struct scene *s, size_t job, struct job *out)
{
	struct wish wish = { s, job };

	if (wait_until(is_final, &wish, SCENE_MS) && scene_record(s, job, out))
		return true;
	chaos_fail(s->r, "expected job %s to end within %d s", oracle_id(s->o, job), SCENE_MS / 1000);
	return false;
}
