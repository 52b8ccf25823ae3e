/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the struct that a refused request is explained by. Any thread. */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int diag_set(struct diag *d, int code, const char *where, const char *fmt, ...)
{
	if (!d)
		return -EINVAL;
	d->code = code;
	snprintf(d->where, sizeof(d->where), "%s", where ? where : "");
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(d->message, sizeof(d->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}
