/* SPDX-License-Identifier: Apache-2.0 */
/* What a sample costs: sample_cost release|debug [--quick]. Attaches to a child of its own by libspvscope-analyzer and
 * prints one line of JSON. Needs root, which alone may switch the statistics of BPF programs on.
 *
 *   depths      by stack depth, the program's run time as the kernel counts it: frames of the stack, nanoseconds
 *   interrupts  what the child gets done less while it is interrupted 20,000 times a second, in nanoseconds of each time:
 *               by the timer with an empty program, which is the least that any sampler costs, and by ours
 *
 * The least of several rounds counts: what else runs here, and what a hypervisor takes, only adds. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <spvscope/analyzer.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/perf_event.h"

#define NOINLINE           __attribute__((noinline, noclone))
#define USUAL_HZ           4999
#define INTERRUPTS_HZ      20000
#define INTERRUPTS_DEPTH   20 /* as deep as compilers mostly are */
#define TURN               2000 /* of the innermost loop, some microseconds: how soon a new depth is taken */

static const unsigned depths[] = {0, 10, 20, 40, 80, 160, 240};

/* Between this process and its child. */
struct shared {
	volatile uint32_t depth; /* wanted */
	volatile uint64_t turns; /* done */
};

struct bench {
	struct shared *shared;
	pid_t child;
	struct spvscope_analyzer *analyzer;
	struct spvscope_attachment *attachment;
	int sampler_fd; /* the program that runs at each sample */
	bool quick;
	uint64_t n, frames, incomplete; /* of the samples polled last */
};

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- the child ---- */

static volatile uint64_t sink;

static NOINLINE void climb(struct shared *s, unsigned depth)
{
	if (depth) {
		climb(s, depth - 1);
	} else {
		for (uint32_t wanted = s->depth; s->depth == wanted; s->turns++)
			for (unsigned i = 0; i < TURN; i++)
				sink += i * i;
	}
	__asm__ volatile("" ::: "memory"); /* no jump instead of the call */
}

static void start_child(struct bench *b)
{
	b->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->shared == MAP_FAILED)
		fail("mmap", strerror(errno));
	b->child = fork();
	if (b->child < 0)
		fail("fork", strerror(errno));
	if (b->child > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		climb(b->shared, b->shared->depth);
}

/* ---- what it is measured by ---- */

/* The analyzer's program of that name, among what this process has open. */
static int find_program(const char *name)
{
	DIR *folder = opendir("/proc/self/fd");
	int found = -1;

	for (struct dirent *e; folder && found < 0 && (e = readdir(folder));) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		char target[64] = "";
		int fd = atoi(e->d_name);

		if (readlinkat(dirfd(folder), e->d_name, target, sizeof(target) - 1) > 0 && strstr(target, "bpf-prog") &&
		    bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && strcmp(info.name, name) == 0)
			found = fd;
	}
	if (folder)
		closedir(folder);
	return found;
}

static struct bpf_prog_info program_info(int fd)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		fail("statistics of a program", strerror(errno));
	return info;
}

static void on_sample(void *arg, const struct spvscope_sample *sample)
{
	struct bench *b = arg;

	b->n++;
	b->frames += sample->n_ips;
	b->incomplete += sample->end != SPVSCOPE_STACK_COMPLETE;
}

/* Everything that is there; it is kept of the last call alone. */
static void poll_samples(struct bench *b)
{
	struct spvscope_callbacks callbacks = {.size = sizeof(callbacks), .arg = b, .sample = on_sample};

	b->n = b->frames = b->incomplete = 0;
	while (spvscope_attachment_poll(b->attachment, &callbacks, 0) > 0)
		;
}

static void wait_ms(unsigned ms)
{
	usleep(ms * 1000);
}

static void attach(struct bench *b, uint32_t frequency_hz)
{
	struct spvscope_attach_opts opts = {.size = sizeof(opts), .flags = SPVSCOPE_ATTACH_PAUSED,
		.frequency_hz = frequency_hz};

	if (spvscope_analyzer_attach(b->analyzer, b->child, &opts, &b->attachment) < 0)
		fail("attach", spvscope_analyzer_error(b->analyzer));
}

static void open_analyzer(struct bench *b, uint32_t kind)
{
	char error[256] = "";
	struct spvscope_analyzer_opts opts = {.size = sizeof(opts), .kind = kind, .error = error,
		.error_size = sizeof(error)};

	if (spvscope_analyzer_open(&opts, &b->analyzer) < 0)
		fail("open", error);
	b->sampler_fd = find_program("on_sample");
	if (b->sampler_fd < 0)
		fail("open", "there is no program on_sample");
}

/* ---- by depth ---- */

