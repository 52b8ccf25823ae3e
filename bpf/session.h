/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: one request's analysis of one worker, from its perf event and its slot in the object's shared memory to the
 * records that are handed over. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_SESSION_H
#define SPVSCOPE_ANALYZER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/load.h"
#include "bpf/protocol.h"

struct sessions;

#define SESSION_ALONE   1u /* who is forked is not followed */
#define SESSION_AT_EXEC 2u /* the first ENABLE holds from the next exec on */
#define SESSION_ENABLED 4u /* it begins enabled, which costs less than session_enable does */

/* objects: by the names ANALYZER_RELEASE and ANALYZER_DEBUG, NULL where not loaded; borrowed, at least one is there.
 * 0, or -errno with the reason in text. */
int sessions_new(struct object *const objects[3], struct sessions **ret, char *text, size_t size);
void sessions_free(struct sessions *s);

/* The unwind table of an image, for whatever has it mapped; as images_load and images_has. */
int sessions_load_table(struct sessions *s, uint64_t image, int table_fd, int image_fd);
bool sessions_has_table(struct sessions *s, int image_fd);
/* A process of a session that has mapped code of files without a table since it was told last; 0: none. */
pid_t sessions_take_unknown(struct sessions *s);
/* Opens the event on the task behind pidfd. thread_context: as the worker registered it. flags: SESSION_….
 * 0 or -errno with the reason in text; fills *ret_kind with what serves it. */
int session_attach(struct sessions *s, uint64_t id, pid_t pid, int pidfd, enum analyzer_kind kind,
	uint32_t frequency_hz, int64_t thread_context, uint32_t flags, enum analyzer_kind *ret_kind, char *text, size_t size);
/* Adds a thread that was there before; with a pidfd, which stays the caller's, the process that it is the first thread of
 * joins the session. same_program: as the session's own process. 0, -ENOENT, -EEXIST when it was forked into the session
 * meanwhile, -ESRCH when it has ended, -errno. */
int session_add(struct sessions *s, uint64_t id, pid_t tid, int pidfd, bool same_program);
/* Brackets of one profiled run; the time is read outside of it. After session_disable no sample is taken. */
int session_enable(struct sessions *s, uint64_t id, uint64_t *ret_time_ns);
int session_disable(struct sessions *s, uint64_t id, uint64_t *ret_time_ns);
/* What was gathered until now, which is then no more gathered (bpf/gather.h, gather_take). */
int session_take(struct sessions *s, uint64_t id, char **ret_data, size_t *ret_len);
/* What has been counted until now; of what was taken `lost`, `results` and `on_cpu_ns` alone tell. 0 or -ENOENT. */
int session_counters(struct sessions *s, uint64_t id, struct analyzer_counters *ret);
/* Ends it: nothing more is taken. The hand-over's data are the session's, its descriptor is the caller's. What it holds of
 * the kernel is let go by session_release, which is to follow at once; whoever waits for the hand-over need not wait for
 * that. 0 or -ENOENT; else the hand-over could not be made, and the session has ended all the same. */
int session_finish(struct sessions *s, uint64_t id, struct analyzer_counters *ret_counters, struct analyzer_handover *ret);
void session_release(struct sessions *s, uint64_t id);

/* Does what is due (empties the rings, takes idle tracepoints away) and returns the milliseconds until it must be called
 * again, -1 for never. */
int sessions_tend(struct sessions *s);

struct sessions_totals {
	uint32_t attached_now;
	uint64_t attached, enabled;
	struct analyzer_counters counters; /* of all sessions that have ended */
};
const struct sessions_totals *sessions_totals(const struct sessions *s);
void sessions_costs(const struct sessions *s, struct analyzer_costs *ret);
/* "cpu-clock" or "cycles". */
const char *sessions_sampler(const struct sessions *s);

#endif
