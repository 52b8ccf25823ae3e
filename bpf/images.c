/* SPDX-License-Identifier: Apache-2.0 */
/* Brings tables into the kernel and takes them away. Analyzer process, main thread.
 *
 * A walk may be under way on another CPU. A table lives until the last walk that has found it lets it go, which is the
 * kernel's doing; that a process's mappings still name a place where another image is by now is told by the version,
 * which walks compare when they begin. */
#include "bpf/images.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bpf/unwind_tables.h"

void images_init(struct images *i, struct object *release, struct object *debug)
{
	*i = (struct images){.objects = {release ?: debug, release ? debug : NULL}};
}

static void new_version(struct images *i)
{
	if (!++i->version)
		i->version = 1; /* 0 is that there never was one */
	for (size_t n = 0; n < ARRAY_SIZE(i->objects); n++)
		if (i->objects[n])
			__atomic_store_n(&object_shared(i->objects[n])->images_version, i->version, __ATOMIC_SEQ_CST);
}

static void take_away(struct images *i, struct image_entry *entry)
{
	uint32_t index = (uint32_t)(entry - i->entries);

	if (!entry->id)
		return;
	bpf_map_delete_elem(object_image_of_file_fd(i->objects[0]), &entry->file);
	bpf_map_delete_elem(object_images_fd(i->objects[0]), &index);
	i->n_bytes -= entry->n_bytes;
	*entry = (struct image_entry){0};
	new_version(i);
}

static struct image_entry *find_file(struct images *i, const struct analyzer_file *file)
{
	for (size_t n = 0; n < ANALYZER_IMAGES; n++)
		if (i->entries[n].id && memcmp(&i->entries[n].file, file, sizeof(*file)) == 0)
			return &i->entries[n];
	return NULL;
}

/* What is known of the file, also as it was before it changed, or of the one that had its numbers. */
static void forget_file(struct images *i, const struct analyzer_file *file)
{
	for (size_t n = 0; n < ANALYZER_IMAGES; n++)
		if (i->entries[n].id && i->entries[n].file.inode == file->inode && i->entries[n].file.device == file->device)
			take_away(i, &i->entries[n]);
}

/* A place for a table of that size; the oldest make room. */
static struct image_entry *make_room(struct images *i, size_t n_bytes)
{
	for (;;) {
		struct image_entry *empty = NULL, *oldest = NULL;
		for (size_t n = 0; n < ANALYZER_IMAGES; n++) {
			struct image_entry *e = &i->entries[n];
			if (!e->id)
				empty = empty ?: e;
			else if (!oldest || e->brought < oldest->brought)
				oldest = e;
		}
		if (!oldest || (empty && i->n_bytes + n_bytes <= ANALYZER_IMAGES_BYTES))
			return empty;
		take_away(i, oldest);
	}
}

/* A map with the cells in it, as nobody has seen it yet. */
static int make_map(const struct unwind_table *table)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	uint32_t n = table->head->n_cells;
	_cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_image", sizeof(uint32_t), sizeof(*table->cells), n, &opts);
	void *cells;

	if (fd < 0)
		return -errno;
	cells = mmap(NULL, n * sizeof(*table->cells), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cells == MAP_FAILED)
		return -errno;
	memcpy(cells, table->cells, n * sizeof(*table->cells));
	munmap(cells, n * sizeof(*table->cells));
	return TAKE_FD(fd);
}

/* The file as the programs will see it, in what a process has mapped: found by mapping it and asking a program. */
static int identify(struct images *i, int image_fd, struct analyzer_file *ret)
{
	struct stat st;
	void *mapped;
	int r;

	*ret = (struct analyzer_file){0};
	if (image_fd < 0)
		return 0;
	if (fstat(image_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	mapped = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, image_fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	r = object_identify_file(i->objects[0], mapped, ret);
	munmap(mapped, 1);
	return r;
}

static int load_table(struct images *i, uint64_t id, const struct unwind_table *table, const struct analyzer_file *file)
{
	size_t n_bytes = table->head->n_cells * sizeof(*table->cells);
	struct image_entry *entry;
	struct analyzer_image image = {.id = id};
	_cleanup_fd_ int map_fd = -1;

	if (n_bytes > ANALYZER_IMAGES_BYTES)
		return -EFBIG;
	forget_file(i, file);
	map_fd = make_map(table);
	if (map_fd < 0)
		return map_fd;
	entry = make_room(i, n_bytes);
	image.index = (uint32_t)(entry - i->entries);
	if (bpf_map_update_elem(object_images_fd(i->objects[0]), &image.index, &map_fd, BPF_ANY) < 0)
		return -errno;
	*entry = (struct image_entry){.id = id, .file = *file, .n_bytes = n_bytes, .brought = ++i->n_brought};
	i->n_bytes += n_bytes;
	if (bpf_map_update_elem(object_image_of_file_fd(i->objects[0]), file, &image, BPF_ANY) < 0) {
		int r = -errno;
		take_away(i, entry);
		return r;
	}
	new_version(i);
	return 0;
}

int images_load(struct images *i, uint64_t id, int table_fd, int image_fd)
{
	struct unwind_table table = {0};
	struct analyzer_file file;
	int r = id ? identify(i, image_fd, &file) : -EINVAL;

	if (r >= 0)
		r = unwind_table_open(table_fd, &table);
	if (r < 0)
		return r;
	r = load_table(i, id, &table, &file);
	unwind_table_close(&table);
	return r;
}

bool images_has(struct images *i, int image_fd)
{
	struct analyzer_file file;

	return identify(i, image_fd, &file) >= 0 && find_file(i, &file);
}
