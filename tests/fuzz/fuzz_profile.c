/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stored profile: what is decoded must be exportable, and the same when stored again. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/sample_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_info info = {0};
	struct profile *p = NULL, *again = NULL;
	struct strbuf out = {0};

	if (profile_decode(data, size, &p) < 0)
		return 0;
	profile_encode(p, &out);
	if (profile_decode(out.data, out.len, &again) < 0 || again->n_samples != p->n_samples)
		abort();
	for (const struct flame_format *f = flame_formats; f->name; f++)
		f->write(p, NULL, TRACE_NO_SPAN, PROFILE_ON_CPU, &info, &out);
	profile_free(again);
	profile_free(p);
	strbuf_done(&out);
	return 0;
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	struct profile *p = sample_profile();
	struct strbuf out = {.limit = size};

	profile_encode(p, &out);
	size_t len = out.len;
	memcpy(buf, out.data, len);
	profile_free(p);
	strbuf_done(&out);
	return len;
}
