/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/worker/descriptors.c and message.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/worker/descriptors.h"
#include "codegen/worker/message.h"

/* In a child: this program needs its own. */
static int close_in_a_child(const int *keep, size_t n)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		for (int fd = 3; fd < 30; fd++)
			dup2(0, fd);
		descriptors_close_all_but(keep, n);
		for (int fd = 0; fd < 40; fd++) {
			bool wanted = false;
			for (size_t i = 0; i < n; i++)
				wanted |= keep[i] == fd;
			if ((fcntl(fd, F_GETFD) >= 0) != wanted)
				_exit(fd + 1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void all_but_the_kept_ones_are_closed(void **state)
{
	(void)state;
	assert_int_equal(close_in_a_child((int[]){0, 1, 2}, 3), 0);
	assert_int_equal(close_in_a_child((int[]){29, 0, -1, 7, 8, 2, 1, 0}, 8), 0);
	assert_int_equal(close_in_a_child((int[]){5}, 1), 0);
	assert_int_equal(close_in_a_child((int[]){-1}, 1), 0);
}

static void sealed_bytes_are_whole_and_cannot_change(void **state)
{
	(void)state;
	char read_back[16] = "";
	_cleanup_strbuf_ struct strbuf bytes = {0};
	strbuf_puts(&bytes, "some bytes");
	_cleanup_fd_ int fd = descriptors_seal("test", &bytes);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, read_back, sizeof(read_back), 0), 10);
	assert_string_equal(read_back, "some bytes");
	assert_int_equal(descriptors_check_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	int pair[2];
	assert_int_equal(pipe(pair), 0);
	assert_true(descriptors_check_seals(pair[0], F_SEAL_WRITE) < 0);
	close(pair[0]);
	close(pair[1]);
}

static void messages_arrive_whole_and_bad_ones_do_not(void **state)
{
	(void)state;
	struct worker_message m = {.type = WORKER_WARM, .value = 3}, got;
	struct unix_message datagram;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(worker_message_send(pair[0], &m, "text", &pair[0], 1), 0);
	memset(&got, 0xAA, sizeof(got));
	assert_int_equal(worker_message_receive(pair[1], &got, &datagram), 1);
	assert_int_equal(got.value, 3);
	assert_int_equal(got.text_len, 4);
	assert_string_equal(got.text, "text"); /* zero behind it */
	assert_int_equal(datagram.n_fds, 1);
	unix_message_close_fds(&datagram);

	size_t head = offsetof(struct worker_message, text);
	assert_int_equal(send(pair[0], &m, head - 1, 0), head - 1);
	assert_int_equal(worker_message_receive(pair[1], &got, &datagram), -EBADMSG);
	m.text_len = 5;
	assert_int_equal(send(pair[0], &m, head + 4, 0), head + 4);
	assert_int_equal(worker_message_receive(pair[1], &got, &datagram), -EBADMSG);
	m.text_len = 0;
	m.version++;
	assert_int_equal(send(pair[0], &m, head, 0), head);
	assert_int_equal(worker_message_receive(pair[1], &got, &datagram), -EBADMSG);
	close(pair[0]);
	assert_int_equal(worker_message_receive(pair[1], &got, &datagram), 0);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_but_the_kept_ones_are_closed),
		cmocka_unit_test(sealed_bytes_are_whole_and_cannot_change),
		cmocka_unit_test(messages_arrive_whole_and_bad_ones_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
