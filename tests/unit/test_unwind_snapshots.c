/* SPDX-License-Identifier: Apache-2.0 */
/* The compilers at work, interrupted 1,500 times: from each snapshot of registers and stack the kernel's step, run here,
 * must find the very frames that libdw's unwinder finds. */
#include "tests/unit/cmocka_head.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "spvscope/codegen.h"
#include "tests/unit/unwind_host.h"

#define N_SNAPSHOTS     1500
#define SNAPSHOT_BYTES  (64u << 10)
#define RED_ZONE_BYTES  128 /* below the stack pointer, which a signal leaves alone: a popped frame pointer is there */
#define N_REGISTERS     17
#define MAX_FRAMES      512
#define INTERVAL_NS     400000
#define MAX_COMPILES    4000

struct snapshot {
	uint64_t registers[N_REGISTERS]; /* by DWARF's numbers */
	uint64_t start; /* of the copy */
	size_t n_bytes;
	uint8_t stack[SNAPSHOT_BYTES];
};

static struct snapshot *snapshots;
static atomic_uint n_snapshots;
static uint64_t stack_end;

#if defined(__x86_64__)
static void read_registers(const ucontext_t *uc, uint64_t *registers)
{
	static const int order[N_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
		REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (size_t i = 0; i < N_REGISTERS; i++)
		registers[i] = (uint64_t)uc->uc_mcontext.gregs[order[i]];
}

/* What lies above the red zone is still as it was: the handler works below. */
static void take_snapshot(int number, siginfo_t *info, void *context)
{
	unsigned at = atomic_load(&n_snapshots);
	struct snapshot *s = &snapshots[at];

	(void)number, (void)info;
	if (at == N_SNAPSHOTS)
		return;
	read_registers(context, s->registers);
	s->start = s->registers[7] - RED_ZONE_BYTES;
	s->n_bytes = stack_end - s->start;
	if (s->start >= stack_end || s->n_bytes > SNAPSHOT_BYTES)
		return;
	/* By the kernel: a sanitizer has places in the stack that nobody may read. */
	struct iovec to = {s->stack, s->n_bytes}, from = {(void *)s->start, s->n_bytes};
	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)s->n_bytes)
		return;
	atomic_store(&n_snapshots, at + 1);
}

static void start_timer(timer_t *ret)
{
	struct sigaction action = {.sa_sigaction = take_snapshot, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
	const struct itimerspec every = {{.tv_nsec = INTERVAL_NS}, {.tv_nsec = INTERVAL_NS}};

	assert_int_equal(sigaction(SIGPROF, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, ret), 0);
	assert_int_equal(timer_settime(*ret, 0, &every, NULL), 0);
}

static bool never(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx, (void)level, (void)name;
	return false;
}

static uint32_t begin(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx, (void)level, (void)name;
	return 0;
}

static void event(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len)
{
	(void)ctx, (void)level, (void)name, (void)message, (void)len;
}

static const struct spvscope_tracer no_tracer = {.size = sizeof(no_tracer), .enabled = never, .begin = begin, .event = event};

static void compile_until_there_are_enough(void)
{
	static char shader[] = "#version 450\n"
		"layout(location = 0) in vec2 uv;\n"
		"layout(location = 0) out vec4 colour;\n"
		"float sum(float x) { float s = 0; for (int i = 0; i < 4; i++) s += sin(x * i) * cos(s); return s; }\n"
		"vec3 fold(vec3 p) { for (int i = 0; i < 3; i++) { if (p.x < p.y) p = p.yxz; p = abs(p) - sum(p.z); } return p; }\n"
		"void main() { mat3 m = mat3(fold(uv.xyx), fold(uv.yxy), vec3(1)); colour = vec4(m * fold(uv.xxx), sum(uv.y)); }\n";
	struct spvscope_job job = {
		.source = {.name = (char *)"a.frag", .data = (uint8_t *)shader, .size = sizeof(shader) - 1},
		.env = SPVSCOPE_ENV_VULKAN_1_1,
		.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE,
		.emit = SPVSCOPE_EMIT_DISASSEMBLY,
		.validate = true,
	};

	for (int i = 0; i < MAX_COMPILES && atomic_load(&n_snapshots) < N_SNAPSHOTS; i++) {
		struct spvscope_result result = {0};
		assert_int_equal(spvscope_compile(&job, &no_tracer, &result), 0);
		assert_int_equal(result.status, SPVSCOPE_STATUS_OK);
		spvscope_result_done(&result);
	}
}

static void find_stack(const char *maps)
{
	const char *line = strstr(maps, "[stack]");

	assert_non_null(line);
	while (line > maps && line[-1] != '\n')
		line--;
	assert_int_equal(sscanf(line, "%*x-%lx", &stack_end), 1);
}

static long read_stack(const void *arg, __u64 address, __u64 *ret)
{
	const struct snapshot *s = arg;

	if (address < s->start || address - s->start + sizeof(*ret) > s->n_bytes)
		return -1;
	memcpy(ret, s->stack + (address - s->start), sizeof(*ret));
	return 0;
}

struct frames {
	uint64_t pcs[MAX_FRAMES];
	size_t n;
};

static enum unwind_end walk(const struct host_space *space, const struct snapshot *s, struct frames *ret)
{
	struct unwind_frame f = {.pc = s->registers[16], .sp = s->registers[7], .fp = s->registers[6], .bx = s->registers[3],
		.r10 = s->registers[10], .r11 = s->registers[11], .knows_bx = 1};
	enum unwind_end end = UNWIND_TOO_DEEP;
	__u32 gap = 0;

	for (ret->n = 0; ret->n < MAX_FRAMES;) {
		ret->pcs[ret->n++] = f.pc;
		end = host_advance(space, &f, &gap, read_stack, s);
		if (end != UNWIND_GOES_ON)
			break;
	}
	return unwind_result(end, gap);
}

/* ---- the same by libdw ---- */

struct reference {
	const struct snapshot *snapshot;
	struct frames *frames;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	pid_t next = *thread_arg ? 0 : dwfl_pid(dwfl);

	*thread_arg = arg;
	return next;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *arg)
{
	const struct reference *r = arg;
	__u64 word = 0;

	(void)dwfl;
	if (read_stack(r->snapshot, address, &word))
		return false;
	*ret = word;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct reference *r = arg;

	dwfl_thread_state_register_pc(thread, r->snapshot->registers[16]);
	return dwfl_thread_state_registers(thread, 0, N_REGISTERS, (const Dwarf_Word *)r->snapshot->registers);
}

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	struct reference *r = arg;
	Dwarf_Addr pc;

	if (r->frames->n == MAX_FRAMES || !dwfl_frame_pc(frame, &pc, NULL))
		return DWARF_CB_ABORT;
	r->frames->pcs[r->frames->n++] = pc;
	return DWARF_CB_OK;
}

