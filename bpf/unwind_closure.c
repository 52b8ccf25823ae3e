/* SPDX-License-Identifier: Apache-2.0 */
/* The libraries of a program, by its dynamic section. The order of the search is the loader's (ld.so(8)), without
 * LD_LIBRARY_PATH and LD_PRELOAD, which a tool is not given; where the loader asks its cache, the folders are asked that
 * the cache is made of. */
#include "bpf/unwind_closure.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILES_MAX   256
#define FOLDERS_MAX 64
#define NEEDED_MAX  128

/* What the dynamic section says; the strings belong to the Elf. */
struct needs {
	const char *interpreter, *rpath, *runpath;
	const char *names[NEEDED_MAX];
	size_t n_names;
};

struct search {
	struct unwind_closure *closure;
	char *folders[FOLDERS_MAX]; /* owned */
	size_t n_folders;
};

static int add_path(struct unwind_closure *c, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return -errno;
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->paths[i], real) == 0)
			return 0;
	if (c->n == FILES_MAX)
		return -E2BIG;
	if (c->n == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 16;
		char **paths = reallocarray(c->paths, capacity, sizeof(*paths));
		if (!paths)
			return -ENOMEM;
		c->paths = paths;
		c->capacity = capacity;
	}
	c->paths[c->n] = strdup(real);
	return c->paths[c->n] ? (c->n++, 0) : -ENOMEM;
}

/* ---- folders ---- */

static void add_folder(struct search *s, const char *folder)
{
	if (s->n_folders < FOLDERS_MAX && *folder == '/' && (s->folders[s->n_folders] = strdup(folder)))
		s->n_folders++;
}

/* Lines of /etc/ld.so.conf: a folder, or "include PATTERN". */
static void read_configuration(struct search *s, const char *path, int depth)
{
	FILE *f = depth < 4 ? fopen(path, "re") : NULL;
	char line[PATH_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		char *text = line + strspn(line, " \t");
		glob_t found = {0};
		text[strcspn(text, "#\n")] = 0;
		if (strncmp(text, "include ", 8) != 0)
			add_folder(s, text);
		else if (glob(text + 8 + strspn(text + 8, " \t"), 0, NULL, &found) == 0)
			for (size_t i = 0; i < found.gl_pathc; i++)
				read_configuration(s, found.gl_pathv[i], depth + 1);
		globfree(&found);
	}
	if (f)
		fclose(f);
}

static void list_folders(struct search *s)
{
	static const char *const usual[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};

	read_configuration(s, "/etc/ld.so.conf", 0);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		add_folder(s, usual[i]);
}

/* ---- one file ---- */

static void take_dynamic(struct needs *n, Elf *elf, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Dyn entry;

	for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
		const char *text = elf_strptr(elf, head->sh_link, entry.d_un.d_val);
		if (!text)
			continue;
		if (entry.d_tag == DT_NEEDED && n->n_names < NEEDED_MAX)
			n->names[n->n_names++] = text;
		else if (entry.d_tag == DT_RUNPATH)
			n->runpath = text;
		else if (entry.d_tag == DT_RPATH)
			n->rpath = text;
	}
}

static void read_needs(struct needs *ret, Elf *elf)
{
	size_t n = 0;

	*ret = (struct needs){0};
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr head;
		if (gelf_getshdr(section, &head) && head.sh_type == SHT_DYNAMIC)
			take_dynamic(ret, elf, section, &head);
	}
	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		Elf_Data *data = NULL;
		GElf_Phdr ph;
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_INTERP && ph.p_filesz && ph.p_filesz <= PATH_MAX)
			data = elf_getdata_rawchunk(elf, (int64_t)ph.p_offset, ph.p_filesz, ELF_T_BYTE);
		if (data && data->d_buf && data->d_size && !((const char *)data->d_buf)[data->d_size - 1])
			ret->interpreter = data->d_buf;
	}
}

/* Another machine's library of the same name is passed by. */
static bool is_fit(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_fd_ int self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char theirs[20], ours[20];

	/* e_ident's magic and class, e_machine */
	return fd >= 0 && self_fd >= 0 && read(fd, theirs, sizeof(theirs)) == sizeof(theirs) &&
	       read(self_fd, ours, sizeof(ours)) == sizeof(ours) && memcmp(theirs, ours, 5) == 0 &&
	       memcmp(theirs + 18, ours + 18, 2) == 0;
}

/* A colon-separated list, in which $ORIGIN is the folder of the file that it stands in. */
static int find_in_list(struct search *s, const char *list, const char *origin, const char *name)
{
	int origin_len = (int)(strrchr(origin, '/') - origin);

	for (const char *at = list; at && *at;) {
		int len = (int)strcspn(at, ":"), skip = 0;
		char path[PATH_MAX];
		if (strncmp(at, "$ORIGIN", 7) == 0)
			skip = 7;
		else if (strncmp(at, "${ORIGIN}", 9) == 0)
			skip = 9;
		snprintf(path, sizeof(path), "%.*s%.*s/%s", skip ? origin_len : 0, origin, len - skip, at + skip, name);
		if (path[0] == '/' && is_fit(path))
			return add_path(s->closure, path);
		at += len;
		at += *at == ':';
	}
	return -ENOENT;
}

static int find_library(struct search *s, const struct needs *n, const char *origin, const char *name)
{
	char path[PATH_MAX];
	int r;

	if (strchr(name, '/'))
		return is_fit(name) ? add_path(s->closure, name) : -ENOENT;
	r = find_in_list(s, n->runpath ?: n->rpath, origin, name);
	for (size_t i = 0; r == -ENOENT && i < s->n_folders; i++) {
		snprintf(path, sizeof(path), "%s/%s", s->folders[i], name);
		if (is_fit(path))
			r = add_path(s->closure, path);
	}
	return r;
}

/* What the file at the path needs, to the end of the list. */
static int follow(struct search *s, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct needs needs;
	int r = 0;
	Elf *elf;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL); /* not mapped: whoever shortens the file would end this process */
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -ENOEXEC;
	}
	read_needs(&needs, elf);
	if (needs.interpreter && add_path(s->closure, needs.interpreter) == -ENOMEM)
		r = -ENOMEM;
	for (size_t i = 0; i < needs.n_names && r != -ENOMEM; i++) {
		r = find_library(s, &needs, path, needs.names[i]);
		s->closure->n_missing += r < 0;
	}
	elf_end(elf);
	return r == -ENOMEM ? r : 0;
}

int unwind_closure_find(const char *program, struct unwind_closure *ret)
{
	struct search s = {.closure = ret};
	int r;

	*ret = (struct unwind_closure){0};
	list_folders(&s);
	r = add_path(ret, program);
	for (size_t i = 0; i < ret->n && r >= 0; i++) {
		r = follow(&s, ret->paths[i]);
		if (i && r != -ENOMEM)
			r = 0;
	}
	for (size_t i = 0; i < s.n_folders; i++)
		free(s.folders[i]);
	if (r < 0)
		unwind_closure_done(ret);
	return r;
}

void unwind_closure_done(struct unwind_closure *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->paths[i]);
	free(c->paths);
	*c = (struct unwind_closure){0};
}
