/* SPDX-License-Identifier: Apache-2.0 */
/* One ELF image's functions, sorted once when it is first asked for, by libdw. Belongs to one unprivileged thread. */
#include "bpf/symbols_module.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/symbols_unnamed.h"

struct function {
	uint64_t start, size; /* start as in the process */
	const char *name;     /* in the ELF data, or static */
	uint8_t binding;
};

struct symbols_module {
	int fd;   /* until libdw has taken it, like the next */
	Elf *elf;
	const char *path; /* borrowed while it is opened */
	Dwfl *dwfl;
	Dwfl_Module *module; /* owned by dwfl */
	uint64_t bias;
	struct function *functions; /* by start; of those that start together, the best name alone */
	size_t n_functions;
};

static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **file_name,
	Elf **elfp)
{
	struct symbols_module *m = *userdata;

	(void)module, (void)name, (void)base;
	*file_name = m->path ? strdup(m->path) : NULL; /* separate debug files may lie beside it */
	*elfp = TAKE_PTR(m->elf);
	return TAKE_FD(m->fd);
}

/* Separate debug files are looked up by build id on this machine's disk, and never asked for over the network. */
static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = dwfl_build_id_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* By start; then the public name before the local one, the longer extent before the shorter. */
static int compare_functions(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	static const uint8_t rank[16] = {[STB_GLOBAL] = 0, [STB_WEAK] = 1, [STB_LOCAL] = 2};

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (rank[x->binding] != rank[y->binding])
		return rank[x->binding] < rank[y->binding] ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_function(const GElf_Sym *sym, GElf_Word shndx, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || shndx == SHN_UNDEF || shndx == SHN_ABS || !sym->st_size)
		return false;
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

static int read_functions(struct symbols_module *m)
{
	int n = dwfl_module_getsymtab(m->module);
	size_t kept = 0;

	if (n <= 0)
		return 0; /* no symbols are no error: every address is then module+offset */
	m->functions = calloc((size_t)n + n_unnamed_clues, sizeof(*m->functions));
	if (!m->functions)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		GElf_Sym sym;
		GElf_Addr address;
		GElf_Word shndx;
		const char *name = dwfl_module_getsym_info(m->module, i, &sym, &address, &shndx, NULL, NULL);

		if (is_function(&sym, shndx, name))
			m->functions[m->n_functions++] = (struct function){
				.start = address,
				.size = sym.st_size,
				.name = name,
				.binding = GELF_ST_BIND(sym.st_info) & 15,
			};
	}
	qsort(m->functions, m->n_functions, sizeof(*m->functions), compare_functions);
	for (size_t i = 0; i < m->n_functions; i++)
		if (!kept || m->functions[kept - 1].start != m->functions[i].start)
			m->functions[kept++] = m->functions[i];
	m->n_functions = kept;
	return 0;
}

/* The last function that starts at or before the address and covers it. A cold part may lie inside of what the symbol
 * before it claims, so a few are looked at. */
static const struct function *covering(const struct symbols_module *m, uint64_t address)
{
	size_t low = 0, high = m->n_functions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned tries = 0; low > 0 && tries < 8; tries++) {
		const struct function *f = &m->functions[--low];
		if (address - f->start < f->size)
			return f;
	}
	return NULL;
}

static int is_named(void *arg, uint64_t file_address)
{
	const struct symbols_module *m = arg;
	return covering(m, file_address + m->bias) != NULL;
}

static const struct function *by_name(const struct symbols_module *m, const char *name)
{
	for (size_t i = 0; i < m->n_functions; i++)
		if (strcmp(m->functions[i].name, name) == 0)
			return &m->functions[i];
	return NULL;
}

static void name_unnamed(struct symbols_module *m)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(m->module, &bias);
	struct function found[4];
	size_t n = 0;

	for (size_t i = 0; elf && i < n_unnamed_clues && n < ARRAY_SIZE(found); i++) {
		const struct function *referrer = by_name(m, unnamed_clues[i].referrer);
		struct unnamed_function u;
		if (referrer && unnamed_find(elf, &unnamed_clues[i], referrer->start - m->bias, referrer->size,
				is_named, m, &u))
			found[n++] = (struct function){
				.start = u.start + m->bias,
				.size = u.end - u.start,
				.name = u.name,
				.binding = STB_LOCAL,
			};
	}
	if (!n)
		return;
	memcpy(m->functions + m->n_functions, found, n * sizeof(*found));
	m->n_functions += n;
	qsort(m->functions, m->n_functions, sizeof(*m->functions), compare_functions);
}

