/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The walk up a user stack: which image an address lies in, the row of that image's table, the step to the caller; and the
 * rooms where records with stacks are put together. Included by analyzer.bpf.c alone.
 *
 * Where a process has mapped what is learned from the kernel itself, at the first sample after it started a program and
 * whenever an address is in nothing that is known yet: so a program is followed past exec, and what its loader maps
 * later too. It is kept on the leader of the thread group. Whoever started it, and under which name its files are known
 * where it runs, does not matter: an image is found by the file that the mapping has, as the kernel sees it. */
#ifndef SPVSCOPE_WALK_BPF_H
#define SPVSCOPE_WALK_BPF_H

/* ---- rooms, where records with stacks are put together ---- */

/* Programs that may interrupt each other have a room each: a sample (a timer's interrupt, on some machines one that cannot
 * be masked) comes into the middle of everything, a wake-up into an event. */
enum room {
	ROOM_SAMPLE,
	ROOM_SWITCH,
	ROOM_DEATH,
	ROOM_WAKEUP, /* the debug object only, like the next */
	ROOM_EVENT,
#ifdef ANALYZER_DEBUG
	N_ROOMS,
#else
	N_ROOMS = ROOM_WAKEUP,
#endif
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, N_ROOMS);
	__type(key, __u32);
	__type(value, struct analyzer_room);
} rooms SEC(".maps");

static __always_inline struct analyzer_room *room_of(__u32 which)
{
	return bpf_map_lookup_elem(&rooms, &which);
}

/* Where a record of this type begins, so that it ends where the addresses do. */
#define ROOM_RECORD(room, type) ((struct type *)((room)->head + ROOM_HEAD_BYTES - sizeof(struct type)))

/* ---- the tables, filled by the process; both objects share them ---- */

/* One image's cells, as many as it has. The process maps it and fills it before it is in `images`. */
struct image_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(union unwind_cell));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, ANALYZER_IMAGES);
	__type(key, __u32);
	__array(values, struct image_table);
} images SEC(".maps");

/* Which file's table is where in `images`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ANALYZER_IMAGES);
	__type(key, struct analyzer_file);
	__type(value, struct analyzer_image);
} image_of_file SEC(".maps");

/* ---- what a process has mapped ---- */

/* For tests: as if the kernel had no tree that is known. */
const volatile __u32 analyzer_one_by_one SEC(".rodata.mappings") = 0;

/* On the leader of a thread group. A new list is made beside the one that walks may be reading. */
struct process_mappings {
	__u64 exec_id;        /* of the program that they are of */
	__u64 quiet_until_ns; /* looking again was in vain */
	__u32 images_version; /* analyzer_shared.images_version when they were read */
	__u32 told;           /* generation of the session that has been told of them; 0: none */
	__u32 busy;           /* somebody makes a new list */
	__u32 current;
	struct unwind_space lists[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct process_mappings);
} mappings_of_process SEC(".maps");

#define VM_EXEC        4u
#define QUIET_NS       2000000u /* ten samples at 4,999 Hz */
#define VMAS_MAX       8192u
#define PAGE_BITS      12

static __always_inline __u64 changed_ns(struct inode *inode)
{
	__u64 s, ns;

	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		s = BPF_CORE_READ(inode, i_ctime_sec);
		ns = BPF_CORE_READ(inode, i_ctime_nsec);
	} else if (bpf_core_field_exists(struct inode___since_6_6, __i_ctime)) {
		s = BPF_CORE_READ((struct inode___since_6_6 *)inode, __i_ctime.tv_sec);
		ns = BPF_CORE_READ((struct inode___since_6_6 *)inode, __i_ctime.tv_nsec);
	} else {
		s = BPF_CORE_READ((struct inode___before *)inode, i_ctime.tv_sec);
		ns = BPF_CORE_READ((struct inode___before *)inode, i_ctime.tv_nsec);
	}
	return s * 1000000000u + (ns & CTIME_NSEC_BITS);
}

/* The file as the kernel knows it, which is not always what stat() says: not where file systems are stacked. The vDSO
 * is the same in all processes, and has no file: all zeroes. False when it is code of no file. */
