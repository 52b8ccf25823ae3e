/* SPDX-License-Identifier: Apache-2.0 */
/* The front's one event loop: epoll, timers, and calls posted by other threads. Everything but loop_post belongs to the
 * thread that runs it. Callbacks may add and free any source, their own included. */
#ifndef SPVSCOPE_LOOP_H
#define SPVSCOPE_LOOP_H

#include <stdint.h>

struct loop;
struct loop_source; /* a watched descriptor or a timer */

typedef void (*loop_fd_fn)(void *arg, uint32_t epoll_events);
typedef void (*loop_fn)(void *arg);

int loop_new(struct loop **ret);
void loop_free(struct loop *l);
/* events as of epoll_ctl(2), level-triggered; fd stays the caller's and must outlive the source. 0 or -errno. */
int loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg, struct loop_source **ret);
/* Calls fn once at deadline_ns of CLOCK_MONOTONIC; the source stays until freed. loop_timer_set arms it again. */
int loop_timer(struct loop *l, uint64_t deadline_ns, loop_fn fn, void *arg, struct loop_source **ret);
int loop_timer_set(struct loop_source *s, uint64_t deadline_ns);
void loop_source_free(struct loop_source *s); /* takes NULL */
/* Called at the end of each turn of the loop, before it sleeps: for libraries with work of their own. Returns the
 * deadline by which it wants to be called again, UINT64_MAX for none. One only. */
void loop_set_before_sleep(struct loop *l, uint64_t (*fn)(void *arg), void *arg);
/* From any thread: fn runs on the loop's thread, in order of posting. 0 or -ENOMEM. */
int loop_post(struct loop *l, loop_fn fn, void *arg);
int loop_run(struct loop *l); /* until loop_quit */
void loop_quit(struct loop *l);

#endif
