/* SPDX-License-Identifier: Apache-2.0 */
/* External programs that do the work of a back end: what the template finds out about each at its start, and how a back
 * end runs one. A worker cannot start anything itself; it asks its tool host, a process that was forked from it before
 * it confined itself (host.h), over a socket that was there before too. */
#ifndef SPVSCOPE_TOOLS_TOOL_H
#define SPVSCOPE_TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"

struct codegen_run;

/* ---- a tool, as it was found ---- */

#define TOOL_MAX_READS 96

/* Filled by its back end's `find` in the template, constant afterwards; workers and hosts have copies by fork. */
struct tool {
	const char *name;       /* of its spans: codegen::tool::NAME */
	char *program;          /* absolute, without symbolic links; NULL: not found */
	char *version;          /* a line, or NULL */
	char *missing;          /* why it cannot be used, in words; NULL: it can */
	const char *install;    /* how it would be had, a command line; NULL: not known */
	char *reads[TOOL_MAX_READS]; /* files and folders that it may read and execute, the program itself first */
	size_t n_reads;
	bool may_fork;          /* starts programs of its own */
	/* A resident tool is started once for a worker with these arguments, reads requests on descriptor 0 and answers on 3,
	 * both as a u32 length and that many bytes. NULL: started anew for each run. */
	char *resident_argv[8];
};

/* The first of these programs that PATH or the usual folders have, with all the libraries that the dynamic linker would
 * load for it, becomes t->program and t->reads. 0, -ENOENT (t->missing says what was looked for), -ENOMEM. */
int tool_find_program(struct tool *t, const char *const names[]);
/* One more file or folder that it may read. 0, -errno when there is none of that name. */
int tool_may_read(struct tool *t, const char *path);
/* The same for a program: with its libraries. */
int tool_may_run(struct tool *t, const char *path);
/* The first line that it prints when it is called so; unconfined, with nothing submitted, for at most two seconds. The caller
 * frees; NULL: it prints none. */
char *tool_first_line(const struct tool *t, const char *const argv[]);
void tool_done(struct tool *t);

/* ---- a run ---- */

struct tool_file {
	const char *name; /* relative; folders on the way are made */
	const void *data;
	size_t size;
};

#define TOOL_MAX_ARGS    2048
#define TOOL_MAX_FILES   1024
#define TOOL_MAX_OUTPUTS 4

struct tool_request {
	const struct tool *tool;        /* NULL: that of the run's back end */
	const char *const *argv;        /* NULL-terminated; argv[0] is what the program sees as its name. Not for resident ones */
	const struct tool_file *files;  /* laid into an empty folder in which it starts */
	size_t n_files;
	const char *outputs[TOOL_MAX_OUTPUTS]; /* files that it may write; it can make no others */
	size_t n_outputs;
	const void *input;              /* resident ones: the request's bytes */
	size_t input_size;
};

enum tool_end {
	TOOL_EXITED = 0,     /* status: exit status */
	TOOL_SIGNALED,       /* status: signal */
	TOOL_TIMED_OUT,      /* it was ended */
	TOOL_FLOODED,        /* it was ended: more output than is kept */
	TOOL_CROWDED,        /* it was ended: too many processes and threads */
	TOOL_NOT_STARTED,    /* status: errno */
	TOOL_N_ENDS,
};

struct tool_answer {
	enum tool_end end;
	int32_t status;
	pid_t pid;
	uint64_t start_ns, exec_ns, exit_ns; /* asked for, executing, gone; of a resident one: asked, asked, answered */
	uint64_t realtime_offset_ns;         /* CLOCK_REALTIME less CLOCK_MONOTONIC, for tools that tell the time of day */
	uint64_t user_ns, system_ns;         /* of it and of the children that it waited for */
	uint64_t max_rss_bytes;
	uint64_t minor_faults, major_faults, voluntary_switches, involuntary_switches;
	uint32_t n_left;     /* further processes that were ended with it */
	char *out, *err;     /* what it printed, NUL-terminated */
	size_t out_size, err_size;
	char *outputs[TOOL_MAX_OUTPUTS]; /* in the order of the request; empty when it wrote nothing */
	size_t output_sizes[TOOL_MAX_OUTPUTS];
	char *reply;         /* of a resident one */
	size_t reply_size;
	const struct tool *tool; /* worker side: which it is of */
	uint32_t span;       /* worker side: the open span of the run */
};

/* Worker side, on the compiling thread. The socket of this process's tool host, and whose host it is. */
void tool_channel_set(const struct tool *tool, int socket);
/* Whether this process has a host for the tool. */
bool tool_is_at_hand(const struct tool *t);
/* What the run that begins now may use: a tool's processes have as much memory each, and end before the deadline on
 * CLOCK_MONOTONIC; 0: no limit. */
void tool_channel_limits(uint64_t memory_bytes, uint64_t deadline_ns);

/* CODEGEN_GOOD when it was found; else CODEGEN_WRONG, and why it is not there and how it would be had is told, of `who`. */
int tool_require(struct codegen_run *run, const struct tool *t, const char *who);
/* Runs the tool. 0 with the answer, whatever became of the tool, and its span open, so that what it
 * tells of itself can be told inside; -ECHILD, with a diagnostic, when the host cannot be reached; -ENOMEM. */
int tool_run(struct codegen_run *run, const struct tool_request *request, struct tool_answer *ret);
/* Ends the span and frees. */
void tool_answer_done(struct codegen_run *run, struct tool_answer *a);
/* For an answer that is no orderly exit: says so in a diagnostic, and returns what the back end must return, -ETIME, -ENOMEM
 * or -ECHILD. 0: it has exited by itself; how many processes it left behind is told as a warning. */
int tool_judge(struct codegen_run *run, const struct tool_answer *a);
/* Makes what the tool wrote the run's SPIR-V. CODEGEN_GOOD; CODEGEN_WRONG, told, when it is none; -ENOMEM. */
int tool_keep_spirv(struct codegen_run *run, const char *tool, const char *bytes, size_t size);

#endif
