/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers/digests.h"

#include <string.h>

#include "clock.h"

/* A key belongs to who uses it, and (as Redis keeps it there) to its queue. A key means the same whether it came as a
 * header or as a member, so the member is no part of the body. */
static int fill_key(struct digests *d, const struct request *r, struct span key, struct span text, struct buf *scratch)
{
	static const struct canon_options body = { .without = "idempotency_key" };
	int rc = canon_text(scratch, text, &body);
	if (rc)
		return rc;
	canon_digest(d->key, (struct span){ r->principal, strlen(r->principal) }, key);
	canon_digest(d->print, (struct span){ scratch->data, scratch->len }, (struct span){ "", 0 });
	return 0;
}

static int fill_cache(struct digests *d, const struct submission *s, struct buf *scratch)
{
	static const struct canon_options question = { .signed_zero = true };
	int rc = canon_text(scratch, s->job.args, &question);
	if (!rc)
		canon_digest(d->cache, s->job.op, (struct span){ scratch->data, scratch->len });
	return rc;
}

int digests_fill(struct digests *d, const struct request *r, const struct submission *s, struct span key,
		 struct span text, struct queue_submit *q)
{
	struct buf scratch = BUF_INIT;
	int rc = 0;
	if (key.n && !(rc = fill_key(d, r, key, text, &scratch))) {
		q->idem_hash = d->key;
		q->idem_print = d->print;
	}
	buf_clear(&scratch);
	if (!rc && s->job.cache == 'u' && !s->job.delay_us && s->run_at_us <= clock_wall_us() &&
	    !(rc = fill_cache(d, s, &scratch))) {
		q->cache_hash = d->cache;
		q->cache_s = (uint32_t)config_int(r->reactor->config, CONFIG_CACHE_SECONDS);
	}
	buf_fini(&scratch);
	return rc;
}
