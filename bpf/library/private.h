/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the library share. Everything here belongs to the thread that uses the analyzer. */
#ifndef SPVSCOPE_LIBRARY_PRIVATE_H
#define SPVSCOPE_LIBRARY_PRIVATE_H

#include <stdarg.h>

#include "bpf/library/names.h"
#include "bpf/load.h"
#include "bpf/session.h"
#include "bpf/include/spvscope/analyzer.h"

struct spvscope_analyzer {
	struct object *objects[3];  /* by enum analyzer_kind; one of them is there */
	struct sessions *sessions;
	uint64_t n_sessions; /* numbers that were given away */
	struct library_files files;
	struct spvscope_attachment *attachments;
	char error[ANALYZER_TEXT_MAX];
};

struct spvscope_attachment {
	struct spvscope_analyzer *analyzer;
	struct spvscope_attachment *next;
	uint64_t session;
	pid_t pid;
	int pidfd;
	uint32_t frequency_hz, flags;
	bool running;
	struct names names;
	struct spvscope_statistics counted; /* of what was polled */
};

/* Puts the reason of a failure where spvscope_analyzer_error finds it, and returns the error. */
int library_fail(struct spvscope_analyzer *a, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As spvscope_analyzer_attach_pidfd, with SESSION_… flags. */
int library_attach(struct spvscope_analyzer *a, int pidfd, const struct spvscope_attach_opts *opts, uint32_t session_flags,
	struct spvscope_attachment **ret);

/* Copies a struct that came in, whatever its age, into `to` of size bytes, all zero before. given NULL: nothing is
 * copied. 0, -EINVAL, -E2BIG (spvscope/analyzer.h). */
int library_take_opts(void *to, size_t size, const void *given);
/* Copies a struct that goes out: given begins with the size that its owner knows. */
int library_give_struct(void *given, const void *from, size_t size);

#endif
