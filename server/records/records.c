/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the records thread, the queue to it, and the look-ups that wait. Front: the public calls run on the loop's
 * thread, records_main on its own. An operation is a struct op: it goes from the loop to the thread and comes back (or
 * turns round at once, when memory has the answer), and its callback is called from an eventfd that the loop watches. */
#include "server/records/records.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/records/records_disk.h"
#include "server/records/records_memory.h"
#include "server/records/records_merge.h"

#define LOG_TARGET "server::records"

#define N_TICKET_BUCKETS 256u
#define MAX_QUEUED       4096u /* operations; beyond it records are not kept and look-ups find nothing */
#define MAX_TOGETHER     64u   /* records written in one transaction */
#define EXPIRE_EVERY_S   3600

enum op_type {
	OP_PUBLISH,
	OP_GET,
	OP_LIST,
	OP_DELETE,
};

struct op {
	enum op_type type;
	uint64_t ticket;
	bool cancelled;             /* loop's thread only */
	struct op *next;            /* in the one list that it is in: queue, done, or the waiters of an announcement */
	struct op *same_bucket;
	char id[COMPILE_ID_CHARS + 1];
	struct record *record;      /* PUBLISH: to be written; GET: what was found */
	struct records_query query; /* LIST; its words are owned */
	struct record_summary *rows;
	size_t n_rows;
	int result;
	union {
		records_done_fn done;
		records_get_fn get;
		records_list_fn list;
		records_delete_fn delete;
	};
	void *arg;
};

struct op_list {
	struct op *first, **end; /* end: where the next one is linked in */
};

/* A record that is being made. */
struct expected {
	struct expected *next;
	char id[COMPILE_ID_CHARS + 1];
	char trace_id[COMPILE_ID_CHARS + 1];
	struct op_list waiters;
};

