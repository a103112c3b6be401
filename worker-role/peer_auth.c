/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_auth.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "err.h"
#include "log.h"

static void draw(void *out, size_t n)
{
	if (getrandom(out, n, 0) != (ssize_t)n)
		log_fatal("getrandom failed");
}

void peer_auth_nonce(uint8_t nonce[PEER_NONCE])
{
	draw(nonce, PEER_NONCE);
}

void peer_auth_make_secret(char text[PEER_SECRET_TEXT])
{
	uint8_t secret[PEER_SECRET];

	draw(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", secret[i]);
	explicit_bzero(secret, sizeof secret);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int peer_auth_read_secret(const char *text, size_t n, uint8_t secret[PEER_SECRET])
{
	uint8_t read[PEER_SECRET];

	if (n != PEER_SECRET_TEXT - 1)
		return ERR_INVALID;
	for (size_t i = 0; i < sizeof read; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return ERR_INVALID;
		read[i] = (uint8_t)(high * 16 + low);
	}
	memcpy(secret, read, sizeof read);
	explicit_bzero(read, sizeof read);
	return 0;
}

void peer_auth_prove(const uint8_t secret[PEER_SECRET], enum peer_side side, const uint8_t mine[PEER_NONCE],
		     const uint8_t its[PEER_NONCE], uint8_t proof[PEER_PROOF])
{
	static const char *const words[] = {
		[PEER_CALLER] = "square peer: caller", [PEER_SERVER] = "square peer: server"
	};
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, PEER_SECRET, secret);
	hmac_sha256_update(&hmac, strlen(words[side]) + 1, (const uint8_t *)words[side]);
	hmac_sha256_update(&hmac, PEER_NONCE, mine);
	hmac_sha256_update(&hmac, PEER_NONCE, its);
	hmac_sha256_digest(&hmac, PEER_PROOF, proof);
	explicit_bzero(&hmac, sizeof hmac);
}

bool peer_auth_check(const uint8_t secret[PEER_SECRET], enum peer_side side, const uint8_t prover[PEER_NONCE],
		     const uint8_t checker[PEER_NONCE], const uint8_t proof[PEER_PROOF])
{
	uint8_t right[PEER_PROOF];

	peer_auth_prove(secret, side, prover, checker, right);
	bool equal = nettle_memeql_sec(right, proof, PEER_PROOF) != 0;
	explicit_bzero(right, sizeof right);
	return equal;
}
