/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the embedded BPF objects: the one file that sees the generated skeletons. Analyzer process, main thread.
 *
 * The objects are used by the names of their programs and maps, not by the skeletons' structs: release, debug, and debug
 * built under the name of release then need no code of their own. */
#include "bpf/load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bpf/privileges.h"

#if HAVE_ANALYZER_RELEASE
#include "analyzer_release.skel.h"
#endif
#if HAVE_ANALYZER_DEBUG
#include "analyzer_debug.skel.h"
#endif

#define TARGET    "bpf::load"
#define LINKS_MAX 8 /* of one group */

struct object {
	struct bpf_object *bpf;
	struct ring_buffer *ring;
	struct analyzer_layout layout;
	struct analyzer_shared *shared; /* the object's .bss, mapped */
	int sample_program_fd, identify_program_fd, identities_fd, images_fd, image_of_file_fd; /* owned by bpf */
	struct {
		struct bpf_link *links[LINKS_MAX];
		size_t n;
		bool none; /* there are no such programs: looking for them is a third of what an attach takes */
	} attached[OBJECT_N_GROUPS];
	char missing[160]; /* tracepoints that this kernel does not have */
	object_record_fn reader;
	void *reader_arg;
};

struct embedded {
	const char *name;
	const void *(*bytes)(size_t *ret_size); /* NULL: not built */
	const char *why_not;
};

static const struct embedded embedded_objects[] = {
	[ANALYZER_RELEASE] = {
		.name = "release",
#if HAVE_ANALYZER_RELEASE
		.bytes = analyzer_release__elf_bytes,
#endif
		.why_not = ANALYZER_RELEASE_WHY_NOT,
	},
	[ANALYZER_DEBUG] = {
		.name = "debug",
#if HAVE_ANALYZER_DEBUG
		.bytes = analyzer_debug__elf_bytes,
#endif
		.why_not = ANALYZER_DEBUG_WHY_NOT,
	},
};

/* libbpf's own words go to the log, where they help who mends a kernel or a verifier problem. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	if (level == LIBBPF_DEBUG || !log_enabled(LOG_DEBUG, TARGET))
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_debug(TARGET, "%s", line);
	return 0;
}

int object_check_layout(const char *name, const struct analyzer_layout *layout, char *text, size_t size)
{
	if (layout->version == ANALYZER_LAYOUT_VERSION)
		return 0;
	snprintf(text, size, "the %s object has layout version %u and this program expects version %u: "
		"they come from different builds; build and install both together", name, layout->version,
		ANALYZER_LAYOUT_VERSION);
	return -EPROTO;
}

static int read_layout(struct object *o, const char *name, char *text, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->bpf, ".rodata.layout");
	size_t bytes = 0;
	const void *value = map ? bpf_map__initial_value(map, &bytes) : NULL;

	if (value && bytes >= sizeof(o->layout))
		memcpy(&o->layout, value, sizeof(o->layout));
	return object_check_layout(name, &o->layout, text, size);
}

/* A tracepoint's program can only be loaded where the kernel has that tracepoint; the others do their work without. */
static void leave_out_missing(struct object *o, const struct btf *kernel)
{
	struct bpf_program *program;
	size_t len = 0;

	bpf_object__for_each_program(program, o->bpf) {
		char type_name[96];
		const char *tracepoint = strchr(bpf_program__section_name(program), '/');

		if (!tracepoint)
			continue;
		snprintf(type_name, sizeof(type_name), "btf_trace_%s", tracepoint + 1);
		if (btf__find_by_name_kind(kernel, type_name, BTF_KIND_TYPEDEF) > 0)
			continue;
		bpf_program__set_autoload(program, false);
		int n = snprintf(o->missing + len, sizeof(o->missing) - len, "%s%s", len ? ", " : "", tracepoint + 1);
		if (n > 0 && len + (size_t)n < sizeof(o->missing))
			len += (size_t)n;
	}
}

static int find_map_fd(struct object *o, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->bpf, name);
	return map ? bpf_map__fd(map) : -ENOENT;
}

static int find_program_fd(struct object *o, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(o->bpf, name);
	return program ? bpf_program__fd(program) : -ENOENT;
}

static int on_record(void *arg, void *data, size_t size)
{
	struct object *o = arg;
	if (o->reader)
		o->reader(o->reader_arg, o, data, size);
	return 0;
}

