/* SPDX-License-Identifier: Apache-2.0 */
/* The worker template: warms the compilers, forks workers, and tells of their ends. */
#ifndef SPVSCOPE_WORKER_TEMPLATE_H
#define SPVSCOPE_WORKER_TEMPLATE_H

/* Serves control_fd until the front closes it; 0 then, with all workers killed. Closes every other descriptor but 0-2
 * first. -errno when it cannot be served. The process must have one thread. */
int template_run(int control_fd);

#endif
