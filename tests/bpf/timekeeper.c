/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that keeps time of its own: registers with the analyzer, prints "ready", and for each command on its standard
 * input does one run of work and writes what its own clocks say of it. timekeeper REGISTRATION_FD FILE. */
#include "tests/bpf/timekeeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/protocol.h"

#define NOINLINE __attribute__((noinline, noclone))
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")
#define CALM_NS  8000 /* three clocks read in less were read at one moment */

static volatile uint64_t sink;
static int schedstat_fd, file_fd;
static const char *file_mapped;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

struct clocks {
	uint64_t wall_ns, cpu_ns, run_delay_ns;
};

/* All at one moment: anew when the thread was interrupted between two. */
static NOINLINE struct clocks read_clocks(void)
{
	struct clocks c;
	char text[96];
	uint64_t after_ns;
	ssize_t n;

	for (unsigned tries = 1;; tries++) {
		c.wall_ns = now_ns(CLOCK_MONOTONIC);
		c.cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
		n = pread(schedstat_fd, text, sizeof(text) - 1, 0);
		after_ns = now_ns(CLOCK_MONOTONIC);
		if (after_ns - c.wall_ns < CALM_NS * (1 + tries / 16))
			break;
	}
	text[n > 0 ? n : 0] = 0;
	c.run_delay_ns = strtoull(strchr(text, ' '), NULL, 10);
	return c;
}

static NOINLINE void burn_for_us(unsigned us)
{
	uint64_t end_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) + us * 1000ull;

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
		for (unsigned i = 0; i < 2000; i++)
			sink += i * i;
}

static NOINLINE void sleep_for_us(unsigned us)
{
	struct timespec ts = {.tv_nsec = us * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	NO_TAIL_CALL();
}

static NOINLINE void only_burn(void)
{
	burn_for_us(1500);
	NO_TAIL_CALL();
}

static NOINLINE void planted_sleep(void)
{
	burn_for_us(200);
	sleep_for_us(1000);
	burn_for_us(200);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t held;

static NOINLINE void *hold_lock(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_barrier_wait(&held);
	sleep_for_us(1000);
	pthread_mutex_unlock(&lock);
	return arg;
}

static NOINLINE void planted_lock_wait(void)
{
	pthread_t other;

	pthread_barrier_init(&held, NULL, 2);
	if (pthread_create(&other, NULL, hold_lock, NULL) != 0)
		_exit(3);
	pthread_barrier_wait(&held);
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&held);
}

static void forget_pages(void)
{
	posix_fadvise(file_fd, 0, 0, POSIX_FADV_DONTNEED);
}

static NOINLINE void planted_read(void)
{
	char buffer[4096];

	forget_pages();
	for (unsigned i = 0; i < 8; i++)
		if (pread(file_fd, buffer, sizeof(buffer), i * (TIMEKEEPER_FILE_BYTES / 8)) == sizeof(buffer))
			sink += (uint64_t)buffer[0];
}

/* The pages are dropped from this process and from memory, then touched. */
static NOINLINE void planted_page_fault(void)
{
	madvise((void *)file_mapped, TIMEKEEPER_FILE_BYTES, MADV_DONTNEED);
	forget_pages();
	for (unsigned i = 0; i < 8; i++)
		sink += (uint64_t)((volatile const char *)file_mapped)[i * (TIMEKEEPER_FILE_BYTES / 8)];
}

static void move_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void move_anywhere(void)
{
	cpu_set_t set;

	memset(&set, 0xFF, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

/* From one CPU to the next and back. */
static NOINLINE void migrate(void)
{
	for (unsigned i = 0; i < 6; i++) {
		move_to(i);
		burn_for_us(200);
	}
	move_anywhere();
}

static NOINLINE void *burn_beside(void *arg)
{
	move_to(0);
	pthread_barrier_wait(&held);
	burn_for_us(4000);
	return arg;
}

/* Two threads of one CPU. */
static NOINLINE void compete(void)
{
	pthread_t other;

	move_to(0);
	pthread_barrier_init(&held, NULL, 2);
	if (pthread_create(&other, NULL, burn_beside, NULL) != 0)
		_exit(3);
	pthread_barrier_wait(&held);
	burn_for_us(4000);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&held);
	move_anywhere();
}

static NOINLINE void yield_often(void)
{
	for (unsigned i = 0; i < 30; i++) {
		burn_for_us(20);
		sched_yield();
	}
}

/* A child that works from its first instruction, and a grandchild that it leaves behind. */
/* The grandchild is left behind, when it has had its time: on a busy machine its parent may end before it begins. */
static NOINLINE void fork_and_burn(void)
{
	int burnt[2];
	char byte = 1;
	pid_t pid;

	if (pipe2(burnt, O_CLOEXEC) < 0)
		_exit(3);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			burn_for_us(1500);
			if (write(burnt[1], &byte, 1) == 1)
				burn_for_us(300);
			_exit(0);
		}
		burn_for_us(1500);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (read(burnt[0], &byte, 1) != 1)
		_exit(3);
	close(burnt[0]);
	close(burnt[1]);
}

/* A child that is killed while it sleeps. */
static NOINLINE void fork_and_kill(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	sleep_for_us(500);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A thread that outlives the run, and sleeps through the next ones. */
static NOINLINE void *sleep_on(void *arg)
{
	sleep_for_us(900000);
	return arg;
}

static NOINLINE void leave_a_thread(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, sleep_on, NULL) != 0)
		_exit(3);
	pthread_detach(other);
	sleep_for_us(200);
}

