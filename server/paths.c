/* SPDX-License-Identifier: Apache-2.0 */
/* Finds worker, analyzer and viewer from the place of the running program. Runs in main. */
#include "server/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* From the program's directory: build/server here, bin there. */
static const char *const places[][3] = {
	[COMPANION_WORKER] = { "../codegen/worker/spvscope-worker", "../libexec/spvscope/spvscope-worker", NULL },
	[COMPANION_ANALYZER] = { "../bpf/spvscope-analyzer", "../libexec/spvscope/spvscope-analyzer", NULL },
	[COMPANION_WEB] = { "../web/dist", "../share/spvscope/web", NULL },
};

char *companion_path(enum companion which)
{
	char self[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		n = 0;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (const char *const *place = places[which]; *place; place++) {
		_cleanup_free_ char *candidate = NULL;

		free(path);
		path = NULL;
		if (asprintf(&candidate, "%s/%s", slash ? self : ".", *place) < 0) {
			candidate = NULL;
			return NULL;
		}
		path = realpath(candidate, NULL);
		if (path)
			return path;
		path = TAKE_PTR(candidate);
	}
	return path;
}
