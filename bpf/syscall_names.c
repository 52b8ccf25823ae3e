/* SPDX-License-Identifier: Apache-2.0 */
/* Names of system calls, as the headers had them that this was built with. Pure. */
#include "bpf/syscall_names.h"

#include "base/cleanup.h"

static const char *const names[] = {
#include "syscall_names.inc"
};

const char *syscall_name(unsigned number)
{
	return number < ARRAY_SIZE(names) ? names[number] : NULL;
}
