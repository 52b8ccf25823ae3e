/* SPDX-License-Identifier: Apache-2.0 */
/* Address to name over the mappings of one process. Images are opened when an address in them is first asked for; each
 * answer is kept. Belongs to one unprivileged thread. */
#include "bpf/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bpf/demangle.h"
#include "bpf/symbols_module.h"

#define NAME_MAX_BYTES 4096 /* of a demangled template; the rest is cut */
#define DELETED        " (deleted)"

struct image {
	char *path;        /* as in maps, without DELETED; "" for anonymous memory; owned */
	const char *name;  /* interned */
	uint64_t base;     /* where its offset 0 lies */
	uint64_t inode;
	bool deleted, tried;
	struct symbols_module *module; /* NULL: not opened, or there is nothing to open */
};

struct mapping {
	uint64_t start, end, offset;
	uint32_t image;
};

struct cached {
	uint64_t address; /* 0: free */
	struct symbol symbol;
};

struct symbolizer {
	struct mapping *mappings; /* by start */
	size_t n_mappings;
	struct image *images;
	size_t n_images;
	struct cached *cache; /* open addressing, a power of two, at most half full */
	size_t cache_size, n_cached;
	char **names; /* interned strings, open addressing likewise */
	size_t names_size, n_names;
	bool of_file; /* there is one image, and addresses are offsets in its file */
};

static uint64_t hash_bytes(const char *s, size_t len)
{
	uint64_t h = 0xCBF29CE484222325ull;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001B3ull;
	return h ^ h >> 29;
}

static uint64_t hash_address(uint64_t a)
{
	a *= 0x9E3779B97F4A7C15ull;
	return a ^ a >> 32;
}

static int grow_names(struct symbolizer *s)
{
	size_t size = s->names_size ? s->names_size * 2 : 1024;
	char **names = calloc(size, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < s->names_size; i++) {
		if (!s->names[i])
			continue;
		size_t at = hash_bytes(s->names[i], strlen(s->names[i])) & (size - 1);
		while (names[at])
			at = (at + 1) & (size - 1);
		names[at] = s->names[i];
	}
	free(s->names);
	s->names = names;
	s->names_size = size;
	return 0;
}

/* The one copy of a string; "?" when memory is out. */
static const char *intern(struct symbolizer *s, const char *string)
{
	size_t len = strnlen(string, NAME_MAX_BYTES), at;
	char *copy;

	if (s->n_names * 2 >= s->names_size && grow_names(s) < 0)
		return "?";
	for (at = hash_bytes(string, len) & (s->names_size - 1); s->names[at]; at = (at + 1) & (s->names_size - 1))
		if (strncmp(s->names[at], string, len) == 0 && !s->names[at][len])
			return s->names[at];
	copy = strndup(string, len);
	if (!copy)
		return "?";
	s->names[at] = copy;
	s->n_names++;
	return copy;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* Whether a mapping of that file belongs to an image that is known already: a file that is mapped twice as a whole has two. */
static uint32_t find_image(const struct symbolizer *s, const char *path, uint64_t base, uint64_t offset)
{
	for (size_t i = s->n_images; i-- > 0;) {
		const struct image *image = &s->images[i];
		if (strcmp(image->path, path) == 0 && (offset != 0 || image->base == base || !*path))
			return (uint32_t)i;
	}
	return UINT32_MAX;
}

static int add_image(struct symbolizer *s, const char *path, uint64_t base, uint64_t inode, bool deleted,
	uint32_t *ret)
{
	struct image *images = reallocarray(s->images, s->n_images + 1, sizeof(*images));
	char *copy;

	if (!images)
		return -ENOMEM;
	s->images = images;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	images[s->n_images] = (struct image){
		.path = copy,
		.name = intern(s, *path ? base_name(path) : "[anon]"),
		.base = base,
		.inode = inode,
		.deleted = deleted,
	};
	*ret = (uint32_t)s->n_images++;
	return 0;
}

/* "start-end perms offset dev inode   path". A line of another shape is passed over. */
static int add_line(struct symbolizer *s, char *line)
{
	struct mapping m;
	struct mapping *mappings;
	uint64_t inode, base;
	char *path;
	int at = 0, r;
	bool deleted = false;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &m.start, &m.end, &m.offset,
		    &inode, &at) < 4 || !at)
		return 0;
	path = line + at;
	size_t len = strlen(path);
	if (len > strlen(DELETED) && strcmp(path + len - strlen(DELETED), DELETED) == 0) {
		path[len - strlen(DELETED)] = 0;
		deleted = true;
	}
	base = m.start - m.offset;
	m.image = find_image(s, path, base, m.offset);
	if (m.image == UINT32_MAX) {
		r = add_image(s, path, base, inode, deleted, &m.image);
		if (r < 0)
			return r;
	}
	mappings = reallocarray(s->mappings, s->n_mappings + 1, sizeof(*mappings));
	if (!mappings)
		return -ENOMEM;
	s->mappings = mappings;
	mappings[s->n_mappings++] = m;
	return 0;
}

static int compare_mappings(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

int symbolizer_new(const char *maps, size_t maps_len, struct symbolizer **ret)
{
	_cleanup_free_ char *text = strndup(maps, maps_len);
	struct symbolizer *s = calloc(1, sizeof(*s));
	char *save = NULL;
	int r = text && s ? 0 : -ENOMEM;

	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); line && r >= 0; line = strtok_r(NULL, "\n", &save))
		r = add_line(s, line);
	if (r < 0) {
		symbolizer_free(s);
		return r;
	}
	if (s->n_mappings)
		qsort(s->mappings, s->n_mappings, sizeof(*s->mappings), compare_mappings);
	*ret = s;
	return 0;
}