static __always_inline int file_of_vma(struct vm_area_struct *vma, struct analyzer_file *ret)
{
	struct inode *inode = BPF_CORE_READ(vma, vm_file, f_inode);

	ret->inode = ret->changed_ns = 0;
	ret->device = ret->reserved = 0;
	if (inode) {
		ret->inode = BPF_CORE_READ(inode, i_ino);
		ret->changed_ns = changed_ns(inode);
		ret->device = BPF_CORE_READ(inode, i_sb, s_dev);
		return 1;
	}
	return BPF_CORE_READ(vma, vm_start) == (unsigned long)BPF_CORE_READ(vma, vm_mm, context.vdso);
}

/* A look at a process's mappings, under the kernel's lock on them. */
struct looking {
	struct task_struct *task;
	const struct owner *owner;
	struct unwind_space *to;
	struct mm_struct *mm;
	__u32 n_read; /* mappings in `to` that are to be believed; 0: none */
	__u32 n_untold; /* there was no room in the ring */
};

/* Tells the session where what is mapped, for whoever names the addresses. */
static __always_inline void tell_mapped_file(struct looking *l, struct vm_area_struct *vma,
	const struct unwind_mapping *m, const struct analyzer_file *file, const struct analyzer_image *image)
{
	struct ring_mapping *told = bpf_ringbuf_reserve(&ring, sizeof(*told), 0);
	const unsigned char *name;

	if (!told) {
		__sync_fetch_and_add(&analyzer_shared.walks.mappings_untold, 1);
		l->n_untold++;
		return;
	}
	fill_head(&told->head, RING_MAPPING, l->owner, l->task);
	told->start = m->start;
	told->end = m->end;
	told->file_offset = (__u64)m->file_page << PAGE_BITS;
	told->image = image ? image->id : 0;
	told->file = *file;
	told->name[0] = 0;
	name = BPF_CORE_READ(vma, vm_file, f_path.dentry, d_name.name);
	if (name)
		bpf_probe_read_kernel_str(told->name, sizeof(told->name), name);
	bpf_ringbuf_submit(told, BPF_RB_NO_WAKEUP);
}

/* Adds a mapping with code behind those of lower addresses. Neighbours of no file become one: a JIT has many. */
static __noinline void add_vma(struct looking *l, struct vm_area_struct *vma)
{
	struct analyzer_file file;
	const struct analyzer_image *image = 0;
	struct unwind_mapping more, *last;
	__u32 n = l->to->n_mappings;

	more.start = BPF_CORE_READ(vma, vm_start);
	more.end = BPF_CORE_READ(vma, vm_end);
	more.file_page = BPF_CORE_READ(vma, vm_pgoff);
	more.image = UNWIND_ANONYMOUS;
	last = &l->to->mappings[(n - 1) & (UNWIND_MAPPINGS_MAX - 1)];
	if (file_of_vma(vma, &file)) {
		image = bpf_map_lookup_elem(&image_of_file, &file);
		more.image = image ? image->index : UNWIND_NO_TABLE_YET;
	} else if (n && last->image == UNWIND_ANONYMOUS) {
		last->end = more.end;
		return;
	}
	if (n >= UNWIND_MAPPINGS_MAX) {
		__sync_fetch_and_add(&analyzer_shared.walks.mappings_beyond, 1);
		return;
	}
	l->to->mappings[n & (UNWIND_MAPPINGS_MAX - 1)] = more;
	l->to->n_mappings = n + 1;
	tell_mapped_file(l, vma, &more, &file, image);
}

/* ---- all mappings at once ----
 *
 * A program in an interrupt may take the lock once, to look at the one mapping that an address is in, and an iterator is
 * not to be had there. But while that lock is held the tree of all mappings stands still, and a few reads go through it.
 * It is a maple tree (include/linux/maple_tree.h, since 6.1): nodes of 256 bytes, whose type is in the low byte of the
 * pointer to them. Each mapping that is found must say of itself what the tree says of it, else nothing of this is
 * believed, and mappings are learned one by one, as on older kernels. */

#define NODE_WORDS  32
#define NODE_LEAF   1
#define NODE_RANGE  2
#define NODE_ARANGE 3
#define TREE_LEVELS 8

