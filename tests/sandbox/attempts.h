/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined worker tries: deeds, and what must become of each. The deeds run in children of a test. */
#ifndef SPVSCOPE_TESTS_ATTEMPTS_H
#define SPVSCOPE_TESTS_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

/* What they are tried on; the test fills them. */
extern int a_pair[2];     /* connected, opened before confinement */
extern int a_result;      /* memfd, opened before confinement in each child */
extern pid_t the_parent;  /* the test, of the children that try */
extern char a_file[];     /* a template for mkstemp at first */

/* What an attempt came to. */
enum outcome { DONE, REFUSED, KILLED };

/* Returns 0 when it was done, or the errno of its refusal. */
typedef int (*attempt_fn)(void);

struct attempt {
	const char *name;
	attempt_fn f;
	enum outcome expected;  /* under the whole sandbox */
	bool landlock_too;      /* refused by Landlock alone as well, from the version below on */
	int landlock_abi;
};

extern const struct attempt attempts[];
extern const size_t n_attempts;

/* Those of the table that a test tries by themselves. */
int open_passwd(void);
int open_for_writing(void);
int look_at_a_file(void);
int open_a_socket(void);
int make_a_socket_pair(void);
int execute(void);
int kill_the_parent(void);
int make_code(void);
int run_out_of_memory_and_on(void);

#endif
