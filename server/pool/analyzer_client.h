/* SPDX-License-Identifier: Apache-2.0 */
/* The front's side of the conversation with the analyzer process: starts it, keeps it alive with a growing pause
 * between attempts, sends requests and hands each answer to the one who asked. Loop thread only. */
#ifndef SPVSCOPE_ANALYZER_CLIENT_H
#define SPVSCOPE_ANALYZER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/protocol.h"
#include "server/loop.h"
#include "server/pool/image.h"

struct analyzer_client;

struct program_files; /* server/pool/program_files.h */

struct analyzer_client_options {
	const char *path; /* NULL: there is none; copied */
	int manager_fd;   /* server/manager.h; -1: start it ourselves */
	const char *unwind_folder; /* where unwind tables are kept between runs; copied; NULL: nowhere */
	/* It came up or went away. Not called from within analyzer_client_new. */
	void (*changed)(void *arg);
	void *arg;
};

struct analyzer_client_state {
	bool starting;           /* may come up soon; worth a short wait */
	bool up;                 /* says that it can serve */
	bool tables_due;         /* the unwind tables of the newest template are being made; worth a short wait */
	uint32_t kinds;          /* bits 1<<kind; 0 unless up */
	uint32_t objects;        /* bits 1<<kind of what is loaded, which serves the other kind too where it is alone */
	uint64_t generation;     /* of the one that is up: 1, 2, …; 0 when none is */
	int registration_fd;     /* for the worker template; borrowed, -1 when none */
	const char *reason;      /* why it cannot serve and what mends that; NULL when up. Lives until the next change */
	uint64_t n_started;
	uint64_t attached_total, enabled_total; /* perf events, as the analyzer last told, over all generations */
	struct analyzer_costs costs; /* of the one that is up, as it last told; asked anew while tracepoints are attached */
};

/* message NULL: the analyzer went away. The callee may take the hand-over's descriptor; its data are there during the call. */
typedef void (*analyzer_answer_fn)(void *arg, const struct analyzer_message *message, struct analyzer_handover *handover);

int analyzer_client_new(struct loop *loop, const struct analyzer_client_options *o, struct analyzer_client **ret);
void analyzer_client_free(struct analyzer_client *a); /* ends the process; nobody is called */
void analyzer_client_state(const struct analyzer_client *a, struct analyzer_client_state *ret);

/* What the workers from now on have mapped: unwind tables of its files are made and handed to each analyzer that is up, now
 * or later. generation: of the template; the same again is no news. image NULL: nothing is known. */
void analyzer_client_set_image(struct analyzer_client *a, uint64_t generation, struct image *image);
/* The same of a program that workers may run, and of its libraries, in the background. The same again is no news. */
void analyzer_client_add_program(struct analyzer_client *a, const char *path);

/* The files that it has unwind tables of. Lives as long as a. */
struct program_files *analyzer_client_files(const struct analyzer_client *a);

struct analyzer_request {
	enum analyzer_message_type type;
	uint64_t session;
	int32_t pid;
	enum analyzer_kind kind;
	uint32_t frequency_hz;
	uint64_t image; /* ANALYZER_TABLE */
	uint64_t flags; /* ANALYZER_ATTACH */
};

/* fn is called exactly once, after this has returned 0; it may be NULL. -ENOTCONN when the analyzer is not up, -errno
 * when it does not take the message. */
int analyzer_client_request(struct analyzer_client *a, const struct analyzer_request *r, analyzer_answer_fn fn,
	void *arg);
/* Nobody with this arg waits any more. */
void analyzer_client_forget(struct analyzer_client *a, const void *arg);

#endif