/* Who reads a tree. Those that may interrupt each other have a room each. */
enum tree_use {
	TREE_ALL,   /* who looks at a process's mappings is alone (process_mappings.busy), and whom it is interrupted by looks
	               at those of the same process */
	TREE_FAULT, /* the debug object only: a sample may come into the midst of it */
#ifdef ANALYZER_DEBUG
	N_TREE_USES,
#else
	N_TREE_USES = TREE_FAULT,
#endif
};

/* The leaf that is being read, and how far. One a CPU and use. */
struct tree_room {
	__u64 words[NODE_WORDS];
	__u64 root;
	__u64 node; /* the one that is looked at, as the tree points to it */
	__u64 last; /* address that the leaf goes up to */
	__u64 next; /* address that is looked for next */
	__u32 slot; /* in the leaf; NODE_SLOTS: there is none yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, N_TREE_USES);
	__type(key, __u32);
	__type(value, struct tree_room);
} tree_rooms SEC(".maps");

static __always_inline struct tree_room *tree_room(__u32 use)
{
	return bpf_map_lookup_elem(&tree_rooms, &use);
}

#define WORDS_BEFORE(node, field) (bpf_core_field_offset(struct node, field) / 8)
#define NODE_SLOTS                (bpf_core_field_size(struct maple_range_64, slot) / 8)
#define ARANGE_SLOTS              (bpf_core_field_size(struct maple_arange_64, slot) / 8)

/* The last address that a slot is about. */
static __always_inline __u64 pivot_of(const struct tree_room *room, __u32 pivots_at, __u32 slot, __u32 n_slots)
{
	__u64 pivot = slot + 1 < n_slots ? room->words[(pivots_at + slot) & (NODE_WORDS - 1)] : room->last;

	return (!pivot && slot) || pivot > room->last ? room->last : pivot;
}

/* One level down, to the node whose slot room->next lies in. 1 when the leaf is there, less than 0 when it cannot be. Not
 * static, like others here: the verifier looks through such a function once, and not once for each way to its call. */
__noinline int read_node(__u32 use)
{
	struct tree_room *room = tree_room(use);
	__u32 type, n_slots = NODE_SLOTS, pivots_at = WORDS_BEFORE(maple_range_64, pivot);
	__u32 slots_at = WORDS_BEFORE(maple_range_64, slot);

	if (!room)
		return -ENOENT;
	type = room->node >> 3 & 15;
	if (room->node < 4096 || type < NODE_LEAF || type > NODE_ARANGE ||
	    bpf_probe_read_kernel(room->words, sizeof(room->words), (const void *)(room->node & ~255ull)))
		return -ENOENT;
	if (type == NODE_ARANGE) {
		n_slots = ARANGE_SLOTS;
		pivots_at = WORDS_BEFORE(maple_arange_64, pivot);
		slots_at = WORDS_BEFORE(maple_arange_64, slot);
	}
	if (type == NODE_LEAF)
		return 1;
	for (__u32 i = 0; i < 16 && i < n_slots; i++) {
		__u64 pivot = pivot_of(room, pivots_at, i, n_slots);
		if (room->next <= pivot) {
			room->node = room->words[(slots_at + i) & (NODE_WORDS - 1)];
			room->last = pivot;
			return 0;
		}
	}
	return -ENOENT;
}

struct descent {
	__u32 use;
	int result; /* of read_node, the last time */
};

static long descend_turn(__u32 turn, struct descent *d)
{
	d->result = read_node(d->use);
	return d->result != 0;
}

/* From the root to the leaf that room->next lies in. True: it is there. */
static __always_inline int descend(struct tree_room *room, __u32 use)
{
	struct descent d = {.use = use};

	room->last = ~0ull;
	room->node = room->root;
	bpf_loop(TREE_LEVELS, descend_turn, &d, 0);
	return d.result == 1;
}

/* The next mapping, or hole between two. 1 ends the loop. */
static long vma_turn(__u32 turn, struct looking *l)
{
	struct tree_room *room = tree_room(TREE_ALL);
	struct vm_area_struct *vma;
	__u64 pivot;

	if (!room)
		return 1;
	if (room->slot >= NODE_SLOTS) {
		if (!descend(room, TREE_ALL))
			return 1;
		room->slot = 0;
	}
	pivot = pivot_of(room, WORDS_BEFORE(maple_range_64, pivot), room->slot, NODE_SLOTS);
	vma = (struct vm_area_struct *)room->words[(WORDS_BEFORE(maple_range_64, slot) + room->slot) & (NODE_WORDS - 1)];
	if (vma) {
		if (BPF_CORE_READ(vma, vm_mm) != l->mm || BPF_CORE_READ(vma, vm_end) != pivot + 1)
			return 1; /* this is no tree as we know it */
		if (BPF_CORE_READ(vma, vm_flags) & VM_EXEC)
			add_vma(l, vma);
	}
	room->slot = pivot == room->last ? NODE_SLOTS : room->slot + 1;
	room->next = pivot + 1;
	if (room->next)
		return 0;
	l->n_read = l->to->n_mappings; /* to the end of the address space */
	return 1;
}

static long take_vmas(struct task_struct *task, struct vm_area_struct *vma, struct looking *l)
{
	struct mm_struct *mm = BPF_CORE_READ(vma, vm_mm);
	struct tree_room *room = tree_room(TREE_ALL);

	l->mm = mm;
	l->to->n_mappings = 0;
	if (room && bpf_core_field_exists(struct mm_struct, mm_mt) && !analyzer_one_by_one) {
		room->root = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
		room->next = 0;
		room->slot = NODE_SLOTS;
		bpf_loop(VMAS_MAX, vma_turn, l, 0);
	}
	return 0;
}

/* ---- one mapping at a time ---- */

static long take_vma(struct task_struct *task, struct vm_area_struct *vma, struct looking *l)
{
	take_vmas(task, vma, l);
	if (!l->n_read) {
		l->to->n_mappings = 0;
		if (BPF_CORE_READ(vma, vm_flags) & VM_EXEC)
			add_vma(l, vma);
	}
	return 0;
}

struct insertion {
	struct unwind_space *to;
	const struct unwind_space *from;
	__u32 is_in;
};

/* Copies the turn's mapping, and before the first of a higher address the one that is to be inserted. */
static long insert_turn(__u32 turn, struct insertion *x)
{
	const struct unwind_mapping *m = &x->from->mappings[turn & (UNWIND_MAPPINGS_MAX - 1)];
	struct unwind_mapping *more = &x->to->mappings[UNWIND_MAPPINGS_MAX - 1];

	if (turn >= x->from->n_mappings || turn >= UNWIND_MAPPINGS_MAX - 2) {
		if (!x->is_in)
			x->to->mappings[x->to->n_mappings++ & (UNWIND_MAPPINGS_MAX - 1)] = *more;
		return 1;
	}
	if (!x->is_in && m->start > more->start) {
		x->to->mappings[x->to->n_mappings++ & (UNWIND_MAPPINGS_MAX - 1)] = *more;
		x->is_in = 1;
	}
	x->to->mappings[x->to->n_mappings++ & (UNWIND_MAPPINGS_MAX - 1)] = *m;
	return 0;
}

/* Copies a list with one mapping more, which is alone in `to`, in its place. */
static __always_inline void insert_mapping(struct unwind_space *to, const struct unwind_space *from)
{
	struct insertion x = {.to = to, .from = from};

	to->mappings[UNWIND_MAPPINGS_MAX - 1] = to->mappings[0];
	to->n_mappings = 0;
	bpf_loop(UNWIND_MAPPINGS_MAX, insert_turn, &x, 0);
}

/* ---- learning ---- */

/* Whether the list may be used as it is: it is of the program that runs. */
static __always_inline int is_own_list(const struct process_mappings *p, struct task_struct *task)
{
	return p->exec_id == task->self_exec_id + 1;
}

/* Whether it should be read again though it may be used: a table has come or gone, or this session was not told. */
static __always_inline int is_fresh(const struct process_mappings *p, const struct owner *owner)
{
	return p->images_version == analyzer_shared.images_version && p->told == owner->slot->generation;
}

/* What a look brought. */
enum look {
	LOOK_MAY = 0,    /* nobody has looked in this walk */
	LOOK_ALL = 1,    /* all mappings are known */
	LOOK_ONE = 2,    /* some are */
	LOOK_FAILED = 3, /* the mappings were being changed */
};

static __always_inline struct process_mappings *mappings_of(struct task_struct *task)
{
	return bpf_task_storage_get(&mappings_of_process, task->group_leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* Reads the mappings of the current process anew, or at least the one that pc is in. Returns an enum look. */
__noinline int learn(__u64 pc)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_mappings *p = mappings_of(task);
	struct owner owner;
	struct looking l = {.task = task, .owner = &owner};
	struct unwind_space *from;
	__u32 next;
	long r;

	if (!p || !attached_owner_of(task, &owner) || __sync_val_compare_and_swap(&p->busy, 0, 1))
		return LOOK_FAILED;
	next = ~p->current & 1;
	l.to = &p->lists[next];
	from = &p->lists[next ^ 1];
	l.to->n_mappings = 0;
	r = bpf_find_vma(task, pc, take_vma, &l, 0);
	if (!l.n_read) {
		if (!is_own_list(p, task) || !is_fresh(p, &owner))
			from->n_mappings = 0;
		if (l.to->n_mappings)
			insert_mapping(l.to, from);
	}
	if (l.to->n_mappings) {
		p->current = next;
		p->exec_id = task->self_exec_id + 1; /* 0 is no list */
		p->images_version = analyzer_shared.images_version;
		p->told = l.n_untold ? 0 : owner.slot->generation; /* what found no room is told at the next sample */
	}
	p->busy = 0;
	__sync_fetch_and_add(r < 0 ? &analyzer_shared.walks.looks_in_vain : &analyzer_shared.walks.looks, 1);
	return l.n_read || r == -ENOENT ? LOOK_ALL : r < 0 ? LOOK_FAILED : LOOK_ONE;
}

/* ---- the walk ---- */

/* A walk under way. It lies on the program's stack, where the kernel's loop hands it from turn to turn. */
struct walk {
	struct unwind_frame frame;
	const struct unwind_space *space; /* NULL: what is known is of another program */
	__u32 room;
	__u32 n_ips;
	__u32 gap, end; /* enum unwind_end */
	__u32 in_nothing; /* an address was in nothing that is mapped with code, though all of it is known */
	enum look look;
};

static long read_user(const void *arg, __u64 address, __u64 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret), (const void *)address);
}

