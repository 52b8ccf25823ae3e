/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the front against the real analyzer binary, and starts burners for it. For tests; one thread. Everything that
 * cannot go on fails the running test. */
#ifndef SPVSCOPE_TESTS_ANALYZER_FRONT_H
#define SPVSCOPE_TESTS_ANALYZER_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/protocol.h"

struct front {
	pid_t pid; /* of the analyzer */
	int socket, registration_fd;
	uint64_t next_session;
	uint64_t n_images; /* numbers that were given away */
	struct analyzer_message hello;
};

/* as_nobody: without any privilege. */
void front_start(struct front *f, bool as_nobody);
/* Closes the socket and returns the analyzer's wait status. */
int front_end(struct front *f);
/* One message and its answer, which is checked to be of the right type and session. *ret_fd: the caller's, -1 if none. */
struct analyzer_message front_ask(struct front *f, uint32_t type, uint64_t session, pid_t pid, uint32_t kind,
	uint32_t frequency_hz, int *ret_fd);
/* Hands over an image's unwind table under this number; image_fd -1: of the vDSO. Returns the answer's errno. */
int front_send_table(struct front *f, uint64_t image, int table_fd, int image_fd);
/* Descriptors that the analyzer has open; -1 when that is not for us to see. */
int front_count_fds(struct front *f);

/* ---- for most tests ---- */

#define FRONT_FREQUENCY_HZ 4999

/* A front of its own for a test, which finds it in *state. */
int front_set_up(void **state);
int front_tear_down(void **state);
#define with_front(test) cmocka_unit_test_setup_teardown(test, front_set_up, front_tear_down)

/* The running test is left when this machine or user cannot analyze at all, or not by that object. */
enum analyzer_kind front_need(const struct front *f); /* release, or what there is instead */
void front_need_object(const struct front *f, enum analyzer_kind object);
/* What must succeed: a session at FRONT_FREQUENCY_HZ, and any other request. */
uint64_t front_attach(struct front *f, pid_t pid, enum analyzer_kind kind);
uint64_t front_attach_enabled(struct front *f, pid_t pid, enum analyzer_kind kind); /* as the real front does */
struct analyzer_message front_must(struct front *f, uint32_t type, uint64_t session);

/* ---- what is analyzed ---- */

struct burner {
	pid_t pid;
	char *maps; /* the text of its maps, owned */
	size_t maps_len;
};

void burner_start(struct burner *b, const struct front *f, bool registers, const char *mode);
/* The same built without frame pointers. */
void burner_start_bare(struct burner *b, const struct front *f, const char *mode);
/* For one that was started otherwise. */
void burner_read_maps(struct burner *b);
/* Waits until it has had a CPU for that long, however busy the machine is; gives up after 20 s. */
void burner_work_for_ms(const struct burner *b, unsigned ms);
void burner_end(struct burner *b);

/* The records of a hand-over, checked to be well-formed and in the order of time. */
struct records {
	char *data; /* owned */
	size_t len;
};

void records_read(struct records *r, int fd); /* takes fd */
void records_done(struct records *r);
/* Walks: NULL gives the first, NULL is behind the last. */
const struct analyzer_record *records_next(const struct records *r, const struct analyzer_record *at);

#endif
