/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integers between FLINT and PARI. Only inside an engines_body: GENs live on PARI's stack. */
#ifndef SQUARE_PARI_CONVERT_H
#define SQUARE_PARI_CONVERT_H

#include <flint/fmpz.h>
#include <pari/pari.h>

GEN pari_convert_from_fmpz(const fmpz_t v);
void pari_convert_to_fmpz(fmpz_t out, GEN v); /* v: a t_INT */

#endif
