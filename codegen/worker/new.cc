/* SPDX-License-Identifier: Apache-2.0 */
/* The operators new and delete over the executable's malloc, so that what C++ takes is counted as the rest is, and a refusal is
 * std::bad_alloc: those that come with mimalloc end the process. Runs on any thread of the template and the workers. */
#include <cstdlib>
#include <new>

static void *get(std::size_t size)
{
	if (void *p = std::malloc(size))
		return p;
	throw std::bad_alloc();
}

static void *get(std::size_t size, std::align_val_t alignment)
{
	void *p;

	if (posix_memalign(&p, static_cast<std::size_t>(alignment), size) == 0)
		return p;
	throw std::bad_alloc();
}

void *operator new(std::size_t n) { return get(n); }
void *operator new[](std::size_t n) { return get(n); }
void *operator new(std::size_t n, std::align_val_t a) { return get(n, a); }
void *operator new[](std::size_t n, std::align_val_t a) { return get(n, a); }
void *operator new(std::size_t n, const std::nothrow_t &) noexcept { return std::malloc(n); }
void *operator new[](std::size_t n, const std::nothrow_t &) noexcept { return std::malloc(n); }

void operator delete(void *p) noexcept { std::free(p); }
void operator delete[](void *p) noexcept { std::free(p); }
void operator delete(void *p, std::size_t) noexcept { std::free(p); }
void operator delete[](void *p, std::size_t) noexcept { std::free(p); }
void operator delete(void *p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void *p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void *p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void *p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void *p, const std::nothrow_t &) noexcept { std::free(p); }
void operator delete[](void *p, const std::nothrow_t &) noexcept { std::free(p); }
