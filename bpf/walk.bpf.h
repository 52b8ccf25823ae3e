/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The walk over a user stack, and the rooms where records with stacks are put together. Included by analyzer.bpf.c alone. */
#ifndef SPVSCOPE_WALK_BPF_H
#define SPVSCOPE_WALK_BPF_H

/* Programs that may interrupt each other have a room each: a sample (a timer's interrupt, on some machines one that cannot
 * be masked) comes into the middle of everything, a wake-up into an event. */
enum room {
	ROOM_SAMPLE,
	ROOM_SWITCH,
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

/* The unwind tables, filled by the process, which maps them; both objects share them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ANALYZER_SPACES);
	__type(key, __u32);
	__type(value, struct unwind_space);
} spaces SEC(".maps");

static __always_inline struct analyzer_room *room_of(__u32 which)
{
	return bpf_map_lookup_elem(&rooms, &which);
}

/* Where a record of this type begins, so that it ends where the addresses do. */
#define ROOM_RECORD(room, type) ((struct type *)((room)->head + ROOM_HEAD_BYTES - sizeof(struct type)))

/* A walk under way. It lies on the program's stack, where the kernel's loop hands it from turn to turn. */
struct walk {
	struct unwind_frame frame;
	__u32 space; /* index in `spaces`; ANALYZER_NO_SPACE finds none */
	__u32 room;
	__u32 n_ips;
	__u32 gap, end; /* enum unwind_end */
};

static long read_user(const void *arg, __u64 address, __u64 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret), (const void *)address);
}

/* Notes a frame and goes on to its caller. 1 ends the loop. */
static long walk_turn(__u32 turn, struct walk *w)
{
	struct analyzer_room *room = room_of(w->room);
	const struct unwind_space *space = bpf_map_lookup_elem(&spaces, &w->space);

	if (!room)
		return 1;
	room->ips[turn & (ANALYZER_STACK_FRAMES - 1)] = w->frame.pc;
	w->n_ips++;
	w->end = unwind_advance(space, &w->frame, &w->gap, read_user, 0);
	return w->end != UNWIND_GOES_ON;
}

/* The user stack from w->frame on, into a room. Returns how it ended, as an enum unwind_end. */
static __always_inline __u32 walk_stack(struct walk *w, const struct owner *owner, __u32 room)
{
	w->space = owner->identity->space;
	w->room = room;
	w->n_ips = w->gap = w->end = 0;
	bpf_loop(ANALYZER_STACK_FRAMES, walk_turn, w, 0);
	return unwind_result(w->end == UNWIND_GOES_ON ? UNWIND_TOO_DEEP : w->end, w->gap);
}

/* From the registers that a task has in user space. */
static __always_inline void walk_from_task(struct walk *w, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	w->frame = (struct unwind_frame)FRAME_OF_TASK(regs);
}

/* Hands a record and its stack to the ring; 0 when there was room. */
static __always_inline long ring_put(void *record, __u64 head_bytes, __u32 n_ips)
{
	if (n_ips > ANALYZER_STACK_FRAMES) /* it is not; the verifier does not know */
		return -1;
	return bpf_ringbuf_output(&ring, record, head_bytes + n_ips * sizeof(__u64), BPF_RB_NO_WAKEUP);
}

#endif
