/* SPDX-License-Identifier: Apache-2.0 */
/* Structs that cross the border between a program and a library that were built at different times. Each begins with its
 * size; what one side does not know is zero for the other. Any thread. */
#include <errno.h>
#include <string.h>

#include "bpf/library/private.h"

int library_take_opts(void *to, size_t size, const void *given)
{
	size_t theirs;

	if (!given)
		return 0;
	memcpy(&theirs, given, sizeof(theirs));
	if (theirs < sizeof(theirs))
		return -EINVAL;
	for (size_t i = size; i < theirs; i++)
		if (((const char *)given)[i])
			return -E2BIG;
	memcpy(to, given, theirs < size ? theirs : size);
	return 0;
}

int library_give_struct(void *given, const void *from, size_t size)
{
	size_t theirs;

	if (!given)
		return -EINVAL;
	memcpy(&theirs, given, sizeof(theirs));
	if (theirs < sizeof(theirs))
		return -EINVAL;
	if (theirs > size)
		memset((char *)given + size, 0, theirs - size);
	memcpy((char *)given + sizeof(theirs), (const char *)from + sizeof(theirs),
		(theirs < size ? theirs : size) - sizeof(theirs));
	return 0;
}
