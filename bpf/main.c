/* SPDX-License-Identifier: Apache-2.0 */
/* spvscope-analyzer --control-fd=3: the one process with CAP_BPF and CAP_PERFMON. It loads both objects, gives up all
 * other privileges, says HELLO to the front, and then attaches to registered workers as it is told. One thread. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bpf/control.h"
#include "bpf/load.h"
#include "bpf/privileges.h"
#include "bpf/registration.h"
#include "bpf/session.h"

#define TARGET "bpf::main"

struct context {
	struct object *objects[3]; /* by enum analyzer_kind */
	struct control control;
};

static bool is_verbose(void *ctx, enum log_level level, const char *target)
{
	(void)target;
	return level <= (*(int *)ctx ? LOG_DEBUG : LOG_INFO);
}

/* Loads what is built. What only one kind lacks is told, and the other serves both. 0 when at least one is there. */
static int load_objects(struct context *c)
{
	char text[ANALYZER_TEXT_MAX];
	int error = 0;

	for (enum analyzer_kind name = ANALYZER_RELEASE; name <= ANALYZER_DEBUG; name++) {
		int r = object_load(name, c->objects[ANALYZER_RELEASE], &c->objects[name], text, sizeof(text));
		if (r >= 0) {
			c->control.objects |= 1u << object_kind(c->objects[name]);
			continue;
		}
		log_debug(TARGET, "%s", text); /* the front says it to people */
		/* A refusal says more than that something was not built. */
		if (!error || error == -ENOENT) {
			error = r;
			memcpy(c->control.text, text, sizeof(text));
		}
	}
	/* The kernel's type information, read for relocation, was 40 MB. */
	malloc_trim(0);
	return c->control.objects ? 0 : error;
}

static int prepare(struct context *c)
{
	struct control *control = &c->control;
	int r = load_objects(c);

	if (r >= 0)
		r = sessions_new(c->objects, &control->sessions, control->text, sizeof(control->text));
	if (r < 0)
		return r;
	r = registry_new(&control->registry);
	if (r < 0)
		snprintf(control->text, sizeof(control->text), "no registration socket: %s", strerror(-r));
	return r;
}

static void context_done(struct context *c)
{
	sessions_free(c->control.sessions);
	registry_free(c->control.registry);
	for (size_t i = 0; i < ARRAY_SIZE(c->objects); i++)
		object_free(c->objects[i]);
}

static int parse_options(int argc, char **argv, int *ret_control_fd, int *ret_verbose)
{
	static const struct option options[] = {
		{"control-fd", required_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	char *end;

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (o) {
		case 'c':
			*ret_control_fd = (int)strtol(optarg, &end, 10);
			if (*end || !*optarg)
				return -EINVAL;
			break;
		case 'v':
			*ret_verbose = 1;
			break;
		case 'V':
			printf("spvscope-analyzer %s\nlayout version %u\nrelease object: %s\ndebug object: %s\n",
				SPVSCOPE_VERSION, ANALYZER_LAYOUT_VERSION,
				HAVE_ANALYZER_RELEASE ? "built" ANALYZER_RELEASE_NOTE : "not built: " ANALYZER_RELEASE_WHY_NOT,
				HAVE_ANALYZER_DEBUG ? "built" : "not built: " ANALYZER_DEBUG_WHY_NOT);
			exit(EXIT_SUCCESS);
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

static bool is_seqpacket(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	static int verbose;
	struct context c = {.control.socket = -1};
	int r;

	log_setup("spvscope-analyzer", is_verbose, &verbose);
	r = parse_options(argc, argv, &c.control.socket, &verbose);
	if (r < 0 || !is_seqpacket(c.control.socket)) {
		fprintf(stderr, "usage: spvscope-analyzer --control-fd=FD [--verbose]\n"
			"It is started by spvscoped and serves it on a SOCK_SEQPACKET socket.\n"
			"       spvscope-analyzer --version\n");
		return EXIT_FAILURE;
	}
	prctl(PR_SET_NAME, "spvscope-analyz", 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	r = privileges_drop();
	if (r < 0) {
		log_error(TARGET, "cannot give up privileges: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = prepare(&c);
	if (r < 0) {
		c.control.unavailable = -r;
		c.control.objects = 0;
		sessions_free(TAKE_PTR(c.control.sessions));
		registry_free(TAKE_PTR(c.control.registry));
	}
	r = privileges_close_files();
	if (r < 0) {
		log_error(TARGET, "cannot give up opening files: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = control_serve(&c.control);
	if (r < 0)
		log_error(TARGET, "the front's socket: %s", strerror(-r));
	context_done(&c);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
