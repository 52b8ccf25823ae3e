/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the glslang back end: what its own files tell each other. Runs on the compiling thread. */
#ifndef SPVSCOPE_GLSLANG_GLSLANG_H
#define SPVSCOPE_GLSLANG_GLSLANG_H

#include "base/strbuf.h"
#include "codegen/glslang/glslang_shim.h"
#include "codegen/run.h"

/* preamble.c: the text that stands before the source without counting as a line of it: the #include extension and the
 * job's defines. CODEGEN_GOOD, or CODEGEN_WRONG with a diagnostic when a define cannot be written as one. */
int glslang_preamble(struct codegen_run *run, struct strbuf *out);

/* include.c: finds headers among the job's files. */
#define GLSLANG_INCLUDE_MAX_DEPTH 64

struct glslang_includes {
	struct codegen_run *run;
	struct glslang_include_name { /* sorted by path */
		char *path; /* normalized; owned */
		size_t file_idx;
	} *names;
	size_t n_names;
	bool indexed;
	struct glslang_include_edge { /* which directive first brought a file in */
		const char *file;     /* its name, the job's */
		char *includer;       /* likewise, owned; NULL: the source */
		char *header;         /* as the directive writes it, owned */
	} *edges;
	size_t n_edges;
	uint32_t spans[GLSLANG_INCLUDE_MAX_DEPTH]; /* of the includes that are open, outermost first */
	size_t depth;
	bool no_memory; /* an include failed for that reason */
};

void glslang_includes_init(struct glslang_includes *inc, struct codegen_run *run);
void glslang_includes_done(struct glslang_includes *inc);
int glslang_include_open(void *ctx, const char *header, const char *includer, size_t depth, bool angled,
	struct glslang_shim_include *ret, char *error, size_t error_size);
void glslang_include_close(void *ctx, void *handle);
/* How a file was first included; NULL when it was not. */
const struct glslang_include_edge *glslang_include_edge(const struct glslang_includes *inc, const char *file);
/* Resolves "." and ".." in dir[0..dir_len) + "/" + path; malloc'ed, NULL when out of memory. ".." above the top is kept, so
 * that it never matches a file. */
char *glslang_include_path(const char *dir, size_t dir_len, const char *path);

/* info_log.c: turns what glslang printed into diagnostics. CODEGEN_WRONG when an error was among them. includes may be
 * NULL. */
int glslang_diagnose(struct codegen_run *run, const struct glslang_includes *includes, const char *log);
/* Finds token, as glslang quotes it, in a line of text; false when it is not there as a whole word. Columns are bytes
 * from 0, the end exclusive. */
bool glslang_find_token(const char *line, size_t len, const char *token, size_t token_len, uint32_t *ret_begin,
	uint32_t *ret_end);

#endif
