/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand attaches while workers die at random: nothing may be left behind, in the process or in the kernel. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

#define N_ATTACHES   10000
#define N_WORKERS    4
#define IDS_MAX      64

/* What the analyzer holds of the kernel's. */
struct holdings {
	int fds, programs, maps, links, perf_events;
	uint32_t program_ids[IDS_MAX], map_ids[IDS_MAX], link_ids[IDS_MAX];
};

static void note_id(const struct front *f, const char *fd, const char *key, uint32_t ids[IDS_MAX], int *n)
{
	char path[320], line[128];
	FILE *info;
	size_t len = strlen(key);

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)f->pid, fd);
	info = fopen(path, "re");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info))
		if (strncmp(line, key, len) == 0 && *n < IDS_MAX)
			ids[*n] = (uint32_t)strtoul(line + len, NULL, 10);
	fclose(info);
	++*n;
}

/* False: they are not for us to see. */
static bool count_holdings(const struct front *f, struct holdings *ret)
{
	char path[320], what[64];
	DIR *dir;

	*ret = (struct holdings){0};
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)f->pid);
	dir = opendir(path);
	if (!dir)
		return false;
	for (const struct dirent *e; (e = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)f->pid, e->d_name);
		ssize_t n = readlink(path, what, sizeof(what) - 1);
		if (n < 0)
			continue;
		what[n] = 0;
		ret->fds++;
		if (strstr(what, "bpf-prog"))
			note_id(f, e->d_name, "prog_id:", ret->program_ids, &ret->programs);
		else if (strstr(what, "bpf-map"))
			note_id(f, e->d_name, "map_id:", ret->map_ids, &ret->maps);
		else if (strstr(what, "bpf_link") || strstr(what, "bpf-link"))
			note_id(f, e->d_name, "link_id:", ret->link_ids, &ret->links);
		else if (strstr(what, "perf_event"))
			ret->perf_events++;
	}
	closedir(dir);
	return ret->programs > 0;
}

static unsigned still_there(const uint32_t *ids, int n, int (*fd_by_id)(uint32_t id))
{
	unsigned there = 0;

	for (int i = 0; i < n && i < IDS_MAX; i++) {
		int fd = fd_by_id(ids[i]);
		there += fd >= 0;
		fd_close(fd);
	}
	return there;
}

/* The kernel frees programs and maps some moments after their last holder is gone. */
static unsigned leftovers(const struct holdings *h)
{
	unsigned n = 1;

	for (unsigned tries = 0; n && tries < 200; tries++) {
		n = still_there(h->program_ids, h->programs, bpf_prog_get_fd_by_id) +
		    still_there(h->map_ids, h->maps, bpf_map_get_fd_by_id) +
		    still_there(h->link_ids, h->links, bpf_link_get_fd_by_id);
		if (n)
			usleep(10000);
	}
	return n;
}

/* The front's part as it may go wrong: what a dead worker answers is no failure of the test. */
static void attach_once(struct front *f, struct burner *worker, unsigned n, bool kills)
{
	uint64_t session = f->next_session++;
	enum analyzer_kind kind = n % 16 == 0 ? ANALYZER_DEBUG : ANALYZER_RELEASE;
	struct analyzer_message m = front_ask(f, ANALYZER_ATTACH, session, worker->pid, kind, FRONT_FREQUENCY_HZ, NULL);

	assert_int_equal(m.error, 0);
	if (n % 3)
		front_ask(f, ANALYZER_ENABLE, session, 0, 0, 0, NULL);
	if (kills && n % 2)
		kill(worker->pid, SIGKILL);
	if (n % 5)
		front_ask(f, ANALYZER_DISABLE, session, 0, 0, 0, NULL);
	if (kills && n % 2 == 0)
		kill(worker->pid, SIGKILL);
	assert_int_equal(front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, NULL).error, 0);
}

static void ten_thousand_attaches_and_murdered_workers_leave_nothing(void **state)
{
	struct front f;
	struct burner workers[N_WORKERS];
	struct holdings before, after;
	unsigned n_killed = 0;
	uint64_t random = 88172645463325252u; /* the same each time */

	(void)state;
	front_start(&f, false);
	if (!f.hello.kinds) {
		print_message("# skipped: %s\n", f.hello.text);
		front_end(&f);
		skip();
	}
	for (unsigned i = 0; i < N_WORKERS; i++)
		burner_start(&workers[i], &f, true, i % 2 ? "fork" : "burn");
	for (unsigned n = 0; n < 2; n++) /* with debug and without: what lingers is attached now */
		attach_once(&f, &workers[0], n, false);
	front_must(&f, ANALYZER_STATUS, 0); /* what a session held is let go behind the answer to DETACH */
	if (!count_holdings(&f, &before)) {
		print_message("# skipped: what another user's process has open is not for us to see\n");
		front_end(&f);
		skip();
	}
	for (unsigned n = 0; n < N_ATTACHES; n++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		struct burner *worker = &workers[random % N_WORKERS];
		bool kills = (random >> 32) % 100 == 0;

		attach_once(&f, worker, n, kills);
		if (kills) {
			burner_end(worker);
			burner_start(worker, &f, true, n % 2 ? "fork" : "burn");
			n_killed++;
		}
	}
	for (unsigned i = 0; i < N_WORKERS; i++)
		burner_end(&workers[i]);
	/* So that those who died are noticed. */
	struct analyzer_message status = front_ask(&f, ANALYZER_STATUS, 0, 0, 0, 0, NULL);
	front_ask(&f, ANALYZER_ATTACH, f.next_session++, 1, ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_true(count_holdings(&f, &after));
	print_message("# %" PRIu64 " attaches, %u workers killed; descriptors %d before, %d after; programs %d, %d; maps %d, %d; "
		"links %d, %d; perf events %d, %d\n", status.attached_total, n_killed, before.fds, after.fds, before.programs,
		after.programs, before.maps, after.maps, before.links, after.links, before.perf_events, after.perf_events);
	assert_int_equal(status.sessions, 0);
	assert_true(n_killed > 20);
	assert_int_equal(after.programs, before.programs);
	assert_int_equal(after.maps, before.maps);
	assert_int_equal(after.links, before.links);
	assert_int_equal(after.perf_events, before.perf_events);
	/* One pidfd for each living worker, and there are none any more. */
	assert_true(after.fds <= before.fds);
	assert_int_equal(front_end(&f), 0);
	assert_int_equal(leftovers(&after), 0);
}

static void an_analyzer_that_is_killed_while_it_analyzes_leaves_nothing(void **state)
{
	struct front f;
	struct burner b;
	struct holdings h;
	bool seen;

	(void)state;
	front_start(&f, false);
	if (!f.hello.kinds) {
		front_end(&f);
		skip();
	}
	burner_start(&b, &f, true, "fork");
	front_ask(&f, ANALYZER_ATTACH, 1, b.pid, ANALYZER_DEBUG, FRONT_FREQUENCY_HZ, NULL);
	front_ask(&f, ANALYZER_ENABLE, 1, 0, 0, 0, NULL);
	seen = count_holdings(&f, &h);
	kill(f.pid, SIGKILL);
	front_end(&f);
	if (seen) {
		assert_true(h.links >= 3 && h.perf_events >= 2);
		assert_int_equal(leftovers(&h), 0);
	}
	assert_int_equal(kill(b.pid, 0), 0); /* the worker goes on */
	burner_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_attaches_and_murdered_workers_leave_nothing),
		cmocka_unit_test(an_analyzer_that_is_killed_while_it_analyzes_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
