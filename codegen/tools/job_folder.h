/* SPDX-License-Identifier: Apache-2.0 */
/* The folder in which a tool finds the files of its job, and nothing else. One for each tool host, emptied after each
 * run. Runs in tool hosts, on their only thread. */
#ifndef SPVSCOPE_TOOLS_JOB_FOLDER_H
#define SPVSCOPE_TOOLS_JOB_FOLDER_H

#include <limits.h>

#include "codegen/tools/exchange.h"

/* Of the root's own name. Nothing below it is to be trusted. */
#define JOB_FOLDERS_PREFIX "spvscope-tools-"

struct job_folder {
	char path[PATH_MAX];
	int fd; /* O_PATH of it */
};

/* Where the folders of this template's hosts lie: made when first wanted, in $TMPDIR or /tmp, readable by this user only. Its
 * path is the template's; what was left by templates that are dead is removed first. 0 or -errno. */
int job_folders_root(const char **ret);
/* At the template's end. */
void job_folders_remove_root(void);
/* What a host that was killed could not remove itself; of the worker with that number. */
void job_folders_remove(const char *root, unsigned long long worker_id);

int job_folder_make(struct job_folder *f, const char *root, unsigned long long worker_id);
/* Writes files and makes empty outputs. -EINVAL: a name leads out of the folder. */
int job_folder_fill(const struct job_folder *f, const struct host_request *q);
/* The output's bytes, at most EXCHANGE_MAX_BYTES in all: 0 or -errno. */
int job_folder_read(const struct job_folder *f, const char *name, char **ret, size_t *ret_size);
void job_folder_empty(const struct job_folder *f);
void job_folder_remove(struct job_folder *f);

#endif
