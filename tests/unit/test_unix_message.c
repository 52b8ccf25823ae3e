/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/unix_message.c. */
#include "tests/unit/cmocka_head.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unix_message.h"

struct pair {
	int a, b;
};

static struct pair open_pair(void)
{
	int s[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s), 0);
	return (struct pair){s[0], s[1]};
}

static void close_pair(struct pair p)
{
	close(p.a);
	close(p.b);
}

static unsigned count_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void a_message_arrives_with_its_descriptors(void **state)
{
	(void)state;
	struct pair p = open_pair();
	int pipe_fds[2];
	char buf[16], byte;
	struct unix_message m;

	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(unix_message_send(p.a, "hello", 5, pipe_fds, 2), 0);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), 1);
	assert_int_equal(m.len, 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(m.n_fds, 2);
	assert_int_equal(m.pid, 0);
	assert_true(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(m.fds[1], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	int first = m.fds[0];
	unix_message_close_fds(&m);
	assert_int_equal(m.n_fds, 0);
	assert_int_equal(fcntl(first, F_GETFD), -1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close_pair(p);
}

static void a_closed_peer_is_told_on_both_sides(void **state)
{
	(void)state;
	struct pair p = open_pair();
	char buf[16];
	struct unix_message m;
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), -EAGAIN);
	close(p.a);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), 0);
	assert_int_equal(unix_message_send(p.b, "x", 1, NULL, 0), -EPIPE);
	close(p.b);
}

static void a_message_that_does_not_fit_is_refused_and_leaks_nothing(void **state)
{
	(void)state;
	struct pair p = open_pair();
	char buf[4];
	struct unix_message m;
	unsigned before = count_fds();
	int fds[] = {0, 1, 2};
	assert_int_equal(unix_message_send(p.a, "too long", 8, fds, 3), 0);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), -EMSGSIZE);
	assert_int_equal(count_fds(), before);
	/* the next one is not hurt */
	assert_int_equal(unix_message_send(p.a, "ok", 2, NULL, 0), 0);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), 1);
	close_pair(p);
}

static void more_descriptors_than_are_taken_are_refused(void **state)
{
	(void)state;
	struct pair p = open_pair();
	int fds[32] = {0};
	char buf[4], control[CMSG_SPACE(sizeof(fds))] = {0};
	struct unix_message m;
	unsigned before = count_fds();

	assert_int_equal(unix_message_send(p.a, "x", 1, fds, UNIX_MESSAGE_MAX_FDS + 1), -E2BIG);
	/* a peer that does not use our function */
	char payload = 'x';
	struct iovec iov = {&payload, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	assert_int_equal(sendmsg(p.a, &msg, 0), 1);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), -EMSGSIZE);
	assert_int_equal(count_fds(), before);

	/* just one too many fits into the room, and is refused all the same */
	c->cmsg_len = CMSG_LEN(sizeof(int) * (UNIX_MESSAGE_MAX_FDS + 1));
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * (UNIX_MESSAGE_MAX_FDS + 1));
	assert_int_equal(sendmsg(p.a, &msg, 0), 1);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), -EMSGSIZE);
	assert_int_equal(count_fds(), before);
	close_pair(p);
}

static void a_full_socket_says_so(void **state)
{
	(void)state;
	struct pair p = open_pair();
	char big[4096] = {0};
	int r = 0;
	for (int i = 0; i < 10000 && r == 0; i++)
		r = unix_message_send(p.a, big, sizeof(big), NULL, 0);
	assert_int_equal(r, -EAGAIN);
	close_pair(p);
}

static void the_kernel_attests_the_sender(void **state)
{
	(void)state;
	struct pair p = open_pair();
	char buf[4];
	int on = 1, status;
	struct unix_message m;
	assert_int_equal(setsockopt(p.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(unix_message_send(p.a, "me", 2, &p.a, 1) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(unix_message_receive(p.b, buf, sizeof(buf), &m), 1);
	assert_int_equal(m.pid, pid);
	assert_int_equal(m.uid, getuid());
	assert_int_equal(m.n_fds, 1);
	unix_message_close_fds(&m);
	close_pair(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_with_its_descriptors),
		cmocka_unit_test(a_closed_peer_is_told_on_both_sides),
		cmocka_unit_test(a_message_that_does_not_fit_is_refused_and_leaks_nothing),
		cmocka_unit_test(more_descriptors_than_are_taken_are_refused),
		cmocka_unit_test(a_full_socket_says_so),
		cmocka_unit_test(the_kernel_attests_the_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
