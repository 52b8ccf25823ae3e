/* SPDX-License-Identifier: Apache-2.0 */
/* perf_event_open(2) for sampling one task. Analyzer process, main thread. */
#include "bpf/perf_event.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

const char *perf_source_name(enum perf_source source)
{
	return source == PERF_SOURCE_CYCLES ? "cycles" : "cpu-clock";
}

int perf_event_open_task(enum perf_source source, pid_t pid, uint32_t frequency_hz, uint32_t flags, int program_fd)
{
	/* No sample_type: the program takes what it wants. */
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = !(flags & PERF_ENABLED),
		.inherit = 1,
		.inherit_thread = !!(flags & PERF_ALONE),
		.enable_on_exec = !!(flags & PERF_AT_EXEC),
	};
	_cleanup_fd_ int fd = -1;

	if (source == PERF_SOURCE_CYCLES) {
		attr.type = PERF_TYPE_HARDWARE;
		attr.config = PERF_COUNT_HW_CPU_CYCLES;
		attr.freq = 1;
		attr.sample_freq = frequency_hz;
	} else {
		/* The kernel maps a clock's frequency to this very period; said as a period it is not held to
		 * kernel.perf_event_max_sample_rate, which the kernel lowers by itself on a busy machine. */
		attr.sample_period = NS_PER_S / frequency_hz;
	}
	fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (program_fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int perf_event_enable(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0 ? -errno : 0;
}

int perf_event_disable(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) < 0 ? -errno : 0;
}

int perf_event_read_on_cpu(int fd, uint64_t *ret_ns)
{
	struct {
		uint64_t value, time_enabled, time_running;
	} count;
	ssize_t n = read(fd, &count, sizeof(count));

	if (n != sizeof(count))
		return n < 0 ? -errno : -EIO;
	*ret_ns = count.time_running;
	return 0;
}
