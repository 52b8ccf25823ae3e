/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a debug event, one function a kind. Analyzer process, main thread. */
#include "bpf/event_text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/cleanup.h"

static const char *const syscall_names[] = {
#include "syscall_names.inc"
};

/* x86: bits of the page fault's error code; other machines have no such tracepoint yet. */
#define FAULT_PRESENT     1u
#define FAULT_WRITE       2u
#define FAULT_INSTRUCTION 16u

void duration_text(uint64_t ns, char *text, size_t size)
{
	static const struct {
		uint64_t below_ns;
		double ns;
		const char *unit;
	} units[] = {
		{1000000, 1e3, "µs"},
		{1000000000, 1e6, "ms"},
		{UINT64_MAX, 1e9, "s"},
	};
	size_t i = 0;

	if (ns < 1000) {
		snprintf(text, size, "%" PRIu64 " ns", ns);
		return;
	}
	while (ns >= units[i].below_ns && i < ARRAY_SIZE(units) - 1)
		i++;
	snprintf(text, size, "%.1f %s", (double)ns / units[i].ns, units[i].unit);
}

static void page_fault_text(const struct ring_event *e, char *text, size_t size)
{
	uint64_t code = e->args[1];
	const char *access = code & FAULT_INSTRUCTION ? "execute" : code & FAULT_WRITE ? "write" : "read";
	const char *where = e->text[0] ? e->text : e->args[2] ? "anonymous memory" : "no known mapping";

	snprintf(text, size, "%s of 0x%" PRIx64 ": %s, %s", access, (uint64_t)e->args[0], where,
		code & FAULT_PRESENT ? "the page was there but not for this access" : "the page was not there");
}

static void syscall_text(const struct ring_event *e, char *text, size_t size)
{
	uint64_t number = e->args[0];
	int64_t returned = (int64_t)e->args[1];
	const char *known = number < ARRAY_SIZE(syscall_names) ? syscall_names[number] : NULL;
	char name[32], took[DURATION_TEXT_SIZE];

	duration_text(e->args[2], took, sizeof(took));
	if (known)
		snprintf(name, sizeof(name), "%s", known);
	else
		snprintf(name, sizeof(name), "system call %" PRIu64, number);
	if (returned < 0 && returned >= -4095)
		snprintf(text, size, "%s: %s after %s", name, strerrordesc_np((int)-returned) ?: "an error", took);
	else if (returned > 0xFFFFFFFF)
		snprintf(text, size, "%s returned 0x%" PRIx64 " after %s", name, (uint64_t)returned, took);
	else
		snprintf(text, size, "%s returned %" PRId64 " after %s", name, returned, took);
}

static void wakeup_text(const struct ring_event *e, char *text, size_t size)
{
	char who[80];

	if (e->args[0])
		snprintf(who, sizeof(who), "pid %" PRIu64 ", thread %" PRIu64, (uint64_t)e->args[0], (uint64_t)e->args[1]);
	else
		snprintf(who, sizeof(who), "outside of our processes");
	if (strncmp(e->text, "swapper", 7) == 0)
		snprintf(text, size, "woken by an interrupt on an idle CPU");
	else if (e->args[2])
		snprintf(text, size, "woken by %s (%s)", e->text, who);
	else
		snprintf(text, size, "woken by %s (%s), or by an interrupt that came upon it", e->text, who);
}

static void mapping_text(const struct ring_event *e, char *text, size_t size)
{
	static const char *const changes[] = {
		[ANALYZER_MAPPING_MADE] = "mapped",
		[ANALYZER_MAPPING_REMOVED] = "unmapped",
		[ANALYZER_MAPPING_PROTECTED] = "protected",
	};
	uint32_t change = (uint32_t)e->args[0], use = (uint32_t)(e->args[0] >> 32);
	const char *what = change < ARRAY_SIZE(changes) ? changes[change] : NULL;
	char rights[32] = "";

	if (change != ANALYZER_MAPPING_REMOVED)
		snprintf(rights, sizeof(rights), ", %s%s%s%s", use & PROT_READ ? "r" : "-", use & PROT_WRITE ? "w" : "-",
			use & PROT_EXEC ? "x" : "-", use & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC) ? "+" : "");
	snprintf(text, size, "%s 0x%" PRIx64 ", %" PRIu64 " bytes of %s%s", what ? what : "changed", (uint64_t)e->args[1],
		(uint64_t)e->args[2], e->text[0] ? e->text : "anonymous memory", rights);
}

static void fork_text(const struct ring_event *e, char *text, size_t size)
{
	bool is_thread = e->args[0] == e->head.pid;

	snprintf(text, size, "%s %" PRIu64, is_thread ? "started thread" : "forked process",
		(uint64_t)(is_thread ? e->args[1] : e->args[0]));
}

static void exec_text(const struct ring_event *e, char *text, size_t size)
{
	snprintf(text, size, "became %s", e->text);
}

static void exit_text(const struct ring_event *e, char *text, size_t size)
{
	int status = (int)e->args[0];
	const char *who = e->args[1] ? "the process" : "the thread";

	if (WIFSIGNALED(status))
		snprintf(text, size, "%s was ended by SIG%s", who, sigabbrev_np(WTERMSIG(status)) ?: "?");
	else
		snprintf(text, size, "%s exited with %d", who, WEXITSTATUS(status));
}

static const struct {
	const char *name;
	void (*text)(const struct ring_event *e, char *text, size_t size);
} event_kinds[] = {
	[ANALYZER_EVENT_PAGE_FAULT] = {"page-fault", page_fault_text},
	[ANALYZER_EVENT_SYSCALL] = {"syscall", syscall_text},
	[ANALYZER_EVENT_WAKEUP] = {"wake-up", wakeup_text},
	[ANALYZER_EVENT_FORK] = {"fork", fork_text},
	[ANALYZER_EVENT_EXEC] = {"exec", exec_text},
	[ANALYZER_EVENT_EXIT] = {"exit", exit_text},
	[ANALYZER_EVENT_MAPPING] = {"mapping", mapping_text},
};

void event_text(const struct ring_event *from, struct analyzer_event *to)
{
	if (from->kind >= ARRAY_SIZE(event_kinds) || !event_kinds[from->kind].text) {
		snprintf(to->name, sizeof(to->name), "unknown");
		return;
	}
	snprintf(to->name, sizeof(to->name), "%s", event_kinds[from->kind].name);
	event_kinds[from->kind].text(from, to->text, sizeof(to->text));
}
