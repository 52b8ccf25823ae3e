/* SPDX-License-Identifier: Apache-2.0 */
/* The front's side of the analyzer's protocol, for tests. */
#include "tests/bpf/analyzer_front.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/unix_message.h"
#include "tests/unit/cmocka_head.h"

#define HEAD_BYTES      offsetof(struct analyzer_message, text)
#define ANSWER_LIMIT_MS 20000
#define NOBODY          65534
#define WORK_LIMIT_NS   (20ull * NS_PER_S)

/* By descriptor, so that a build folder which others may not enter is no hindrance. */
static _Noreturn void become_analyzer(int exe_fd, int control, bool as_nobody)
{
	char name[] = "spvscope-analyzer", option[] = "--control-fd=3";
	char *const argv[] = {name, option, NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (as_nobody && geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		_exit(126);
	if (dup2(control, 3) < 0)
		_exit(126);
	fexecve(exe_fd, argv, environ);
	_exit(127);
}

/* Short hand-overs come in the message: for the tests they are files too. */
static int as_file(const void *data, size_t len)
{
	int fd = memfd_create("samples", MFD_CLOEXEC);

	assert_int_equal(write(fd, data, len), len);
	return fd;
}

/* What comes unasked is passed by. */
static void receive(struct front *f, struct analyzer_message *ret, int *ret_fd)
{
	struct pollfd p = {.fd = f->socket, .events = POLLIN};
	struct {
		struct analyzer_message m;
		char handover[ANALYZER_HANDOVER_IN_MESSAGE_BYTES];
	} in;
	struct unix_message um;

	do {
		assert_int_equal(poll(&p, 1, ANSWER_LIMIT_MS), 1);
		memset(&in, 0, sizeof(in));
		assert_int_equal(unix_message_receive(f->socket, &in, sizeof(in), &um), 1);
	} while (in.m.type == ANALYZER_UNKNOWN_FILES);
	*ret = in.m;
	assert_true(um.len >= HEAD_BYTES && ret->text_len <= um.len - HEAD_BYTES);
	assert_int_equal(ret->version, ANALYZER_PROTOCOL_VERSION);
	assert_true(ret->text_len < sizeof(ret->text));
	assert_true(ret->handover_len <= um.len - HEAD_BYTES - ret->text_len);
	assert_true(!ret->handover_len || !um.n_fds);
	if (ret->type == ANALYZER_DETACHED && um.n_fds)
		assert_int_equal(fcntl(um.fds[0], F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	*ret_fd = um.n_fds ? um.fds[0] : ret->handover_len ? as_file(in.m.text + ret->text_len, ret->handover_len) : -1;
	ret->text[ret->text_len] = 0;
}

void front_start(struct front *f, bool as_nobody)
{
	int pair[2];
	_cleanup_fd_ int low_fd = open(ANALYZER_PATH, O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int exe_fd = fcntl(low_fd, F_DUPFD_CLOEXEC, 10);

	*f = (struct front){.next_session = 1};
	assert_true(exe_fd >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->socket = fcntl(pair[0], F_DUPFD_CLOEXEC, 10);
	fd_close(pair[0]);
	f->pid = fork();
	if (f->pid == 0)
		become_analyzer(exe_fd, pair[1], as_nobody);
	fd_close(pair[1]);
	assert_true(f->pid > 0);
	receive(f, &f->hello, &f->registration_fd);
	assert_int_equal(f->hello.type, ANALYZER_HELLO);
}

int front_end(struct front *f)
{
	int status = -1;

	f->socket = fd_close(f->socket);
	f->registration_fd = fd_close(f->registration_fd);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	return status;
}

static struct analyzer_message ask(struct front *f, struct analyzer_message m, int *ret_fd)
{
	struct analyzer_message answer;
	int fd = -1;

	m.version = ANALYZER_PROTOCOL_VERSION;
	assert_int_equal(unix_message_send(f->socket, &m, HEAD_BYTES, NULL, 0), 0);
	receive(f, &answer, &fd);
	assert_int_equal(answer.type, m.type - ANALYZER_ATTACH + ANALYZER_ATTACHED);
	assert_int_equal(answer.session, m.session);
	if (ret_fd)
		*ret_fd = fd;
	else
		fd_close(fd);
	return answer;
}

struct analyzer_message front_ask(struct front *f, uint32_t type, uint64_t session, pid_t pid, uint32_t kind,
	uint32_t frequency_hz, int *ret_fd)
{
	return ask(f, (struct analyzer_message){.type = type, .session = session, .pid = pid, .kind = kind,
		.frequency_hz = frequency_hz}, ret_fd);
}

int front_set_up(void **state)
{
	struct front *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	front_start(f, false);
	*state = f;
	return 0;
}

int front_tear_down(void **state)
{
	struct front *f = *state;
	int status = front_end(f);

	free(f);
	return status;
}

static void skip_because(const char *why)
{
	print_message("# skipped: %s\n", why);
	skip();
}

enum analyzer_kind front_need(const struct front *f)
{
	if (!f->hello.kinds)
		skip_because(f->hello.text);
	return f->hello.objects & 1u << ANALYZER_RELEASE ? ANALYZER_RELEASE : ANALYZER_DEBUG;
}

void front_need_object(const struct front *f, enum analyzer_kind object)
{
	front_need(f);
	/* One that is built and was not loaded is no reason to skip. */
	assert_int_equal(f->hello.objects & OBJECTS_BUILT, OBJECTS_BUILT);
	if (!(f->hello.objects & 1u << object))
		skip_because(object == ANALYZER_DEBUG ? "the debug object is not built" : "the release object is not built");
}

static uint64_t attach(struct front *f, pid_t pid, enum analyzer_kind kind, uint64_t flags)
{
	uint64_t session = f->next_session++;
	struct analyzer_message m = ask(f, (struct analyzer_message){.type = ANALYZER_ATTACH, .session = session, .pid = pid,
		.kind = kind, .frequency_hz = FRONT_FREQUENCY_HZ, .flags = flags}, NULL);

	if (m.error)
		print_message("# attach: %s\n", m.text);
	assert_int_equal(m.error, 0);
	assert_true(m.kind == kind || !(f->hello.objects & 1u << kind)); /* the other one serves where it is alone */
	return session;
}

uint64_t front_attach(struct front *f, pid_t pid, enum analyzer_kind kind)
{
	return attach(f, pid, kind, 0);
}

uint64_t front_attach_enabled(struct front *f, pid_t pid, enum analyzer_kind kind)
{
	return attach(f, pid, kind, ANALYZER_ATTACH_ENABLED);
}

struct analyzer_message front_must(struct front *f, uint32_t type, uint64_t session)
{
	struct analyzer_message m = front_ask(f, type, session, 0, 0, 0, NULL);

	assert_int_equal(m.error, 0);
	return m;
}

int front_send_table(struct front *f, uint64_t image, int table_fd, int image_fd)
{
	struct analyzer_message m = {.version = ANALYZER_PROTOCOL_VERSION, .type = ANALYZER_TABLE, .image = image};
	int fds[2] = {table_fd, image_fd}, fd = -1;
	struct analyzer_message answer;

	assert_int_equal(unix_message_send(f->socket, &m, HEAD_BYTES, fds, table_fd < 0 ? 0 : image_fd < 0 ? 1 : 2), 0);
	receive(f, &answer, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(answer.type, ANALYZER_TABLE_IS);
	assert_int_equal(answer.image, image);
	assert_true(!answer.error == !answer.text[0]);
	return answer.error;
}

int front_count_fds(struct front *f)
{
	char path[64];
	int n = 0;
	DIR *dir;

	front_must(f, ANALYZER_STATUS, 0); /* a session's descriptors are closed behind the answer to DETACH */
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)f->pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void burner_read_maps(struct burner *b)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)b->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	b->maps = malloc(64 << 10);
	assert_non_null(b->maps);
	b->maps_len = fread(b->maps, 1, 64 << 10, f);
	fclose(f);
}

static void start_program(struct burner *b, const struct front *f, bool registers, const char *path, const char *mode)
{
	int pipe_fds[2];
	char word[16], fd_text[16];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	b->pid = fork();
	if (b->pid == 0) {
		/* A descriptor of its own, which lives on through exec. */
		int fd = registers ? dup(f->registration_fd) : -1;
		snprintf(fd_text, sizeof(fd_text), "%d", fd);
		dup2(pipe_fds[1], STDOUT_FILENO);
		execl(path, "burner", fd_text, mode, NULL);
		_exit(127);
	}
	fd_close(pipe_fds[1]);
	assert_true(b->pid > 0);
	assert_int_equal(read(pipe_fds[0], word, sizeof(word)), 6);
	fd_close(pipe_fds[0]);
	burner_read_maps(b);
}

void burner_start(struct burner *b, const struct front *f, bool registers, const char *mode)
{
	start_program(b, f, registers, BURNER_PATH, mode);
}

void burner_start_bare(struct burner *b, const struct front *f, const char *mode)
{
	start_program(b, f, true, BURNER_BARE_PATH, mode);
}

void burner_work_for_ms(const struct burner *b, unsigned ms)
{
	const struct timespec nap = {.tv_nsec = 2000000};
	uint64_t limit_ns = clock_now_ns() + WORK_LIMIT_NS;
	struct timespec ts;
	clockid_t clock;
	uint64_t first_ns = 0;

	assert_int_equal(clock_getcpuclockid(b->pid, &clock), 0);
	for (uint64_t ns = 0; ns < first_ns + ms * (uint64_t)NS_PER_MS && clock_now_ns() < limit_ns; nanosleep(&nap, NULL)) {
		assert_int_equal(clock_gettime(clock, &ts), 0);
		ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
		first_ns = first_ns ?: ns;
	}
}

void burner_end(struct burner *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
	}
	free(b->maps);
	*b = (struct burner){0};
}

static size_t expected_size(const struct analyzer_record *at)
{
	const struct analyzer_sample *s = (const void *)at;
	const struct analyzer_death *d = (const void *)at;
	const struct analyzer_event *e = (const void *)at;
	const struct analyzer_off_cpu *o = (const void *)at;

	switch (at->type) {
	case ANALYZER_RECORD_SAMPLE: return sizeof(*s) + s->n_ips * sizeof(s->ips[0]);
	case ANALYZER_RECORD_DEATH: return sizeof(*d) + d->n_ips * sizeof(d->ips[0]);
	case ANALYZER_RECORD_EVENT: return sizeof(*e) + e->n_ips * sizeof(e->ips[0]);
	case ANALYZER_RECORD_OFF_CPU: return sizeof(*o) + o->n_ips * sizeof(o->ips[0]);
	case ANALYZER_RECORD_STOLEN: return sizeof(struct analyzer_stolen);
	case ANALYZER_RECORD_MAPPING: return sizeof(struct analyzer_mapping);
	default: return 0;
	}
}

void records_read(struct records *r, int fd)
{
	struct stat st;
	uint64_t last_ns = 0;

	*r = (struct records){0};
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	r->len = (size_t)st.st_size;
	r->data = malloc(r->len);
	assert_non_null(r->data);
	assert_int_equal(pread(fd, r->data, r->len, 0), r->len);
	fd_close(fd);
	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_sample *s = (const void *)at;
		assert_true(at->size % 8 == 0 && at->size <= (size_t)(r->data + r->len - (const char *)at));
		assert_int_equal(at->size, expected_size(at));
		assert_true(s->time_ns >= last_ns);
		last_ns = s->time_ns;
	}
}

void records_done(struct records *r)
{
	free(r->data);
	*r = (struct records){0};
}

const struct analyzer_record *records_next(const struct records *r, const struct analyzer_record *at)
{
	const char *next = at ? (const char *)at + at->size : r->data;
	return next < r->data + r->len ? (const struct analyzer_record *)next : NULL;
}