static const union unwind_cell *cell_of(const void *table, __u32 index)
{
	return bpf_map_lookup_elem((void *)table, &index);
}

__noinline int find_row_of_image(__u32 image, __u64 at, struct unwind_row *ret)
{
	const void *table = bpf_map_lookup_elem(&images, &image);

	if (!ret)
		return UNWIND_NO_ROW;
	return table ? unwind_find_row(table, cell_of, at, ret) : UNWIND_NO_TABLE;
}

__noinline int step_to_caller(struct unwind_frame *f, const struct unwind_row *row)
{
	return f && row ? unwind_step(f, row, read_user, 0) : UNWIND_BROKEN;
}

static __always_inline enum unwind_end find_row(const struct walk *w, struct unwind_row *ret)
{
	__u64 pc = w->frame.pc - w->frame.is_return;
	const struct unwind_mapping *m;
	__u32 image;

	if (!analyzer_shared.images_version)
		return UNWIND_FRAME_POINTERS;
	m = w->space ? unwind_find_mapping(w->space, pc) : 0;
	if (!m)
		return w->look == LOOK_FAILED || w->look == LOOK_ONE ? UNWIND_LOCKED : UNWIND_NO_MAPPING;
	image = m->image;
	if (image >= ANALYZER_IMAGES)
		return image == UNWIND_ANONYMOUS ? UNWIND_ANONYMOUS_CODE : UNWIND_NO_TABLE;
	return find_row_of_image(image, ((__u64)m->file_page << UNWIND_PAGE_BITS) + (pc - m->start), ret);
}

