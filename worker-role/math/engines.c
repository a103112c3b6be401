/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/engines.h"

/* PARI first: <complex.h>, which LAPACKE brings in, defines I as a macro. */
#include <pari/pari.h>

#include <acb.h>
#include <flint/flint.h>
#include <gsl/gsl_errno.h>
#include <lapacke.h>
#include <stdlib.h>

#define PARI_STACK_START (8u << 20)
#define PARI_PRIMES 500000

/* LAPACK and BLAS look for their best kernels at the first call, and PARI builds tables. */
static void warm_up(void)
{
	double a[4] = { 2, 1, 1, 3 }, b[2] = { 1, 1 };
	lapack_int pivot[2];
	pari_sp top = avma;
	arb_t pi;

	LAPACKE_dgesv(LAPACK_ROW_MAJOR, 2, 1, a, 2, pivot, b, 1);
	(void)factorint(utoipos(720720), 0);
	set_avma(top);
	arb_init(pi);
	arb_const_pi(pi, 128);
	arb_const_euler(pi, 128);
	arb_const_log2(pi, 128);
	arb_const_e(pi, 128);
	arb_clear(pi);
}

void engines_init(void)
{
	pari_init_opts(PARI_STACK_START, PARI_PRIMES, INIT_DFTm | INIT_noINTGMPm);
	paristack_setsize(PARI_STACK_START, ENGINES_PARI_STACK);
	DEBUGMEM = 0; /* a growing stack is nobody's news */
	gsl_set_error_handler_off();
	warm_up();
}

void engines_tidy(void)
{
	flint_cleanup();
}

void engines_fini(void)
{
	flint_cleanup();
	pari_close();
}

/* ---- PARI's errors ---- */

static int fail_pari(struct op_failure *f)
{
	GEN error = pari_err_last();
	char *text = pari_err2str(error);
	int rc;

	switch (err_get_num(error)) {
	case e_STACK:
	case e_MEM:
		rc = op_fail_limit(f, ENGINES_PARI_STACK / 1048576.0, 2 * (ENGINES_PARI_STACK / 1048576.0), "MiB",
				   "this needs more memory than a job may have");
		break;
	case e_INV:
		rc = op_fail(f, OP_NOT_INVERTIBLE, "%s", text);
		break;
	case e_DOMAIN:
		rc = op_fail(f, OP_DOMAIN_ERROR, "%s", text);
		break;
	case e_OVERFLOW:
	case e_MAXPRIME:
	case e_PREC:
		rc = op_fail(f, OP_LIMIT_EXCEEDED, "%s", text);
		break;
	default:
		rc = op_fail(f, OP_INTERNAL_ERROR, "%s", text);
	}
	pari_free(text);
	return rc;
}

int engines_pari(engines_body *body, void *arg, struct op_failure *f)
{
	pari_sp top = avma;
	volatile int rc = -1;

	pari_CATCH(CATCH_ALL)
	{
		rc = fail_pari(f);
	}
	pari_TRY
	{
		rc = body(arg, f);
	}
	pari_ENDCATCH;
	set_avma(top);
	parivstack_reset();
	return rc;
}