static NOINLINE void fork_and_exec(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "timekeeper", "burn", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void (*const works[])(void) = {
	[TIMEKEEPER_BURN] = only_burn, [TIMEKEEPER_SLEEP] = planted_sleep, [TIMEKEEPER_LOCK] = planted_lock_wait,
	[TIMEKEEPER_READ] = planted_read, [TIMEKEEPER_FAULT] = planted_page_fault, [TIMEKEEPER_MIGRATE] = migrate,
	[TIMEKEEPER_COMPETE] = compete, [TIMEKEEPER_YIELD] = yield_often, [TIMEKEEPER_FORK] = fork_and_burn,
	[TIMEKEEPER_KILL] = fork_and_kill, [TIMEKEEPER_LEAVE] = leave_a_thread, [TIMEKEEPER_EXEC] = fork_and_exec,
};

static int open_file(const char *path)
{
	char block[65536];

	file_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file_fd < 0)
		return -errno;
	unlink(path);
	memset(block, 7, sizeof(block));
	for (size_t n = 0; n < TIMEKEEPER_FILE_BYTES; n += sizeof(block))
		if (write(file_fd, block, sizeof(block)) != sizeof(block))
			return -EIO;
	/* Pages that are not written yet cannot be dropped. */
	if (fsync(file_fd) < 0 || posix_fadvise(file_fd, 0, 0, POSIX_FADV_RANDOM) != 0)
		return -EIO;
	file_mapped = mmap(NULL, TIMEKEEPER_FILE_BYTES, PROT_READ, MAP_PRIVATE, file_fd, 0);
	if (file_mapped == MAP_FAILED)
		return -errno;
	/* No page more than the one that is touched. */
	return madvise((void *)file_mapped, TIMEKEEPER_FILE_BYTES, MADV_RANDOM) < 0 ? -errno : 0;
}

static int register_with(int fd)
{
	char message[ANALYZER_REGISTER_BYTES] = {ANALYZER_REGISTER};
	uint64_t id = (uint64_t)getpid();

	memcpy(message + 1, &id, sizeof(id));
	if (send(fd, message, sizeof(message), 0) != sizeof(message))
		return -errno;
	return close(fd);
}

int main(int argc, char **argv)
{
	unsigned char work;

	if (argc == 2) { /* by exec, of fork_and_exec */
		burn_for_us(3000);
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (argc != 3 || schedstat_fd < 0 || open_file(argv[2]) < 0 || register_with(atoi(argv[1])) < 0)
		return 1;
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &work, 1) == 1 && work < sizeof(works) / sizeof(works[0])) {
		struct clocks begin = read_clocks(), end;
		struct timekeeper_run run;

		works[work]();
		end = read_clocks();
		run = (struct timekeeper_run){
			.begin_ns = begin.wall_ns,
			.end_ns = end.wall_ns,
			.cpu_ns = end.cpu_ns - begin.cpu_ns,
			.run_delay_ns = end.run_delay_ns - begin.run_delay_ns,
		};
		if (write(STDOUT_FILENO, &run, sizeof(run)) != sizeof(run))
			return 1;
	}
	return 0;
}