static void print_depth(struct bench *b, unsigned depth, const char *comma)
{
	double least_ns = 1e9, frames = 0;
	uint64_t n = 0, incomplete = 0;

	b->shared->depth = depth;
	wait_ms(10);
	for (unsigned round = 0; round < (b->quick ? 3 : 8); round++) {
		struct bpf_prog_info before, after;

		poll_samples(b);
		before = program_info(b->sampler_fd);
		spvscope_attachment_resume(b->attachment);
		wait_ms(60);
		spvscope_attachment_pause(b->attachment);
		after = program_info(b->sampler_fd);
		poll_samples(b);
		double runs = (double)(after.run_cnt - before.run_cnt);
		if (runs < 20 || !b->n)
			continue;
		double ns = (double)(after.run_time_ns - before.run_time_ns) / runs;
		least_ns = ns < least_ns ? ns : least_ns;
		frames = (double)b->frames / (double)b->n;
		n += b->n;
		incomplete += b->incomplete;
	}
	if (!n)
		fail("samples", "there were none");
	printf("%s{\"frames\":%.1f,\"ns\":%.0f,\"samples\":%" PRIu64 ",\"incomplete\":%" PRIu64 "}", comma, frames, least_ns,
		n, incomplete);
}

static void print_depths(struct bench *b)
{
	_cleanup_fd_ int statistics_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (statistics_fd < 0)
		fail("statistics of BPF programs", strerror(errno));
	attach(b, USUAL_HZ);
	printf("\"depths\":[");
	for (size_t i = 0; i < ARRAY_SIZE(depths); i++)
		print_depth(b, depths[i], i ? "," : "");
	printf("]");
	spvscope_attachment_detach(b->attachment);
}

/* ---- by what it takes from the child ---- */

static int load_empty_program(void)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "bench_empty", "GPL", code, ARRAY_SIZE(code), NULL);

	if (fd < 0)
		fail("an empty program", strerror(errno));
	return fd;
}

/* Nanoseconds of a turn of the child. */
static double time_of_turn(struct bench *b)
{
	uint64_t from_turns = b->shared->turns, from_ns = clock_now_ns();

	wait_ms(25);
	uint64_t turns = b->shared->turns - from_turns, ns = clock_now_ns() - from_ns;
	return turns ? (double)ns / (double)turns : 1e12;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static void print_interrupts(struct bench *b)
{
	double alone_ns = 1e12, bare_ns = 1e12, ours_ns = 1e12;
	_cleanup_fd_ int program_fd = load_empty_program();
	_cleanup_fd_ int event_fd = perf_event_open_task(PERF_SOURCE_CPU_CLOCK, b->child, INTERRUPTS_HZ, PERF_ALONE,
		program_fd);

	if (event_fd < 0)
		fail("a perf event", strerror(-event_fd));
	attach(b, INTERRUPTS_HZ);
	b->shared->depth = INTERRUPTS_DEPTH;
	wait_ms(10);
	/* In turn, so that what else the machine does meets them all. */
	for (unsigned round = 0; round < (b->quick ? 4 : 24); round++) {
		alone_ns = least(alone_ns, time_of_turn(b));
		perf_event_enable(event_fd);
		bare_ns = least(bare_ns, time_of_turn(b));
		perf_event_disable(event_fd);
		spvscope_attachment_resume(b->attachment);
		ours_ns = least(ours_ns, time_of_turn(b));
		spvscope_attachment_pause(b->attachment);
		poll_samples(b);
	}
	spvscope_attachment_detach(b->attachment);
	printf("\"interrupts\":{\"hz\":%d,\"frames\":%.1f,\"bare_ns\":%.0f,\"ours_ns\":%.0f}", INTERRUPTS_HZ,
		b->n ? (double)b->frames / (double)b->n : 0, (1 - alone_ns / bare_ns) * 1e9 / INTERRUPTS_HZ,
		(1 - alone_ns / ours_ns) * 1e9 / INTERRUPTS_HZ);
}

int main(int argc, char **argv)
{
	struct bench b = {.quick = argc > 2 && strcmp(argv[2], "--quick") == 0};
	bool debug = argc > 1 && strcmp(argv[1], "debug") == 0;

	if (!debug && (argc < 2 || strcmp(argv[1], "release") != 0))
		fail("usage", "sample_cost release|debug [--quick]");
	start_child(&b);
	open_analyzer(&b, debug ? SPVSCOPE_ANALYZER_DEBUG : SPVSCOPE_ANALYZER_RELEASE);
	printf("{\"kind\":\"%s\",",
		spvscope_analyzer_loaded_kind(b.analyzer) == SPVSCOPE_ANALYZER_DEBUG ? "debug" : "release");
	print_depths(&b);
	printf(",");
	print_interrupts(&b);
	printf("}\n");
	spvscope_analyzer_close(b.analyzer);
	kill(b.child, SIGKILL);
	waitpid(b.child, NULL, 0);
	return EXIT_SUCCESS;
}
