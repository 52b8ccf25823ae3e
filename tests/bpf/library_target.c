/* SPDX-License-Identifier: Apache-2.0 */
/* A program to be profiled by the library: library_target MODE. Says "ready" when all that it has at first is there; what
 * comes later waits for a byte on standard input. Built without frame pointers. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE       __attribute__((noinline, noclone))
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

static volatile uint64_t sink;

static NOINLINE void work_inner(void)
{
	for (uint64_t i = 0; i < 100000; i++)
		sink += i * i;
}

static NOINLINE void work_outer(void)
{
	work_inner();
	NO_TAIL_CALL();
}

static NOINLINE void sleep_outer(void)
{
	struct timespec ts = {.tv_nsec = 5000000};

	nanosleep(&ts, NULL);
	NO_TAIL_CALL();
}

static _Noreturn void work_for_ever(void)
{
	for (;;)
		work_outer();
}

static void *thread_main(void *arg)
{
	(void)arg;
	work_for_ever();
}

static void start_thread_here(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
		_exit(3);
}

static void start_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		_exit(3);
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	work_for_ever();
}

static void say_ready(void)
{
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		_exit(3);
}

static void wait_for_a_byte(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) != 1)
		_exit(0);
}

/* All of one kind: two that are there, and one that comes when it is told to. */
static void several(void (*start)(void))
{
	start();
	start();
	say_ready();
	wait_for_a_byte();
	start();
	work_for_ever();
}

static uint64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(mode, "threads") == 0)
		several(start_thread_here);
	if (strcmp(mode, "tree") == 0)
		several(start_child);
	if (strcmp(mode, "work") == 0) {
		say_ready();
		work_for_ever();
	}
	if (strcmp(mode, "sleep") == 0) {
		say_ready();
		for (;;) {
			sleep_outer();
			work_outer();
		}
	}
	if (strcmp(mode, "once") == 0) {
		uint64_t start_ms = cpu_ms(); /* its parent's program has had some before the exec */
		while (cpu_ms() - start_ms < 100)
			work_outer();
		return 7;
	}
	return 2;
}
