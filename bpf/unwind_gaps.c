/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for well-known code without rules, by its very bytes, and the mending of .eh_frame_hdr. */
#include "bpf/unwind_gaps.h"

#include <string.h>

#include "base/cleanup.h"

#define STUB_BYTES   16
#define EMPTY_MAX    64  /* functions without a byte, at one address */
#define DTORS_MAX    96  /* bytes of the function that runs destructors */
#define HDR_ENCODING "\x01\x1b\x03\x3b" /* version; relative to itself, unsigned, relative to the section: as all linkers do */

enum gap_kind {
	GAP_LAZY_STUBS, /* .plt: each pushes its number for the first, which finds the function */
	GAP_STUBS,      /* .plt.sec, .plt.got: a jump each */
	GAP_START_FILE, /* .init, .fini: put together of pieces, so that nobody could write rules */
};

static const struct {
	const char *name;
	enum gap_kind kind;
} gap_sections[] = {
	{".plt", GAP_LAZY_STUBS}, {".plt.sec", GAP_STUBS}, {".plt.got", GAP_STUBS}, {".init", GAP_START_FILE},
	{".fini", GAP_START_FILE},
};

static int32_t read_i32(const uint8_t *at)
{
	int32_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

/* ---- the index ----
 *
 * Of several functions at one address linkers index the first. All but the last are empty, what a compiler makes of one
 * that is never called, and so the last is found by nobody. Each entry is believed only where the function that it points
 * to says the same address. */

struct frame_section {
	uint8_t *bytes;
	uint64_t address, size;
};

/* Where the function's length stands in its entry, 0 when it is no entry of a function at that address. */
static uint64_t function_length_at(const struct frame_section *eh, uint64_t entry, uint64_t address)
{
	uint64_t start = entry + 8; /* behind length and number of the common part */

	if (entry > eh->size || eh->size - entry < 16 || read_i32(eh->bytes + entry + 4) == 0)
		return 0;
	return eh->address + start + (uint64_t)(int64_t)read_i32(eh->bytes + start) == address ? start + 4 : 0;
}

static void mend_entry(const struct frame_section *hdr, const struct frame_section *eh, uint8_t *row)
{
	uint64_t address = hdr->address + (uint64_t)(int64_t)read_i32(row);
	uint64_t entry = hdr->address + (uint64_t)(int64_t)read_i32(row + 4) - eh->address;

	for (int i = 0; i < EMPTY_MAX; i++) {
		uint64_t length = function_length_at(eh, entry, address);
		if (!length)
			return;
		if (read_i32(eh->bytes + length)) {
			int32_t to = (int32_t)(int64_t)(eh->address + entry - hdr->address);
			memcpy(row + 4, &to, sizeof(to));
			return;
		}
		entry += 4 + (uint32_t)read_i32(eh->bytes + entry);
	}
}

static void mend_index(const struct frame_section *hdr, const struct frame_section *eh)
{
	uint32_t n;

	if (!hdr->bytes || !eh->bytes || hdr->size < 12 || memcmp(hdr->bytes, HDR_ENCODING, 4) != 0)
		return;
	n = (uint32_t)read_i32(hdr->bytes + 8);
	for (uint32_t i = 0; i < n && i < (hdr->size - 12) / 8; i++)
		mend_entry(hdr, eh, hdr->bytes + 12 + (size_t)i * 8);
}

/* ---- rows ---- */

static void take_section(struct unwind_gaps *g, const char *name, const GElf_Shdr *head)
{
	for (size_t i = 0; i < ARRAY_SIZE(gap_sections) && g->n_sections < GAP_SECTIONS_MAX; i++)
		if (strcmp(name, gap_sections[i].name) == 0)
			g->sections[g->n_sections++] = (struct gap_section){head->sh_addr, head->sh_addr + head->sh_size,
				head->sh_offset, gap_sections[i].kind};
}

void unwind_gaps_open(struct unwind_gaps *ret, Elf *elf)
{
	struct frame_section hdr = {0}, eh = {0};
	size_t names;
	uint8_t *file;

	*ret = (struct unwind_gaps){0};
	file = (uint8_t *)elf_rawfile(elf, &ret->size);
	ret->file = file;
	if (UNWIND_ARM || !file || elf_getshdrstrndx(elf, &names) < 0)
		return;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr head;
		const char *name = gelf_getshdr(section, &head) ? elf_strptr(elf, names, head.sh_name) : NULL;
		if (!name || head.sh_type == SHT_NOBITS || head.sh_offset > ret->size || head.sh_size > ret->size - head.sh_offset)
			continue;
		take_section(ret, name, &head);
		if (strcmp(name, ".eh_frame_hdr") == 0)
			hdr = (struct frame_section){file + head.sh_offset, head.sh_addr, head.sh_size};
		else if (strcmp(name, ".eh_frame") == 0)
			eh = (struct frame_section){file + head.sh_offset, head.sh_addr, head.sh_size};
	}
	mend_index(&hdr, &eh);
}

static struct unwind_row at_sp(uint16_t words)
{
	return (struct unwind_row){.rules = UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_SAME, UNWIND_RA_BELOW_CFA), .cfa_offset = words};
}

