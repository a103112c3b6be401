/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The secret that the workers of one service share, and how each end of a WorkerPeer connection proves that it has it
 * without saying it: HMAC-SHA-256 over both nonces, with a word for each direction, so that nobody can send back what
 * it heard. The secret stands in Redis (KEYS_REG_PEER), made by whichever worker comes first; who may read it there is
 * a worker. It is never logged, and no interface shows it. Pure functions but for the two that ask the system. */
#ifndef SQUARE_PEER_AUTH_H
#define SQUARE_PEER_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer_frame.h"

#define PEER_SECRET 32                         /* bytes */
#define PEER_SECRET_TEXT (2 * PEER_SECRET + 1) /* as hexadecimal digits, with the zero */

void peer_auth_nonce(uint8_t nonce[PEER_NONCE]);         /* random bytes */
void peer_auth_make_secret(char text[PEER_SECRET_TEXT]); /* of 256 random bits */
/* 0, or ERR_INVALID when it is none. */
int peer_auth_read_secret(const char *text, size_t n, uint8_t secret[PEER_SECRET]);

/* side: who proves. mine: the nonce of who proves; its: of who is to believe it. */
void peer_auth_prove(const uint8_t secret[PEER_SECRET], enum peer_side side, const uint8_t mine[PEER_NONCE],
		     const uint8_t its[PEER_NONCE], uint8_t proof[PEER_PROOF]);
/* In a time that does not depend on the bytes. */
bool peer_auth_check(const uint8_t secret[PEER_SECRET], enum peer_side side, const uint8_t prover[PEER_NONCE],
		     const uint8_t checker[PEER_NONCE], const uint8_t proof[PEER_PROOF]);

#endif
