/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By what Redis tells submissions to be the same: an Idempotency-Key and the body it came with, and the question that a
 * job puts, for the reuse of results. Pure code over what the request holds; the reactor's thread. */
#ifndef SQUARE_DIGESTS_H
#define SQUARE_DIGESTS_H

#include "canon.h"
#include "queue.h"
#include "request.h"

struct digests {
	char key[CANON_HEX_SIZE], print[CANON_HEX_SIZE], cache[CANON_HEX_SIZE];
};

/* Sets idem_hash and idem_print of *q, when there is a key, and cache_hash and cache_s, when results may be reused and
 * the job may run at once; they point into *d. key: empty for none. text: the submission as it came. 0, ERR_NOMEM, or
 * ERR_INVALID for what is no JSON. */
int digests_fill(struct digests *d, const struct request *r, const struct submission *s, struct span key,
		 struct span text, struct queue_submit *q);

#endif