static bool lazy_stub_row(const struct gap_section *s, const uint8_t *code, uint64_t pc, struct unwind_row *ret,
	uint64_t *ret_next)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint8_t pushed_at; /* where its number has been pushed */
	} stubs[] = {{"\xFF\x25", 2, 11}, {"\xF3\x0F\x1E\xFA\x68", 5, 9}, {"\x68", 1, 5}};

	if (s->start % STUB_BYTES || s->end - s->start < 2 * STUB_BYTES)
		return false;
	if (pc < s->start + STUB_BYTES) { /* the number is there already, and then the library's is pushed */
		bool pushed = pc >= s->start + 6;
		*ret = at_sp(pushed ? 3 : 2);
		*ret_next = pushed ? s->start + STUB_BYTES : s->start + 6;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(stubs); i++)
		if (memcmp(code + STUB_BYTES, stubs[i].bytes, stubs[i].n) == 0) {
			*ret = (struct unwind_row){.rules = UNWIND_CFA_PLT, .cfa_offset = 1, .saved = stubs[i].pushed_at};
			*ret_next = s->end;
			return true;
		}
	return false;
}

/* "sub $8,%rsp", calls, "add $8,%rsp; ret". */
static bool start_file_row(const struct gap_section *s, const uint8_t *code, uint64_t pc, struct unwind_row *ret,
	uint64_t *ret_next)
{
	uint64_t size = s->end - s->start, marker = size > 4 && memcmp(code, "\xF3\x0F\x1E\xFA", 4) == 0 ? 4 : 0;
	uint64_t body = s->start + marker + 4, last = s->end - 1;

	if (size < marker + 9 || memcmp(code + marker, "\x48\x83\xEC\x08", 4) != 0 ||
	    memcmp(code + size - 5, "\x48\x83\xC4\x08\xC3", 5) != 0)
		return false;
	*ret = at_sp(pc >= body && pc < last ? 2 : 1);
	*ret_next = pc < body ? body : pc < last ? last : s->end;
	return true;
}

/* What calls the destructors of a program or library, as the compilers' start files have it: "push %rbp; cmpq $0,…;
 * mov %rsp,%rbp; …; movb $1,…; pop %rbp; ret". */
static bool meet_dtors(struct unwind_gaps *g, uint64_t pc, uint64_t at)
{
	const uint8_t *code = g->file + at;

	if (g->size - at < DTORS_MAX || code[0] != 0x55 || memcmp(code + 1, "\x48\x83\x3D", 3) != 0 || code[8] != 0 ||
	    memcmp(code + 9, "\x48\x89\xE5", 3) != 0)
		return false;
	for (uint64_t i = 12; i + 9 <= DTORS_MAX; i++)
		if (code[i] == 0xC6 && code[i + 1] == 0x05 && code[i + 6] == 1 && code[i + 7] == 0x5D && code[i + 8] == 0xC3) {
			g->push = pc;
			g->body = pc + 12;
			g->pop = pc + i + 7;
			g->after = pc + i + 9;
			return true;
		}
	return false;
}

static bool dtors_row(const struct unwind_gaps *g, uint64_t pc, struct unwind_row *ret, uint64_t *ret_next)
{
	if (!g->after || pc < g->push || pc >= g->after)
		return false;
	*ret = at_sp(1);
	*ret_next = pc == g->push ? pc + 1 : g->after;
	if (pc > g->push && pc <= g->pop) {
		bool in_body = pc >= g->body;
		*ret = (struct unwind_row){.cfa_offset = 2, .saved = UNWIND_SAVED(-2, 0),
			.rules = UNWIND_RULES(in_body ? UNWIND_CFA_FP : UNWIND_CFA_SP, UNWIND_FP_AT_CFA, UNWIND_RA_BELOW_CFA)};
		*ret_next = in_body ? g->pop + 1 : g->body;
	}
	return true;
}

/* Where the C library makes a process or thread: "syscall; test %rax,%rax; jl; je .+1; ret", in which it is and is not yet
 * the new one. Whoever returns finds its caller on the stack; of the new one unwind_step tells. */
static bool clone_row(const struct unwind_gaps *g, uint64_t pc, uint64_t at, struct unwind_row *ret, uint64_t *ret_next)
{
	static const uint8_t before[] = {0x0F, 0x05, 0x48, 0x85, 0xC0, 0x7C}, after[] = {0x74, 0x01, 0xC3};
	const uint8_t *code = g->file + at;

	if (g->size - at < 10 || memcmp(code, before, sizeof(before)) != 0 || memcmp(code + 7, after, sizeof(after)) != 0)
		return false;
	*ret = at_sp(1);
	*ret_next = pc + 10;
	return true;
}

bool unwind_gap_row(struct unwind_gaps *g, uint64_t pc, uint64_t at, struct unwind_row *ret, uint64_t *ret_next)
{
	if (UNWIND_ARM || !g->file || at >= g->size)
		return false;
	for (size_t i = 0; i < g->n_sections; i++) {
		const struct gap_section *s = &g->sections[i];
		if (pc < s->start || pc >= s->end)
			continue;
		if (s->kind == GAP_LAZY_STUBS)
			return lazy_stub_row(s, g->file + s->offset, pc, ret, ret_next);
		if (s->kind == GAP_START_FILE)
			return start_file_row(s, g->file + s->offset, pc, ret, ret_next);
		*ret = at_sp(1);
		*ret_next = s->end;
		return true;
	}
	return clone_row(g, pc, at, ret, ret_next) || dtors_row(g, pc, ret, ret_next) ||
	       (meet_dtors(g, pc, at) && dtors_row(g, pc, ret, ret_next));
}
