/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles one source over and over in this process, by the calls that a worker makes for it with the service's
 * defaults: library_loop FILE [--seconds S] [--runs N] [--processes N] [--stage STAGE] [--optimize size|performance]
 * [--libraries-alone]. Nothing is traced. Each compile gets a source of its own, as http_load's --vary does, and none is
 * remembered. With several processes the rate is the sum, and the times are those of the first.
 *
 * Of glslang's macros and limits codegen declares only those that a source mentions, which a program that calls glslang
 * itself does not. With --libraries-alone each source has a comment with ##, whereupon codegen leaves glslang to itself, so
 * that this is what such a program does. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "spvscope/codegen.h"
#include "tests/bench/statistics.h"

#define MAX_RUNS  1000000u
#define VARY_ROOM 32u /* for the comment behind the source */

struct loop {
	double seconds;
	size_t max_runs;
	unsigned n_processes;
	bool libraries_alone;
	struct spvscope_job job;
	size_t source_bytes; /* of the file; the job's has the comment too */
	uint64_t *times_ns;
	size_t n;
	uint64_t elapsed_ns;
};

static bool never(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx;
	(void)level;
	(void)name;
	return false;
}

static uint32_t begin(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx;
	(void)level;
	(void)name;
	return 0;
}

static void event(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len)
{
	(void)ctx;
	(void)level;
	(void)name;
	(void)message;
	(void)len;
}

/* No span is ever recorded, so that end and the attributes are never called. */
static const struct spvscope_tracer no_tracer = {
	.size = sizeof(no_tracer),
	.enabled = never,
	.begin = begin,
	.event = event,
};

static int read_source(const char *path, struct loop *l)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (!f)
		return -errno;
	if (fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0)
		size = 0;
	rewind(f);
	l->job.source.data = calloc(1, (size_t)size + VARY_ROOM);
	if (!l->job.source.data)
		return -ENOMEM;
	l->source_bytes = fread(l->job.source.data, 1, (size_t)size, f);
	fclose(f);
	l->job.source.name = strdup(path);
	return l->source_bytes && l->job.source.name ? 0 : -EINVAL;
}

static int compile_once(struct loop *l, size_t number)
{
	struct spvscope_result result = {};
	char *tail = (char *)l->job.source.data + l->source_bytes;
	int n = snprintf(tail, VARY_ROOM, "\n// %s%zu\n", l->libraries_alone ? "## " : "", number);

	l->job.source.size = l->source_bytes + (size_t)n;
	int r = spvscope_compile(&l->job, &no_tracer, &result);
	if (r == 0 && result.status != SPVSCOPE_STATUS_OK) {
		fprintf(stderr, "library_loop: %s: %s\n", spvscope_status_name(result.status),
			result.n_diagnostics ? result.diagnostics[0].message : "without a reason");
		r = -EINVAL;
	}
	spvscope_result_done(&result);
	return r;
}

static int measure(struct loop *l)
{
	uint64_t begun, deadline;
	int r = 0;

	for (size_t i = 0; i < 20 && r == 0; i++)
		r = compile_once(l, i);
	begun = clock_now_ns();
	deadline = begun + (uint64_t)(l->seconds * 1e9);
	while (r == 0 && l->n < l->max_runs && (l->n < 3 || clock_now_ns() < deadline)) {
		uint64_t start = clock_now_ns();

		r = compile_once(l, l->n + 100);
		l->times_ns[l->n++] = clock_now_ns() - start;
	}
	l->elapsed_ns = clock_now_ns() - begun;
	return r;
}

/* The others measure at the same time and tell their rate through a pipe. */
static int measure_beside_others(struct loop *l, double *ret_others_per_second)
{
	int fds[2], r, status;
	double rate;

	if (pipe(fds) < 0)
		return -errno;
	for (unsigned i = 1; i < l->n_processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid > 0)
			continue;
		r = measure(l);
		rate = (double)l->n * 1e9 / (double)l->elapsed_ns;
		_exit(r < 0 || write(fds[1], &rate, sizeof(rate)) != sizeof(rate));
	}
	close(fds[1]);
	r = measure(l);
	*ret_others_per_second = 0;
	while (read(fds[0], &rate, sizeof(rate)) == (ssize_t)sizeof(rate))
		*ret_others_per_second += rate;
	close(fds[0]);
	while (wait(&status) > 0)
		if (r == 0 && status != 0)
			r = -EINVAL;
	return r;
}

static int usage(void)
{
	fprintf(stderr, "usage: library_loop FILE [--seconds S] [--runs N] [--processes N] [--stage STAGE]\n"
			"                    [--optimize size|performance] [--libraries-alone]\n");
	return 2;
}

static int read_options(int argc, char **argv, struct loop *l)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "runs", required_argument, NULL, 'n' },
		{ "processes", required_argument, NULL, 'p' },
		{ "stage", required_argument, NULL, 'g' },
		{ "optimize", required_argument, NULL, 'O' },
		{ "libraries-alone", no_argument, NULL, 'a' },
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			l->seconds = strtod(optarg, NULL);
			break;
		case 'n':
			l->max_runs = strtoul(optarg, NULL, 10);
			l->seconds = 1e6;
			break;
		case 'p':
			l->n_processes = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'g':
			if (spvscope_stage_parse(optarg, &l->job.stage) < 0)
				return -EINVAL;
			break;
		case 'O':
			l->job.optimize = strcmp(optarg, "size") == 0 ? SPVSCOPE_OPTIMIZE_SIZE :
									SPVSCOPE_OPTIMIZE_PERFORMANCE;
			break;
		case 'a':
			l->libraries_alone = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (optind + 1 != argc || l->n_processes < 1 || l->n_processes > 64 || l->max_runs > MAX_RUNS)
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	struct loop l = {
		.seconds = 2,
		.max_runs = MAX_RUNS,
		.n_processes = 1,
		.job = { .env = SPVSCOPE_ENV_VULKAN_1_3, .validate = true, .emit = SPVSCOPE_EMIT_SPIRV },
	};
	double others = 0;
	int r;

	if (read_options(argc, argv, &l) < 0)
		return usage();
	r = read_source(argv[optind], &l);
	if (r < 0) {
		fprintf(stderr, "library_loop: %s: %s\n", argv[optind], strerror(-r));
		return 1;
	}
	l.times_ns = calloc(l.max_runs ? l.max_runs : 1, sizeof(*l.times_ns));
	if (!l.times_ns)
		return 1;
	r = spvscope_warm(0);
	if (r == 0)
		r = measure_beside_others(&l, &others);
	/* The rate that is printed is n over the time: make it that of all processes. */
	if (r == 0)
		statistics_print(l.times_ns, l.n,
			(uint64_t)((double)l.n * 1e9 / ((double)l.n * 1e9 / (double)l.elapsed_ns + others)));
	spvscope_job_done(&l.job);
	free(l.times_ns);
	return r < 0 ? 1 : 0;
}
