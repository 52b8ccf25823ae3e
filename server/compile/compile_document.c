/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of an editor's document: the newest wins, and the older ones are answered as cancelled. Runs on the loop's
 * thread. */
#include <string.h>

#include "base/clock.h"
#include "server/compile/compile_private.h"

#define LINGER_NS (250 * NS_PER_MS) /* for a compile that is outdated to end by itself */

static bool same_document(const struct compile_request *a, const struct compile_request *b)
{
	return a->document.uri && b->document.uri && strcmp(a->document.uri, b->document.uri) == 0 &&
	       strcmp(a->document.session ? a->document.session : "", b->document.session ? b->document.session : "") == 0;
}

/* There is a newer version, so it is answered. Its worker is left to end by itself for a while: a worker that is killed
 * has to be forked anew, and a compile in one that has run nothing takes half as long again, for the memory that it must
 * copy. So of two workers that are typed at, each stays warm, and the newest version waits half a compile at the most. */
static void outdate(struct compile *c)
{
	uint64_t now_ns = clock_now_ns(), end_ns = now_ns + LINGER_NS;

	if (c->state != COMPILE_RUNNING || c->followers || c->service->o.n_workers < 2 || c->a.keep ||
	    c->a.request.analyzer.kind != ANALYZER_OFF) {
		compile_cancel(c, false);
		return;
	}
	c->lingers = true;
	compile_cache_stop_leading(c);
	if (end_ns < c->a.runs[0].sent_ns + c->a.request.wall_ms * NS_PER_MS)
		loop_timer_set(c->timer, end_ns);
	compile_answer_cancelled(c);
}

/* The newest version of a document wins, in whatever order they arrive. */
void compile_supersede(struct compile *c)
{
	struct compile *other, *next;
	bool outdated = false;

	if (!c->a.request.document.uri)
		return;
	for (other = c->service->compiles; other; other = next) {
		next = other->next;
		if (other == c || other->answered || !same_document(&c->a.request, &other->a.request))
			continue;
		if (other->a.request.document.version < c->a.request.document.version)
			outdate(other);
		else if (other->a.request.document.version > c->a.request.document.version)
			outdated = true;
	}
	if (outdated)
		compile_cancel(c, false);
}
