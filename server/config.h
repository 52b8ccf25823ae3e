/* SPDX-License-Identifier: Apache-2.0 */
/* What the service was told: one table of options for the command line, the configuration file and --help. Read once in
 * main, constant afterwards. */
#ifndef SPVSCOPE_CONFIG_H
#define SPVSCOPE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request.h"
#include "base/strbuf.h"
#include "codegen/trace/filter.h"

struct string_list {
	char **items; /* owned; NULL-terminated when not NULL */
	size_t n;
};

struct config {
	struct string_list listen;       /* addresses; empty: 127.0.0.1:7230 */
	uint64_t socket_mode;            /* of unix sockets, octal */
	struct string_list allowed_hosts;
	char *token, *token_file;
	uint64_t max_connections;
	uint64_t max_held_bytes;
	char *state_dir;
	char *user;
	uint64_t n_workers, max_queued, worker_max_runs, worker_max_rss_bytes, output_bytes;
	unsigned isolation;              /* enum isolation */
	bool analyzer;
	struct string_list commands, backend_dirs; /* further back ends, for the worker template */
	char *worker_path, *analyzer_path, *web_root;
	char *trace;                     /* directives, as given */
	struct trace_filter trace_filter; /* worked out: --trace, else SPVSCOPE_LOG, else the build's level */
	uint64_t keep_count, keep_bytes, keep_age_s, memory_count, memory_bytes;
	uint64_t cache_bytes, cache_disk_bytes;
	uint64_t drain_ms;
	char *file;                      /* the configuration file that was read; NULL: none */
	bool show_help, show_version;
};

/* Command line, then the configuration file for what that leaves open, then environment and defaults. 0, or -EINVAL with
 * a sentence in error that names option or line, -ENOMEM. The struct must be zeroed. */
int config_load(struct config *c, int argc, char **argv, char *error, size_t error_size);
void config_done(struct config *c);

/* One name and value, as a line of the file gives them: for tests. from: "--listen", "spvscoped.conf:3". */
int config_set(struct config *c, const char *name, const char *value, const char *from, char *error,
	size_t error_size);
void config_help(struct strbuf *out);

#endif