/* Numbers of processes are told as they are in our own PID namespace. */
static void choose_pid_namespace(struct object *o)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->bpf, ".rodata.numbers");
	struct stat st;
	uint32_t inode;

	if (!map || stat("/proc/self/ns/pid", &st) < 0)
		return; /* the outermost one, as the object says */
	inode = (uint32_t)st.st_ino;
	bpf_map__set_initial_value(map, &inode, sizeof(inode));
}

/* What the process uses of a loaded object. */
static int take_parts(struct object *o)
{
	int bss_fd = find_map_fd(o, ".bss"), ring_fd = find_map_fd(o, "ring");

	o->sample_program_fd = find_program_fd(o, "on_sample");
	o->identify_program_fd = find_program_fd(o, "identify_file");
	o->identities_fd = find_map_fd(o, "identities");
	o->images_fd = find_map_fd(o, "images");
	o->image_of_file_fd = find_map_fd(o, "image_of_file");
	if (o->sample_program_fd < 0 || o->identify_program_fd < 0 || o->identities_fd < 0 || o->images_fd < 0 ||
	    o->image_of_file_fd < 0 || bss_fd < 0 || ring_fd < 0)
		return -ENOENT;
	o->shared = mmap(NULL, sizeof(*o->shared), PROT_READ | PROT_WRITE, MAP_SHARED, bss_fd, 0);
	if (o->shared == MAP_FAILED) {
		o->shared = NULL;
		return -errno;
	}
	o->ring = ring_buffer__new(ring_fd, on_record, o, NULL);
	return o->ring ? 0 : -errno;
}

/* The unwind tables are the same for both objects. */
static int share_images(struct object *o, const struct object *other)
{
	struct bpf_map *images = bpf_object__find_map_by_name(o->bpf, "images");
	struct bpf_map *image_of_file = bpf_object__find_map_by_name(o->bpf, "image_of_file");
	int r = images && image_of_file ? 0 : -ENOENT;

	if (r >= 0 && other)
		r = bpf_map__reuse_fd(images, other->images_fd);
	if (r >= 0 && other)
		r = bpf_map__reuse_fd(image_of_file, other->image_of_file_fd);
	return r;
}

static int load_bytes(struct object *o, const struct embedded *from, const struct object *other, char *text, size_t size)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "analyzer");
	struct btf *kernel;
	size_t n = 0;
	const void *bytes = from->bytes(&n);
	char what[64];
	int r;

	o->bpf = bpf_object__open_mem(bytes, n, &opts);
	if (!o->bpf) {
		r = -errno;
		snprintf(text, size, "the embedded %s object cannot be read: %s", from->name, strerror(-r));
		return r;
	}
	r = read_layout(o, from->name, text, size);
	if (r < 0)
		return r;
	kernel = btf__load_vmlinux_btf();
	if (kernel)
		leave_out_missing(o, kernel);
	btf__free(kernel);
	choose_pid_namespace(o);
	snprintf(what, sizeof(what), "loading the %s object", from->name);
	r = share_images(o, other);
	if (r >= 0)
		r = bpf_object__load(o->bpf);
	if (r >= 0)
		r = take_parts(o);
	if (r < 0)
		privileges_explain(what, r, text, size);
	return r;
}

