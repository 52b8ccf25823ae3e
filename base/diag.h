/* SPDX-License-Identifier: Apache-2.0 */
/* What a person must read about a refused request: a code of api/errors.def, a message, and the place. */
#ifndef SPVSCOPE_BASE_DIAG_H
#define SPVSCOPE_BASE_DIAG_H

struct diag {
	int code;            /* enum api_error of api/errors.h; 0 is none */
	char message[512];   /* says what would be right; foreign text in it is quoted and cut */
	char where[160];     /* the field, option or header: "target.env", "files[\"a.glsl\"]"; empty for none */
};

/* Fills d and returns -EINVAL, so that callers write `return diag_set(…)`. d may be NULL. */
int diag_set(struct diag *d, int code, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
