/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to a worker and comes back: the job and the result as bytes, in a message where they fit, else in a sealed
 * memfd. Runs on the loop's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/job_wire.h"
#include "server/compile/compile_private.h"

#define SMALL_RESULT_BYTES (64u << 10) /* read rather than mapped */
#define RESULT_SEALS       (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static int seal_job(struct compile *c)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < c->job.len;) {
		ssize_t n = write(fd, c->job.data + at, c->job.len - at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, RESULT_SEALS | F_SEAL_SEAL) < 0)
		return -errno;
	c->job_fd = TAKE_FD(fd);
	return 0;
}

int compile_make_job(struct compile *c)
{
	if (c->job.len)
		return 0;
	job_encode(&c->a.request.job, &c->job);
	if (c->job.failed)
		return -ENOMEM;
	return c->job.len > WORKER_PAYLOAD_MAX ? seal_job(c) : 0;
}

/* Sizes and seals are checked before a byte is read: what can still change under our eyes is refused. */
static int read_result_from(struct compile *c, int fd, struct spvscope_result *ret)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *data;
	int r;

	if (seals < 0 || (seals & RESULT_SEALS) != RESULT_SEALS || fstat(fd, &st) < 0)
		return -EBADMSG;
	if (st.st_size <= 0 || (uint64_t)st.st_size > c->service->o.output_bytes)
		return -EBADMSG;
	if (st.st_size <= (off_t)SMALL_RESULT_BYTES) {
		_cleanup_free_ void *copy = malloc((size_t)st.st_size);

		if (!copy)
			return -ENOMEM;
		if (pread(fd, copy, (size_t)st.st_size, 0) != st.st_size)
			return -EBADMSG;
		return result_decode(copy, (size_t)st.st_size, ret);
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = result_decode(data, (size_t)st.st_size, ret);
	munmap(data, (size_t)st.st_size);
	return r;
}

int compile_read_result(struct compile *c, const struct worker_message *m, const void *payload,
	struct spvscope_result *ret)
{
	if (!m->payload_len)
		return read_result_from(c, c->worker->result_fd, ret);
	return m->payload_len <= c->service->o.output_bytes ? result_decode(payload, m->payload_len, ret) : -EBADMSG;
}