int object_load(enum analyzer_kind name, const struct object *other, struct object **ret, char *text, size_t size)
{
	const struct embedded *from = &embedded_objects[name];
	struct object *o;
	int r;

	if (!from->bytes) {
		snprintf(text, size, "the %s object is not built: %s", from->name, from->why_not);
		return -ENOENT;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		snprintf(text, size, "out of memory");
		return -ENOMEM;
	}
	libbpf_set_print(print_libbpf);
	r = load_bytes(o, from, other, text, size);
	if (r < 0) {
		object_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

void object_free(struct object *o)
{
	if (!o)
		return;
	object_detach(o, OBJECT_SCHEDULER);
	object_detach(o, OBJECT_EVENTS);
	ring_buffer__free(o->ring);
	if (o->shared)
		munmap(o->shared, sizeof(*o->shared));
	bpf_object__close(o->bpf);
	free(o);
}

enum analyzer_kind object_kind(const struct object *o)
{
	return o->layout.debug ? ANALYZER_DEBUG : ANALYZER_RELEASE;
}

struct analyzer_shared *object_shared(const struct object *o)
{
	return o->shared;
}

int object_images_fd(const struct object *o)
{
	return o->images_fd;
}

int object_image_of_file_fd(const struct object *o)
{
	return o->image_of_file_fd;
}

int object_identify_file(const struct object *o, const void *address, struct analyzer_file *ret)
{
	uint64_t arg = (uintptr_t)address;
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &arg, .ctx_size_in = sizeof(arg));

	if (bpf_prog_test_run_opts(o->identify_program_fd, &run) < 0)
		return -errno;
	if (!__atomic_load_n(&o->shared->has_identified, __ATOMIC_SEQ_CST))
		return -ENOENT;
	*ret = o->shared->identified;
	return 0;
}

int object_sample_program_fd(const struct object *o)
{
	return o->sample_program_fd;
}

int object_claim(const struct object *o, int pidfd, struct analyzer_identity identity)
{
	return bpf_map_update_elem(o->identities_fd, &pidfd, &identity, BPF_ANY) < 0 ? -errno : 0;
}

bool object_belongs(const struct object *o, int pidfd, uint32_t generation)
{
	struct analyzer_identity identity;

	return bpf_map_lookup_elem(o->identities_fd, &pidfd, &identity) == 0 && identity.generation == generation;
}

void object_disclaim(const struct object *o, int pidfd)
{
	/* -ENOENT when the task is gone: its storage went with it. */
	bpf_map_delete_elem(o->identities_fd, &pidfd);
}

void object_set_reader(struct object *o, object_record_fn fn, void *arg)
{
	o->reader = fn;
	o->reader_arg = arg;
}

int object_drain(struct object *o)
{
	return ring_buffer__consume(o->ring);
}

static const char *const scheduler_tracepoints[] = {
	"sched_switch", "sched_process_fork", "sched_process_exec", "signal_deliver",
};

/* False: it is no tracepoint's. */
static bool group_of(const struct bpf_program *program, enum object_group *ret)
{
	const char *tracepoint = strchr(bpf_program__section_name(program), '/');

	if (!tracepoint)
		return false;
	*ret = OBJECT_EVENTS;
	for (size_t i = 0; i < ARRAY_SIZE(scheduler_tracepoints); i++)
		if (strcmp(tracepoint + 1, scheduler_tracepoints[i]) == 0)
			*ret = OBJECT_SCHEDULER;
	return true;
}

void object_attach(struct object *o, enum object_group group, char *text, size_t size)
{
	struct bpf_program *program;
	enum object_group its;

	snprintf(text, size, "%s", o->missing);
	if (o->attached[group].n || o->attached[group].none)
		return;
	o->attached[group].none = true;
	bpf_object__for_each_program(program, o->bpf) {
		if (!group_of(program, &its) || its != group || !bpf_program__autoload(program))
			continue;
		o->attached[group].none = false;
		struct bpf_link *link = o->attached[group].n < LINKS_MAX ? bpf_program__attach(program) : NULL;
		if (link)
			o->attached[group].links[o->attached[group].n++] = link;
		else
			snprintf(text, size, "%s: %s", bpf_program__section_name(program), strerror(errno));
	}
}

void object_detach(struct object *o, enum object_group group)
{
	while (o->attached[group].n)
		bpf_link__destroy(o->attached[group].links[--o->attached[group].n]);
}

size_t object_n_attached(const struct object *o, enum object_group group)
{
	return o->attached[group].n;
}

void object_add_costs(const struct object *o, struct analyzer_costs *to)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, o->bpf) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		enum object_group group;

		if (!bpf_program__autoload(program) || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len) < 0)
			continue;
		if (!group_of(program, &group)) {
			to->sample_runs += info.run_cnt;
			to->sample_run_ns += info.run_time_ns;
		} else if (group == OBJECT_SCHEDULER) {
			to->scheduler_runs += info.run_cnt;
			to->scheduler_run_ns += info.run_time_ns;
		} else {
			to->event_runs += info.run_cnt;
			to->event_run_ns += info.run_time_ns;
		}
	}
	to->scheduler_attached |= o->attached[OBJECT_SCHEDULER].n ? 1u << object_kind(o) : 0;
	to->events_attached |= o->attached[OBJECT_EVENTS].n ? 1u << object_kind(o) : 0;
}
