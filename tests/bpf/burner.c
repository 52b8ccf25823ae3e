/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for a worker: registers with the analyzer, prints "ready", and then does one thing for ever in functions of
 * known names. burner REGISTRATION_FD|-1 MODE. Built twice, as burner with frame pointers and as burner_bare without. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "bpf/protocol.h"

#define NOINLINE __attribute__((noinline, noclone))
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

static volatile uint64_t sink;

static NOINLINE void burn_once(void)
{
	sink++;
}

/* It calls something because gcc keeps no frame pointer in a function that calls nothing, whatever it is told; a walk by
 * frame pointers then leaves the caller out. */
static NOINLINE void burn_inner(void)
{
	burn_once();
	for (uint64_t i = 0; i < 100000; i++)
		sink += i * i;
}

static NOINLINE void burn_middle(void)
{
	burn_inner();
	NO_TAIL_CALL();
}

static NOINLINE void burn_outer(void)
{
	burn_middle();
	NO_TAIL_CALL();
}

static NOINLINE void touch(volatile char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += 4096)
		sink += (uint64_t)memory[i];
}

static NOINLINE void write_to(volatile char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
}

/* Anonymous memory written, and this very file read. */
static NOINLINE void fault_outer(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *file = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	void *memory = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (file == MAP_FAILED || memory == MAP_FAILED)
		_exit(2);
	write_to(memory, 1 << 16);
	touch(file, 8192);
	munmap(memory, 1 << 16);
	munmap(file, 8192);
	close(fd);
	usleep(500);
}

static NOINLINE void fork_outer(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(2000);
}

static NOINLINE void descend(unsigned depth)
{
	if (depth)
		descend(depth - 1);
	else
		burn_inner();
	NO_TAIL_CALL();
}

/* As deep as compilers are. */
static NOINLINE void stairs_outer(void)
{
	descend(60);
	NO_TAIL_CALL();
}

static NOINLINE void wait_outer(void)
{
	pause();
	NO_TAIL_CALL();
}

static NOINLINE void deep_outer(void)
{
	descend(1200);
	NO_TAIL_CALL();
}

static NOINLINE int compare_slowly(const void *a, const void *b)
{
	for (uint64_t i = 0; i < 20; i++)
		sink += i * i;
	return *(const int *)a - *(const int *)b;
}

/* Through functions of the C library, which has no frame pointers. */
static NOINLINE void sort_outer(void)
{
	int numbers[2000];

	for (unsigned i = 0; i < 2000; i++)
		numbers[i] = (int)(i * 7919 % 2000);
	qsort(numbers, 2000, sizeof(numbers[0]), compare_slowly);
	sink += (uint64_t)numbers[0];
}

static NOINLINE void handler(int number)
{
	(void)number;
	burn_inner();
	NO_TAIL_CALL();
}

static NOINLINE void signal_outer(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	NO_TAIL_CALL();
}

static NOINLINE void *thread_main(void *arg)
{
	for (int i = 0; i < 100; i++)
		burn_middle();
	return arg;
}

static NOINLINE void thread_outer(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
		_exit(2);
	pthread_join(thread, NULL);
}

/* A stack that is not aligned as wide registers want it: the compiler realigns it, and the frame address moves. */
static NOINLINE void realigned_outer(void)
{
	volatile char wide[256] __attribute__((aligned(128)));

	wide[0] = 1;
	burn_middle();
	sink += (uint64_t)wide[0];
}

static NOINLINE void growing_outer(void)
{
	volatile char *grown = __builtin_alloca(64 + sink % 512);

	grown[0] = 1;
	burn_middle();
	sink += (uint64_t)grown[0];
}

static NOINLINE void brief_outer(void)
{
	for (int i = 0; i < 200; i++)
		burn_middle();
	_exit(0);
}

/* Runs the command in BURNER_TOOL, words between spaces, to its end. */
static NOINLINE void tool_outer(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char *words[32], *save = NULL, *text = getenv("BURNER_TOOL");
		size_t n = 0;
		for (char *at = text ? strtok_r(text, " ", &save) : NULL; at && n < 31; at = strtok_r(NULL, " ", &save))
			words[n++] = at;
		words[n] = NULL;
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		if (n)
			execv(words[0], words);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		_exit(3);
}

#if defined(__x86_64__)
/* Where the caller's address should be lies one that nothing is mapped at. */
static NOINLINE void astray_inner(uint64_t turns)
{
	__asm__ volatile("sub $128, %%rsp\n .rept 64\n push %1\n .endr\n 1: dec %0\n jnz 1b\n add $640, %%rsp"
		: "+r"(turns) : "r"(0x1234l) : "cc", "memory");
}

/* Astray for a while, and then in code that is mapped only now, at a place where nothing was: of a file without a table. */
static NOINLINE void astray_outer(void)
{
	static const unsigned char code[] = {0x48, 0xFF, 0xCF, 0x75, 0xFB, 0xC3}; /* dec %rdi; jnz; ret */
	static char *place = (char *)0x100000000000;
	int fd = memfd_create("code", MFD_CLOEXEC);
	void (*mapped)(uint64_t);
	void *at;

	astray_inner(30000000);
	if (fd < 0 || write(fd, code, sizeof(code)) != sizeof(code))
		_exit(2);
	at = mmap(place += 1 << 20, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
	if (at == MAP_FAILED)
		_exit(2);
	memcpy(&mapped, &at, sizeof(mapped));
	mapped(150000000);
	munmap(at, 4096);
	close(fd);
}
#endif

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"burn", burn_outer}, {"faults", fault_outer}, {"fork", fork_outer}, {"deep", deep_outer}, {"sort", sort_outer},
	{"stairs", stairs_outer}, {"wait", wait_outer}, {"signal", signal_outer}, {"thread", thread_outer}, {"realigned", realigned_outer}, {"growing", growing_outer},
	{"brief", brief_outer}, {"tool", tool_outer},
#if defined(__x86_64__)
	{"astray", astray_outer},
#endif
};

int main(int argc, char **argv)
{
	char message[9] = {ANALYZER_REGISTER};
	uint64_t id = (uint64_t)getpid();
	int fd = argc == 3 ? atoi(argv[1]) : -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memcpy(message + 1, &id, sizeof(id));
	if (fd >= 0 && send(fd, message, sizeof(message), 0) != sizeof(message))
		return 1;
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; argc == 3 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[2], modes[i].name) != 0)
			continue;
		if (write(STDOUT_FILENO, "ready\n", 6) != 6)
			return 1;
		for (;;)
			modes[i].run();
	}
	return 2;
}