int symbolizer_new_of_file(const char *path, uint64_t inode, uint64_t size, struct symbolizer **ret)
{
	struct symbolizer *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (!s)
		return r;
	s->of_file = true;
	s->mappings = calloc(1, sizeof(*s->mappings));
	if (s->mappings)
		r = add_image(s, path, 0, inode, false, &s->mappings[0].image);
	if (r < 0) {
		symbolizer_free(s);
		return r;
	}
	s->mappings[0].end = size;
	s->n_mappings = 1;
	*ret = s;
	return 0;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_images; i++) {
		symbols_module_close(s->images[i].module);
		free(s->images[i].path);
	}
	for (size_t i = 0; i < s->names_size; i++)
		free(s->names[i]);
	free(s->names);
	free(s->cache);
	free(s->images);
	free(s->mappings);
	free(s);
}

static const struct mapping *find_mapping(const struct symbolizer *s, uint64_t address)
{
	size_t low = 0, high = s->n_mappings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->mappings[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < s->mappings[low - 1].end ? &s->mappings[low - 1] : NULL;
}

bool symbolizer_knows(const struct symbolizer *s, uint64_t address)
{
	return find_mapping(s, address) != NULL;
}

/* The kernel gives every process the same vDSO, so ours is theirs. */
static int vdso_copy(uint64_t size)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_fd_ int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;

	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		return -1;
	return TAKE_FD(fd);
}

/* Another file may lie at that path by now; its names would be lies. */
static bool is_same_file(const struct image *image)
{
	struct stat st;
	return !image->deleted && stat(image->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == image->inode;
}

static struct symbols_module *open_image(struct image *image, const struct mapping *m)
{
	if (image->tried)
		return image->module;
	image->tried = true;
	if (strcmp(image->path, "[vdso]") == 0) {
		int fd = vdso_copy(m->end - m->start);
		if (fd >= 0)
			symbols_module_open(image->name, image->name, fd, image->base, &image->module);
	} else if (image->path[0] == '/' && is_same_file(image)) {
		/* What cannot be read is shown as module+offset. */
		symbols_module_open(image->name, image->path, -1, image->base, &image->module);
	}
	return image->module;
}

/* The functions that nothing calls: a walk that ends in one of them is complete. */
static bool is_outermost(const char *name)
{
	static const char *const names[] = {"_start", "__libc_start_main", "__libc_start_main_impl",
		"__libc_start_call_main", "start_thread", "clone", "__clone", "clone3", "__clone3"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void name_by_offset(struct symbolizer *s, uint64_t offset, struct symbol *ret)
{
	char text[NAME_MAX_BYTES];

	ret->offset = offset;
	snprintf(text, sizeof(text), "%s+0x%" PRIx64, ret->module, offset);
	ret->name = intern(s, text);
}

static void name_by_module(struct symbolizer *s, struct symbols_module *module, uint64_t address, struct symbol *ret)
{
	uint64_t start = 0;
	const char *mangled = symbols_module_find(module, address, &start);
	const char *file = symbols_module_line(module, address, &ret->line);
	_cleanup_free_ char *demangled = NULL;

	if (file)
		ret->file = intern(s, file);
	if (!mangled) {
		name_by_offset(s, symbols_module_offset(module, address), ret);
		return;
	}
	demangled = demangle(mangled);
	ret->name = intern(s, demangled ?: mangled);
	ret->offset = address - start;
	ret->named = true;
	ret->outermost = is_outermost(mangled);
}

static struct symbol look_up(struct symbolizer *s, uint64_t address)
{
	const struct mapping *m = find_mapping(s, address);
	struct symbol ret = {0};
	struct image *image;
	struct symbols_module *module;

	if (!m) {
		/* The upper half is the kernel's, whose addresses are nobody's business. */
		ret.module = intern(s, address >> 63 ? "[kernel]" : "[unknown]");
		ret.name = ret.module;
		return ret;
	}
	image = &s->images[m->image];
	ret.module = image->name;
	module = open_image(image, m);
	if (module)
		name_by_module(s, module, s->of_file ? symbols_module_address(module, address) : address, &ret);
	else if (!*image->path)
		ret.name = ret.module; /* every piece of anonymous memory is alike: one name, not one an address */
	else
		name_by_offset(s, address - m->start + m->offset, &ret);
	return ret;
}

static int grow_cache(struct symbolizer *s)
{
	size_t size = s->cache_size ? s->cache_size * 2 : 1024;
	struct cached *cache = calloc(size, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	for (size_t i = 0; i < s->cache_size; i++) {
		if (!s->cache[i].address)
			continue;
		size_t at = hash_address(s->cache[i].address) & (size - 1);
		while (cache[at].address)
			at = (at + 1) & (size - 1);
		cache[at] = s->cache[i];
	}
	free(s->cache);
	s->cache = cache;
	s->cache_size = size;
	return 0;
}

struct symbol symbolizer_lookup(struct symbolizer *s, uint64_t address, bool is_return_address)
{
	size_t at;

	address -= is_return_address;
	if (!address || (s->n_cached * 2 >= s->cache_size && grow_cache(s) < 0))
		return look_up(s, address);
	for (at = hash_address(address) & (s->cache_size - 1); s->cache[at].address; at = (at + 1) & (s->cache_size - 1))
		if (s->cache[at].address == address)
			return s->cache[at].symbol;
	s->cache[at].address = address;
	s->n_cached++;
	/* look_up() touches names and images only, so the place stays where it is. */
	s->cache[at].symbol = look_up(s, address);
	return s->cache[at].symbol;
}
