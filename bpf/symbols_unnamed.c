/* SPDX-License-Identifier: Apache-2.0 */
/* A name for the function that calls main. Distributions strip their C library, and with that go the names of local
 * functions, among them that of the second frame of every main thread. __libc_start_main calls it; how far it extends is
 * in the search table of .eh_frame_hdr, which cannot be stripped. The function that calls a thread's has no such clue:
 * in some builds pthread_create takes its address and in others a local function does. */
#include "bpf/symbols_unnamed.h"

#include <gelf.h>
#include <stdbool.h>
#include <string.h>

#define EH_FRAME_HDR_HEAD 12 /* version, three encodings, the frame's address, the count */

const struct unnamed_clue unnamed_clues[] = {
	/* call rel32 */
	{"__libc_start_main", "__libc_start_call_main", {0xE8}, {0xFF}, 1},
};
const size_t n_unnamed_clues = sizeof(unnamed_clues) / sizeof(unnamed_clues[0]);

/* size bytes of the image at that address, as they are in the file; NULL when they are not. */
static const uint8_t *bytes_at(Elf *elf, uint64_t address, uint64_t size)
{
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;
		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (address < phdr.p_vaddr || address - phdr.p_vaddr > phdr.p_filesz ||
		    size > phdr.p_filesz - (address - phdr.p_vaddr))
			continue;
		Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)(phdr.p_offset + address - phdr.p_vaddr), size,
			ELF_T_BYTE);
		return data ? data->d_buf : NULL;
	}
	return NULL;
}

static bool find_search_table(Elf *elf, GElf_Phdr *ret)
{
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, ret) && ret->p_type == PT_GNU_EH_FRAME)
			return true;
	return false;
}

static int32_t read_i32(const uint8_t *p)
{
	int32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* From the sorted table of function starts: does one start here, and where does the next one? */
static bool function_extent(Elf *elf, uint64_t start, uint64_t *ret_end)
{
	static const uint8_t usual[4] = {1, 0x1B, 0x03, 0x3B}; /* version; pc-relative, u32, relative to the table */
	GElf_Phdr phdr;
	const uint8_t *table;
	uint32_t n, low = 0, high;

	if (!find_search_table(elf, &phdr) || phdr.p_filesz < EH_FRAME_HDR_HEAD)
		return false;
	table = bytes_at(elf, phdr.p_vaddr, phdr.p_filesz);
	if (!table || memcmp(table, usual, sizeof(usual)) != 0)
		return false;
	n = (uint32_t)read_i32(table + 8);
	if (n > (phdr.p_filesz - EH_FRAME_HDR_HEAD) / 8)
		return false;
	high = n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (phdr.p_vaddr + (uint64_t)(int64_t)read_i32(table + EH_FRAME_HDR_HEAD + 8 * middle) < start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low + 1 >= n || phdr.p_vaddr + (uint64_t)(int64_t)read_i32(table + EH_FRAME_HDR_HEAD + 8 * low) != start)
		return false;
	*ret_end = phdr.p_vaddr + (uint64_t)(int64_t)read_i32(table + EH_FRAME_HDR_HEAD + 8 * (low + 1));
	return true;
}

static bool matches(const struct unnamed_clue *clue, const uint8_t *code)
{
	for (unsigned i = 0; i < clue->opcode_len; i++)
		if ((code[i] & clue->opcode_mask[i]) != clue->opcode[i])
			return false;
	return true;
}

int unnamed_find(Elf *elf, const struct unnamed_clue *clue, uint64_t start, uint64_t size,
	unnamed_is_named_fn is_named, void *arg, struct unnamed_function *ret)
{
	GElf_Ehdr ehdr;
	unsigned found = 0;
	const uint8_t *code;

	if (!gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_X86_64)
		return false;
	code = bytes_at(elf, start, size);
	/* Every byte is tried, whether an instruction begins there or not: what is no instruction does not point at
	 * the very start of a function that has no name. */
	for (uint64_t i = 0; code && i + clue->opcode_len + 4 <= size; i++) {
		uint64_t target, end;
		if (!matches(clue, code + i))
			continue;
		target = start + i + clue->opcode_len + 4 + (uint64_t)(int64_t)read_i32(code + i + clue->opcode_len);
		if (is_named(arg, target) || !function_extent(elf, target, &end))
			continue;
		if (found && ret->start == target)
			continue;
		*ret = (struct unnamed_function){.start = target, .end = end, .name = clue->name};
		found++;
	}
	return found == 1;
}
