/* SPDX-License-Identifier: Apache-2.0 */
/* The C++ runtime's own demangler behind a C function. Any thread. */
#include "bpf/demangle.h"

#include <cxxabi.h>

extern "C" char *demangle(const char *name)
{
	int status = 0;

	/* Without the prefix a plain "i" would be read as the type int. */
	if (name[0] != '_' || name[1] != 'Z')
		return nullptr;
	return abi::__cxa_demangle(name, nullptr, nullptr, &status);
}
