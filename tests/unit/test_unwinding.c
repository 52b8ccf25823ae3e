/* SPDX-License-Identifier: Apache-2.0 */
/* Which files tables are made of, and how often. This process is the one whose mappings are looked at. */
#include "tests/unit/cmocka_head.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/analyzer_types.h"
#include "server/loop.h"
#include "server/pool/unwinding.h"

#define QUIET_NS (300 * NS_PER_MS) /* no table for so long: there is none to come */

struct taker {
	struct loop *loop;
	struct unwinding *unwinding;
	struct loop_source *timer;
	unsigned n_tables;
};

static void on_quiet(void *arg)
{
	struct taker *t = arg;

	loop_quit(t->loop);
}

static void on_made(void *arg, uint64_t image, int *table_fd, int *image_fd)
{
	struct taker *t = arg;

	(void)image, (void)table_fd, (void)image_fd;
	t->n_tables++;
	loop_timer_set(t->timer, clock_now_ns() + QUIET_NS);
	unwinding_taken(t->unwinding);
}

static void on_ready(void *arg)
{
	(void)arg;
}

/* Tables that come of what is mapped just now. */
static unsigned look(struct taker *t)
{
	t->n_tables = 0;
	unwinding_add_process(t->unwinding, getpid());
	loop_timer_set(t->timer, clock_now_ns() + 2 * QUIET_NS);
	assert_int_equal(loop_run(t->loop), 0);
	return t->n_tables;
}

static void taker_init(struct taker *t)
{
	*t = (struct taker){0};
	assert_int_equal(loop_new(&t->loop), 0);
	assert_int_equal(loop_timer(t->loop, clock_now_ns() + QUIET_NS, on_quiet, t, &t->timer), 0);
	assert_int_equal(unwinding_new(t->loop, NULL, on_made, on_ready, t, &t->unwinding), 0);
}

static void taker_done(struct taker *t)
{
	unwinding_free(t->unwinding);
	loop_source_free(t->timer);
	loop_free(t->loop);
}

static void copy_program(const char *path)
{
	_cleanup_fd_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	off_t size = lseek(from, 0, SEEK_END), at = 0;

	while (at < size)
		assert_true(sendfile(to, from, &at, (size_t)(size - at)) > 0);
}

static void *map_code(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static void a_file_is_made_once_and_again_when_it_has_changed(void **state)
{
	char folder[] = "/tmp/unwinding-XXXXXX", path[64];
	struct taker t;
	void *at;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/program", folder);
	taker_init(&t);
	assert_true(look(&t) > 3);
	assert_int_equal(look(&t), 0);
	copy_program(path);
	at = map_code(path);
	assert_int_equal(look(&t), 1);
	copy_program(path); /* the same file, by its number */
	assert_int_equal(look(&t), 1);
	assert_int_equal(look(&t), 0);
	unwinding_again(t.unwinding); /* whoever had them is gone */
	assert_true(look(&t) > 4);
	taker_done(&t);
	munmap(at, 4096);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* The analyzer has room for so many tables, and gives up the oldest. They must come again when a process has them. */
static void what_the_analyzer_had_no_room_for_comes_again(void **state)
{
	enum { ROUNDS = 6, FILES = 200 };
	_Static_assert(ROUNDS * FILES > ANALYZER_IMAGES, "more than there is room for");
	char folder[] = "/tmp/unwinding-XXXXXX", path[64];
	void *at[FILES];
	struct taker t;
	unsigned n_own;

	(void)state;
	assert_non_null(mkdtemp(folder));
	taker_init(&t);
	n_own = look(&t);
	for (unsigned i = 0; i < ROUNDS * FILES; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		copy_program(path);
		at[i % FILES] = map_code(path);
		if ((i + 1) % FILES)
			continue;
		assert_in_range(look(&t), FILES, FILES + n_own); /* once the room is full, what is our own too */
		for (unsigned k = 0; k < FILES; k++)
			munmap(at[k], 4096);
	}
	snprintf(path, sizeof(path), "%s/0", folder);
	at[0] = map_code(path);
	assert_in_range(look(&t), 1, 1 + n_own);
	munmap(at[0], 4096);
	taker_done(&t);
	for (unsigned i = 0; i < ROUNDS * FILES; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_made_once_and_again_when_it_has_changed),
		cmocka_unit_test(what_the_analyzer_had_no_room_for_comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