/* From the first segment's page to the last one's end, as the image has them. False: there are none. */
static bool find_extent(Elf *elf, uint64_t *ret_start, uint64_t *ret_end)
{
	size_t n = 0;

	*ret_start = *ret_end = 0;
	if (elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (!*ret_end)
			*ret_start = ph.p_vaddr & -(ph.p_align ?: 1);
		if (ph.p_vaddr + ph.p_memsz > *ret_end)
			*ret_end = ph.p_vaddr + ph.p_memsz;
	}
	return *ret_end > *ret_start;
}

/* The file is read and not mapped, as libdw would: these names are kept for long, and whoever shortened the file meanwhile
 * would end this process. */
static int open_module(struct symbols_module *m, const char *name, const char *path, uint64_t base)
{
	uint64_t start, end;
	void **userdata;
	GElf_Addr bias;
	int r;

	m->dwfl = dwfl_begin(&callbacks);
	if (!m->dwfl)
		return -ENOMEM;
	if (m->fd < 0)
		m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (m->fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	m->elf = elf_begin(m->fd, ELF_C_READ, NULL);
	if (!m->elf || elf_kind(m->elf) != ELF_K_ELF || !find_extent(m->elf, &start, &end))
		return -ENOEXEC;
	dwfl_report_begin(m->dwfl);
	m->module = dwfl_report_module(m->dwfl, name, base, base + (end - start));
	dwfl_report_end(m->dwfl, NULL, NULL);
	if (!m->module || !dwfl_module_info(m->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		return -ENOEXEC;
	*userdata = m;
	m->path = path;
	if (!dwfl_module_getelf(m->module, &bias))
		return -ENOEXEC;
	m->path = NULL;
	m->bias = bias;
	r = read_functions(m);
	if (r >= 0)
		name_unnamed(m);
	return r;
}

int symbols_module_open(const char *name, const char *path, int fd, uint64_t base, struct symbols_module **ret)
{
	struct symbols_module *m = calloc(1, sizeof(*m));
	int r;

	if (!m) {
		fd_close(fd);
		return -ENOMEM;
	}
	m->fd = fd;
	r = open_module(m, name, path, base);
	if (r < 0) {
		symbols_module_close(m);
		return r;
	}
	*ret = m;
	return 0;
}

void symbols_module_close(struct symbols_module *m)
{
	if (!m)
		return;
	dwfl_end(m->dwfl);
	elf_end(m->elf);
	fd_close(m->fd);
	free(m->functions);
	free(m);
}

const char *symbols_module_find(struct symbols_module *m, uint64_t address, uint64_t *ret_start)
{
	const struct function *f = covering(m, address);

	if (!f)
		return NULL;
	*ret_start = f->start;
	return f->name;
}

uint64_t symbols_module_address(const struct symbols_module *m, uint64_t file_offset)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(m->module, &bias);
	size_t n = 0;

	if (elf && elf_getphdrnum(elf, &n) == 0)
		for (size_t i = 0; i < n; i++) {
			GElf_Phdr ph;
			if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && file_offset >= ph.p_offset &&
			    file_offset - ph.p_offset < ph.p_filesz)
				return ph.p_vaddr + (file_offset - ph.p_offset) + m->bias;
		}
	return file_offset + m->bias;
}

uint64_t symbols_module_offset(const struct symbols_module *m, uint64_t address)
{
	return address - m->bias;
}

const char *symbols_module_line(struct symbols_module *m, uint64_t address, uint32_t *ret_line)
{
	Dwfl_Line *line = dwfl_module_getsrc(m->module, address);
	int number = 0;
	const char *file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;

	*ret_line = file && number > 0 ? (uint32_t)number : 0;
	return file;
}