struct records {
	/* loop's thread */
	struct records_memory *memory;
	struct expected *expected;
	struct op *tickets[N_TICKET_BUCKETS];
	uint64_t last_ticket;
	struct loop_source *source;
	int done_fd;                 /* eventfd: something is in done */
	/* the records thread, once it runs */
	struct records_disk *disk;   /* NULL: nothing is kept */
	pthread_t thread;
	bool has_thread;
	/* both, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct op_list queue, done;
	uint64_t n_queued, expired, write_errors;
	bool closing;
};

/* ---- operations ---- */

static void list_init(struct op_list *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static void list_add(struct op_list *l, struct op *op)
{
	op->next = NULL;
	*l->end = op;
	l->end = &op->next;
}

static struct op *list_take_all(struct op_list *l)
{
	struct op *first = l->first;

	list_init(l);
	return first;
}

static struct op *op_new(struct records *r, enum op_type type, const char *id, void *arg)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->type = type;
	op->arg = arg;
	if (id && strlen(id) <= COMPILE_ID_CHARS)
		strcpy(op->id, id);
	op->ticket = ++r->last_ticket;
	op->same_bucket = r->tickets[op->ticket % N_TICKET_BUCKETS];
	r->tickets[op->ticket % N_TICKET_BUCKETS] = op;
	return op;
}

static void op_free(struct records *r, struct op *op)
{
	struct op **p = &r->tickets[op->ticket % N_TICKET_BUCKETS];

	while (*p != op)
		p = &(*p)->same_bucket;
	*p = op->same_bucket;
	record_unref(op->record);
	record_summaries_free(op->rows, op->n_rows);
	free((char *)op->query.status);
	free((char *)op->query.language);
	free(op);
}

/* Any thread. The callback follows in a later turn of the loop. */
static void finish(struct records *r, struct op *op)
{
	pthread_mutex_lock(&r->lock);
	list_add(&r->done, op);
	pthread_mutex_unlock(&r->lock);
	eventfd_write(r->done_fd, 1);
}

/* Hands op to the records thread; when that cannot be, op comes back with error. */
static void submit(struct records *r, struct op *op, int error_if_refused)
{
	bool refused = false;

	pthread_mutex_lock(&r->lock);
	if (!r->has_thread || r->n_queued >= MAX_QUEUED) {
		refused = true;
		op->result = error_if_refused;
		list_add(&r->done, op);
	} else {
		list_add(&r->queue, op);
		r->n_queued++;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	if (refused)
		eventfd_write(r->done_fd, 1);
}

/* ---- the records thread ---- */

/* Writes the run of publications at the head of the batch in one transaction; returns what follows them. */
static struct op *write_together(struct records *r, struct op *op)
{
	struct record *records[MAX_TOGETHER] = { NULL };
	struct op *ops[MAX_TOGETHER];
	int results[MAX_TOGETHER] = { 0 };
	size_t n = 0, n_failed = 0;

	for (; op && op->type == OP_PUBLISH && n < MAX_TOGETHER; op = op->next) {
		ops[n] = op;
		records[n++] = op->record;
	}
	records_disk_put(r->disk, records, n, results);
	for (size_t i = 0; i < n; i++) {
		ops[i]->result = results[i];
		n_failed += results[i] < 0;
		if (results[i] < 0)
			log_error(LOG_TARGET, "record %s could not be kept: %s", records[i]->id, strerror(-results[i]));
	}
	pthread_mutex_lock(&r->lock);
	r->write_errors += n_failed;
	r->n_queued -= n;
	for (size_t i = 0; i < n; i++)
		list_add(&r->done, ops[i]);
	pthread_mutex_unlock(&r->lock);
	eventfd_write(r->done_fd, 1);
	return op;
}

static struct op *work_one(struct records *r, struct op *op)
{
	struct op *next = op->next;

	switch (op->type) {
	case OP_GET:
		op->result = records_disk_get(r->disk, op->id, &op->record);
		break;
	case OP_LIST:
		op->result = records_disk_list(r->disk, &op->query, &op->rows, &op->n_rows);
		break;
	case OP_DELETE:
		op->result = records_disk_delete(r->disk, op->id);
		break;
	case OP_PUBLISH:
		break;
	}
	if (op->result < 0 && op->result != -ENOENT)
		log_error(LOG_TARGET, "the database could not be read: %s", strerror(-op->result));
	pthread_mutex_lock(&r->lock);
	r->n_queued--;
	pthread_mutex_unlock(&r->lock);
	finish(r, op);
	return next;
}

/* Returns whether there may be more to expire. */
static bool expire_some(struct records *r)
{
	int n = records_disk_expire(r->disk, clock_realtime_ns());

	if (n < 0)
		log_warn(LOG_TARGET, "old records could not be deleted: %s", strerror(-n));
	if (n <= 0)
		return false;
	pthread_mutex_lock(&r->lock);
	r->expired += (uint64_t)n;
	pthread_mutex_unlock(&r->lock);
	return true;
}

/* Waits for operations, at most until it is time to expire; NULL: none came, or closing. */
static struct op *next_batch(struct records *r, bool wait, bool *ret_closing)
{
	struct timespec until;
	struct op *batch;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += EXPIRE_EVERY_S;
	pthread_mutex_lock(&r->lock);
	while (wait && !r->queue.first && !r->closing && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&r->wake, &r->lock, &until);
	batch = list_take_all(&r->queue);
	*ret_closing = r->closing;
	pthread_mutex_unlock(&r->lock);
	return batch;
}

static void *records_main(void *arg)
{
	struct records *r = arg;
	bool closing = false, more_to_expire = true; /* what grew old while the service was down */

	prctl(PR_SET_NAME, "records");
	for (;;) {
		struct op *op = next_batch(r, !more_to_expire, &closing);
		bool wrote = false;

		if (!op && closing)
			return NULL;
		more_to_expire = more_to_expire || !op; /* woken by the clock */
		while (op) {
			wrote = wrote || op->type == OP_PUBLISH;
			op = op->type == OP_PUBLISH ? write_together(r, op) : work_one(r, op);
		}
		if (more_to_expire || wrote)
			more_to_expire = expire_some(r);
	}
}

/* ---- callbacks, on the loop's thread ---- */

static void call_list(struct records *r, struct op *op)
{
	_cleanup_free_ struct record_summary *rows = NULL;
	_cleanup_free_ struct record **recent = NULL;
	size_t n_recent = 0, n = 0;

	if (records_memory_query(r->memory, &op->query, &recent, &n_recent) == 0)
		rows = calloc(n_recent + op->n_rows + 1, sizeof(*rows));
	if (rows)
		n = records_merge(recent, n_recent, op->rows, op->n_rows, rows);
	op->list(op->arg, rows, n < op->query.limit ? n : op->query.limit, n > op->query.limit);
}

static void complete(struct records *r, struct op *op)
{
	switch (op->type) {
	case OP_PUBLISH:
		if (op->result == 0 && op->record)
			op->record->kept = true;
		if (op->done && !op->cancelled)
			op->done(op->arg, op->result);
		break;
	case OP_GET:
		/* From disk: the viewer asks for the same one several times in a row. */
		if (op->record && op->record->kept && !records_memory_get(r->memory, op->id))
			records_memory_put(r->memory, op->record);
		if (!op->cancelled)
			op->get(op->arg, op->record);
		break;
	case OP_LIST:
		if (!op->cancelled)
			call_list(r, op);
		break;
	case OP_DELETE:
		/* A look-up ahead of it in the queue may have brought the record back. */
		if (op->result >= 0 && records_memory_remove(r->memory, op->id))
			op->result = 1;
		if (!op->cancelled)
			op->delete(op->arg, op->result);
		break;
	}
	op_free(r, op);
}

static void on_done(void *arg, uint32_t events)
{
	struct records *r = arg;
	eventfd_t count;
	struct op *op, *next;

	(void)events;
	eventfd_read(r->done_fd, &count);
	pthread_mutex_lock(&r->lock);
	op = list_take_all(&r->done);
	pthread_mutex_unlock(&r->lock);
	for (; op; op = next) {
		next = op->next;
		complete(r, op);
	}
}

/* ---- life ---- */

static int start_thread(struct records *r)
{
	sigset_t all, before;
	int error;

	/* Signals are the loop's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&r->thread, NULL, records_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->has_thread = error == 0;
	return -error;
}

static void init_sync(struct records *r)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&r->queue);
	list_init(&r->done);
}

int records_open(struct loop *loop, const struct records_options *o, struct records **ret)
{
	struct records *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	init_sync(r);
	r->memory = records_memory_new(o->memory_count, o->memory_bytes);
	r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = !r->memory ? -ENOMEM : r->done_fd < 0 ? -errno : 0;
	if (error == 0)
		error = loop_watch(loop, r->done_fd, EPOLLIN, on_done, r, &r->source);
	if (error == 0 && o->disk_count > 0) {
		error = records_disk_open(o, &r->disk);
		if (error == 0)
			error = start_thread(r);
	}
	if (error < 0) {
		records_close(r);
		return error;
	}
	*ret = r;
	return 0;
}

/* Every operation in flight has a ticket, whichever list it is in. */
static void free_everything(struct records *r)
{
	struct expected *e;

	for (size_t i = 0; i < N_TICKET_BUCKETS; i++)
		while (r->tickets[i])
			op_free(r, r->tickets[i]);
	while ((e = r->expected)) {
		r->expected = e->next;
		free(e);
	}
}

void records_close(struct records *r)
{
	if (!r)
		return;
	if (r->has_thread) {
		pthread_mutex_lock(&r->lock);
		r->closing = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
	}
	loop_source_free(r->source);
	free_everything(r);
	records_disk_close(r->disk);
	records_memory_free(r->memory);
	fd_close(r->done_fd);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- announcements ---- */

static struct expected *find_expected(struct records *r, const char *id)
{
	/* One for each compile in flight: a list will do. */
	for (struct expected *e = r->expected; e; e = e->next)
		if (!strcmp(e->trace_id, id) || !strcmp(e->id, id))
			return e;
	return NULL;
}

int records_expect(struct records *r, const char *id, const char *trace_id)
{
	struct expected *e;

	if (strlen(id) > COMPILE_ID_CHARS || strlen(trace_id) > COMPILE_ID_CHARS)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	strcpy(e->id, id);
	strcpy(e->trace_id, trace_id);
	list_init(&e->waiters);
	e->next = r->expected;
	r->expected = e;
	return 0;
}

/* Ends an announcement: whoever waits gets record, which may be NULL. */
static void settle(struct records *r, const char *trace_id, struct record *record)
{
	struct expected *e = find_expected(r, trace_id), **p = &r->expected;
	struct op *next;

	if (!e)
		return;
	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	for (struct op *op = list_take_all(&e->waiters); op; op = next) {
		next = op->next;
		op->record = record ? record_ref(record) : NULL;
		finish(r, op);
	}
	free(e);
}

void records_publish(struct records *r, struct record *record, bool keep, records_done_fn done, void *arg)
{
	struct op *op;

	if (records_memory_put(r->memory, record) < 0)
		log_error(LOG_TARGET, "no memory for record %s", record->id);
	settle(r, record->trace_id, record);
	if (!keep && !done)
		return;
	op = op_new(r, OP_PUBLISH, record->id, arg);
	if (!op) {
		log_error(LOG_TARGET, "no memory to keep record %s", record->id);
		if (done)
			done(arg, -ENOMEM);
		return;
	}
	op->done = done;
	if (keep) {
		op->record = record_ref(record);
		submit(r, op, r->has_thread ? -EBUSY : -EOPNOTSUPP);
	} else {
		finish(r, op);
	}
}

void records_forget(struct records *r, const char *trace_id)
{
	settle(r, trace_id, NULL);
}

/* ---- asking ---- */

uint64_t records_get(struct records *r, const char *id, records_get_fn fn, void *arg)
{
	struct op *op = op_new(r, OP_GET, id, arg);
	struct expected *e = find_expected(r, id);
	struct record *record;

	if (!op)
		return 0;
	op->get = fn;
	record = records_memory_get(r->memory, id);
	if (record) {
		op->record = record_ref(record);
		finish(r, op);
	} else if (e) {
		list_add(&e->waiters, op);
	} else {
		submit(r, op, -ENOENT);
	}
	return op->ticket;
}

static int copy_word(const char *word, const char **ret)
{
	if (!word)
		return 0;
	*ret = strdup(word);
	return *ret ? 0 : -ENOMEM;
}

uint64_t records_list(struct records *r, const struct records_query *q, records_list_fn fn, void *arg)
{
	struct op *op = op_new(r, OP_LIST, NULL, arg);

	if (!op)
		return 0;
	op->list = fn;
	op->query.limit = q->limit;
	op->query.before_unix_ns = q->before_unix_ns;
	if (copy_word(q->status, &op->query.status) < 0 || copy_word(q->language, &op->query.language) < 0) {
		op_free(r, op);
		return 0;
	}
	submit(r, op, -EBUSY);
	return op->ticket;
}

uint64_t records_delete(struct records *r, const char *id, records_delete_fn fn, void *arg)
{
	struct op *op = op_new(r, OP_DELETE, id, arg);

	if (!op)
		return 0;
	op->delete = fn;
	/* Stays in memory until the database has forgotten it, so that the answer tells what became of both. */
	submit(r, op, r->has_thread ? -EBUSY : 0);
	return op->ticket;
}

void records_cancel(struct records *r, uint64_t ticket)
{
	for (struct op *op = r->tickets[ticket % N_TICKET_BUCKETS]; op; op = op->same_bucket)
		if (op->ticket == ticket)
			op->cancelled = true;
}

void records_counters(struct records *r, struct records_counters *ret)
{
	*ret = (struct records_counters){
		.in_memory = records_memory_count(r->memory),
		.memory_bytes = records_memory_bytes(r->memory),
		.evicted = records_memory_evicted(r->memory),
		.on_disk = r->disk ? records_disk_count(r->disk) : 0,
		.disk_bytes = r->disk ? records_disk_bytes(r->disk) : 0,
	};
	pthread_mutex_lock(&r->lock);
	ret->expired = r->expired;
	ret->write_errors = r->write_errors;
	ret->queue_length = r->n_queued;
	pthread_mutex_unlock(&r->lock);
}