static Dwfl *reference_open(struct reference *r)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_build_id_find_debuginfo,
	};
	static const Dwfl_Thread_Callbacks thread_callbacks = {
		.next_thread = next_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);

	assert_non_null(dwfl);
	assert_int_equal(dwfl_linux_proc_report(dwfl, getpid()), 0);
	assert_int_equal(dwfl_report_end(dwfl, NULL, NULL), 0);
	assert_true(dwfl_attach_state(dwfl, NULL, getpid(), &thread_callbacks, r));
	return dwfl;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static size_t count_places(void)
{
	static uint64_t places[N_SNAPSHOTS];
	size_t n = 0, n_taken = atomic_load(&n_snapshots);

	for (size_t i = 0; i < n_taken; i++)
		places[i] = snapshots[i].registers[16] >> 6;
	qsort(places, n_taken, sizeof(places[0]), compare_u64);
	for (size_t i = 0; i < n_taken; i++)
		n += !i || places[i] != places[i - 1];
	return n;
}

static void the_step_finds_the_frames_that_libdw_finds(void **state)
{
	static struct frames ours, theirs;
	_cleanup_strbuf_ struct strbuf maps = {0};
	struct host_space *space;
	struct reference reference = {.frames = &theirs};
	size_t n_complete = 0, n_equal = 0, deepest = 0, n;
	timer_t timer;

	(void)state;
	snapshots = mmap(NULL, N_SNAPSHOTS * sizeof(*snapshots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(snapshots != MAP_FAILED);
	host_read_maps("/proc/self/maps", &maps);
	find_stack(maps.data);
	space = host_space_new(maps.data);
	start_timer(&timer);
	compile_until_there_are_enough();
	timer_delete(timer);
	n = atomic_load(&n_snapshots);
	Dwfl *dwfl = reference_open(&reference);
	for (size_t i = 0; i < n; i++) {
		enum unwind_end end = walk(space, &snapshots[i], &ours);
		bool equal;
		reference.snapshot = &snapshots[i];
		theirs.n = 0;
		dwfl_getthread_frames(dwfl, getpid(), take_frame, &reference);
		equal = ours.n == theirs.n && memcmp(ours.pcs, theirs.pcs, ours.n * sizeof(ours.pcs[0])) == 0;
		if (!equal || end != UNWIND_COMPLETE)
			print_message("# snapshot %zu at 0x%lx: end %d, %zu frames, libdw %zu\n", i,
				snapshots[i].registers[16], end, ours.n, theirs.n);
		n_equal += equal;
		n_complete += end == UNWIND_COMPLETE;
		deepest = ours.n > deepest ? ours.n : deepest;
	}
	print_message("# %zu snapshots in %zu places, the deepest of %zu frames: %zu complete, %zu as libdw says\n", n,
		count_places(), deepest, n_complete, n_equal);
	dwfl_end(dwfl);
	munmap(snapshots, N_SNAPSHOTS * sizeof(*snapshots));
	host_space_free(space);
	assert_true(n >= 1000);
	assert_true(n_complete * 1000 >= n * 998);
	assert_true(n_equal * 1000 >= n * 998);
}
#else
static void the_step_finds_the_frames_that_libdw_finds(void **state)
{
	(void)state;
	print_message("# skipped: the registers of a signal's frame are written down for x86-64 alone\n");
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_step_finds_the_frames_that_libdw_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
