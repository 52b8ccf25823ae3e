/* SPDX-License-Identifier: Apache-2.0 */
/* Where C++ exceptions end. Runs in the worker, on the compiling thread. */
#include "codegen/guard.h"

#include <cerrno>
#include <new>

int codegen_guarded(int (*f)(void *ctx), void *ctx)
{
	try {
		return f(ctx);
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (...) {
		return -EPROTO;
	}
}
