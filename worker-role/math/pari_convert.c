/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/pari_convert.h"

#include <gmp.h>

GEN pari_convert_from_fmpz(const fmpz_t v)
{
	if (!COEFF_IS_MPZ(*v))
		return stoi(*v);
	mpz_srcptr z = COEFF_TO_PTR(*v);
	long words = (long)mpz_size(z);
	GEN out = cgetipos(words + 2), word = int_LSW(out);

	for (long i = 0; i < words; i++, word = int_nextW(word))
		*word = (long)mpz_getlimbn(z, i);
	setsigne(out, mpz_sgn(z));
	return out;
}

void pari_convert_to_fmpz(fmpz_t out, GEN v)
{
	long words = lgefint(v) - 2;

	if (words == 0) {
		fmpz_zero(out);
		return;
	}
	mpz_t z;
	mpz_init2(z, (mp_bitcnt_t)words * GMP_NUMB_BITS);
	mp_limb_t *limbs = mpz_limbs_write(z, words);
	GEN word = int_LSW(v);
	for (long i = 0; i < words; i++, word = int_nextW(word))
		limbs[i] = (mp_limb_t)*word;
	mpz_limbs_finish(z, signe(v) < 0 ? -words : words);
	fmpz_set_mpz(out, z);
	mpz_clear(z);
}