/* Notes a frame and goes on to its caller. 1 ends the loop; the end is UNWIND_NO_MAPPING when it is worth to look. */
static long walk_turn(__u32 turn, struct walk *w)
{
	struct analyzer_room *room = room_of(w->room);
	struct unwind_row row = {0};
	enum unwind_end found = find_row(w, &row);

	if (!room || w->n_ips >= ANALYZER_STACK_FRAMES)
		return 1;
	if (found == UNWIND_NO_MAPPING && w->look == LOOK_MAY) {
		w->end = UNWIND_NO_MAPPING;
		return 1;
	}
	w->in_nothing |= found == UNWIND_NO_MAPPING;
	room->ips[w->n_ips++ & (ANALYZER_STACK_FRAMES - 1)] = w->frame.pc;
	unwind_cross_gap(found, &row, &w->gap);
	w->end = step_to_caller(&w->frame, &row);
	return w->end != UNWIND_GOES_ON;
}

static __always_inline void look(struct walk *w, struct process_mappings *p, struct task_struct *task)
{
	w->look = learn(w->frame.pc - w->frame.is_return);
	w->space = is_own_list(p, task) ? &p->lists[p->current & 1] : 0;
}

/* The user stack of the current task from w->frame on, into a room. Returns how it ended, as an enum unwind_end. */
static __always_inline __u32 walk_stack(struct walk *w, struct task_struct *task, const struct owner *owner, __u32 room)
{
	struct process_mappings *p = mappings_of(task);

	w->space = 0;
	w->room = room;
	w->n_ips = w->gap = w->end = w->in_nothing = 0;
	w->look = LOOK_FAILED;
	if (!p) {
		__sync_fetch_and_add(&analyzer_shared.walks.no_room, 1);
	} else if (!is_own_list(p, task) || !is_fresh(p, owner)) {
		look(w, p, task);
	} else {
		w->look = LOOK_MAY;
		w->space = &p->lists[p->current & 1];
	}
	bpf_loop(ANALYZER_STACK_FRAMES, walk_turn, w, 0);
	if (w->end == UNWIND_NO_MAPPING && p) {
		int quiet = bpf_ktime_get_ns() < p->quiet_until_ns;
		if (quiet)
			w->look = LOOK_ALL; /* as far as anybody could tell a moment ago */
		else
			look(w, p, task);
		w->end = UNWIND_GOES_ON;
		bpf_loop(ANALYZER_STACK_FRAMES, walk_turn, w, 0);
		/* Only a look that was in vain makes quiet: else each walk in a quiet time would make it longer, and what is
		 * mapped meanwhile would never be found. Nor is one made for each sample whose caller cannot be known. */
		if (!quiet && w->in_nothing)
			p->quiet_until_ns = bpf_ktime_get_ns() + QUIET_NS;
	}
	w->end = unwind_result(w->end == UNWIND_GOES_ON ? UNWIND_TOO_DEEP : w->end, w->gap);
	if (w->end != UNWIND_COMPLETE && bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD(task, in_execve)) {
		w->n_ips = 0;
		w->end = UNWIND_BETWEEN_PROGRAMS;
	}
	return w->end;
}

/* From the registers that a task has in user space. */
static __always_inline void walk_from_task(struct walk *w, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	w->frame = (struct unwind_frame)FRAME_OF_TASK(regs);
}

/* Which file is mapped at an address of the process that runs this (BPF_PROG_TEST_RUN), which is the analyzer. */
static long identify_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	analyzer_shared.has_identified = file_of_vma(vma, &analyzer_shared.identified);
	return 0;
}

SEC("raw_tp")
int identify_file(struct bpf_raw_tracepoint_args *ctx)
{
	analyzer_shared.has_identified = 0;
	bpf_find_vma(bpf_get_current_task_btf(), ctx->args[0], identify_vma, 0, 0);
	return 0;
}

/* Hands a record and its stack to the ring; 0 when there was room. */
static __always_inline long ring_put(void *record, __u64 head_bytes, __u32 n_ips)
{
	if (n_ips > ANALYZER_STACK_FRAMES) /* it is not; the verifier does not know */
		return -1;
	return bpf_ringbuf_output(&ring, record, head_bytes + n_ips * sizeof(__u64), BPF_RB_NO_WAKEUP);
}

#endif
