/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a job as a tool gets them: names that stay in its folder. Private to the back ends that run tools; runs in
 * workers, on the compiling thread. */
#ifndef SPVSCOPE_TOOLS_JOB_FILES_H
#define SPVSCOPE_TOOLS_JOB_FILES_H

#include "codegen/run.h"
#include "codegen/tools/tool.h"

struct job_files {
	struct tool_file *files; /* the source first; data borrowed from the job, names owned */
	size_t n_files;
	char *source_name;       /* borrowed: the name of the first */
};

/* default_name is the source's where the job has none, or one that leads out of the folder. A file whose name does that
 * cannot be laid out: no source could include it, and a diagnostic says so. CODEGEN_GOOD or -ENOMEM. */
int job_files_init(struct codegen_run *run, const char *default_name, struct job_files *ret);
void job_files_done(struct job_files *f);
/* The job's own file behind a name that a tool printed; NULL: it is none of the job's. */
const struct spvscope_file *job_files_find(const struct codegen_run *run, const struct job_files *f, const char *printed);
/* The name that the job has for it: that of the source is NULL, as diagnostics want it. */
const char *job_files_own_name(const struct codegen_run *run, const struct spvscope_file *file);
/* The n-th line of a file, from 1; false: it has fewer. */
bool job_files_line(const struct spvscope_file *file, uint32_t n, const char **ret_line, size_t *ret_len);

#endif
