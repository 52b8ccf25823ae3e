/* SPDX-License-Identifier: Apache-2.0 */
/* spvscope-worker: the program that the front starts as its worker template. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "codegen/command/command.h"
#include "codegen/plugins.h"
#include "codegen/tools/host.h"
#include "codegen/trace/filter.h"
#include "codegen/worker/sandbox.h"
#include "codegen/worker/template.h"
#include "spvscope/codegen.h"

static const char help_text[] =
	"spvscope-worker: compiles shaders for spvscoped, in processes that can do nothing else.\n"
	"\n"
	"spvscoped starts this program and talks to it over a socket; by hand there is nothing to do with it but to\n"
	"look at it. Start spvscoped instead.\n"
	"\n"
	"  --control-fd=N   serve as the worker template on descriptor N, a SOCK_SEQPACKET socket\n"
	"  --command=LINE   add a compiler of the user's own, as the service's option does; may be repeated\n"
	"  --backend-dir=DIR  load each *.so there as a back end; may be repeated\n"
	"  --sandbox        print what a worker may do, with the reason of each rule\n"
	"  --version        print the versions of this program and of the compilers\n"
	"  --help           print this\n"
	"\n"
	"SPVSCOPE_LOG sets what is logged to standard error, as in \"warn,worker::template=debug\".\n";

static bool filter_log(void *ctx, enum log_level level, const char *target)
{
	return trace_filter_matches(ctx, (enum spvscope_level)level, target);
}

static void setup_log(struct trace_filter *filter)
{
	char error[256];

	trace_filter_init(filter, SPVSCOPE_LEVEL_INFO);
	log_setup("spvscope-worker", filter_log, filter);
	if (trace_filter_parse(filter, getenv("SPVSCOPE_LOG"), error, sizeof(error)) < 0)
		log_warn("worker", "SPVSCOPE_LOG: %s", error);
	/* Read the time zone's file now: a confined worker cannot, and its log lines have a time. */
	tzset();
}

static int parse_control_fd(const char *text, int *ret)
{
	char *end;
	int type;
	socklen_t len = sizeof(type);

	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno || *text == '\0' || *end != '\0' || fd <= STDERR_FILENO || fd > 1 << 20) {
		fprintf(stderr, "spvscope-worker: --control-fd wants the number of a descriptor above 2, not \"%s\"\n",
			text);
		return -EINVAL;
	}
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr,
			"spvscope-worker: descriptor %ld is not a SOCK_SEQPACKET socket; spvscoped starts this program, "
			"see --help\n",
			fd);
		return -EINVAL;
	}
	*ret = (int)fd;
	return 0;
}

/* The front has looked at the line already; what is wrong with one must not keep the others from work. */
static void add_command(const char *line)
{
	char error[256] = "no memory";

	if (command_add(line, error, sizeof(error)) < 0)
		log_warn("worker::template", "command '%.80s': %s", line, error);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"control-fd", required_argument, NULL, 'c'},
		{"command", required_argument, NULL, 'm'},
		{"backend-dir", required_argument, NULL, 'b'},
		{"sandbox", no_argument, NULL, 's'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct trace_filter filter;
	int control_fd = -1, option;

	setup_log(&filter);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			if (parse_control_fd(optarg, &control_fd) < 0)
				return 2;
			break;
		case 'm':
			add_command(optarg);
			break;
		case 'b':
			plugins_load(optarg);
			break;
		case 's':
			sandbox_describe(stdout);
			printf("\nExternal tools run beside their worker.\n\n");
			host_describe(stdout);
			return 0;
		case 'v':
			printf("spvscope-worker %s\n%s\n", SPVSCOPE_VERSION, spvscope_compiler_versions());
			return 0;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "spvscope-worker: what is \"%s\"? See --help\n", argv[optind]);
		return 2;
	}
	if (control_fd < 0) {
		fputs(help_text, stderr);
		return 2;
	}
	int r = template_run(control_fd);
	if (r < 0) {
		log_error("worker::template", "ends: %s", strerror(-r));
		return 1;
	}
	return 0;
}
