/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be analyzed: the processes that said so themselves over the registration socket, which only our workers
 * inherit. The kernel attests the sender, and each is held by a pidfd, so that a pid number that comes round is another
 * process. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_REGISTRATION_H
#define SPVSCOPE_ANALYZER_REGISTRATION_H

#include <stdint.h>
#include <sys/types.h>

#define REGISTRATION_MAX 1024 /* workers alive at a time */

struct registry;

int registry_new(struct registry **ret);
void registry_free(struct registry *r);
/* The end that is handed on to the workers; owned by the registry. */
int registry_worker_socket(const struct registry *r);
/* Readable when there is something to take in: new registrations, workers that died. For epoll. */
int registry_event_fd(const struct registry *r);
/* Takes in what has arrived, without waiting. */
void registry_update(struct registry *r);
/* A pidfd of the registered, living process; owned by the registry. -EPERM: none of ours; -ESRCH: it is dead. */
int registry_find(struct registry *r, pid_t pid);
/* Calls fn for each living helper of the worker that registry_find found; the pidfd stays the registry's. */
typedef void (*registry_helper_fn)(void *arg, pid_t pid, int pidfd);
void registry_each_helper(struct registry *r, pid_t worker_pid, registry_helper_fn fn, void *arg);
/* What registry_find found says of its thread context (bpf/protocol.h), unchecked; 0: it has none. */
int64_t registry_thread_context(const struct registry *r, pid_t pid);
/* False once the process behind the pidfd has ended. */
int pidfd_is_alive(int pidfd);

#endif
