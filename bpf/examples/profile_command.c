/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles a command and prints its stacks folded, a line for each and how often it was seen, as flame graph programs
 * read them. What the command itself prints goes to standard error:
 *
 *   cc profile_command.c $(pkg-config --cflags --libs spvscope-analyzer) -o profile_command
 *   sudo ./profile_command glslangValidator -V shader.frag >stacks.folded */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <spvscope/analyzer.h>

struct stacks {
	struct spvscope_attachment *attachment;
	char **lines;
	size_t n;
};

/* One sample is one line, the outermost function first. */
static void on_sample(void *arg, const struct spvscope_sample *sample)
{
	struct stacks *s = arg;
	size_t size;
	char *line = NULL;
	FILE *text = open_memstream(&line, &size);

	if (!text)
		abort();
	if (sample->end != SPVSCOPE_STACK_COMPLETE || !sample->n_ips)
		fprintf(text, sample->n_ips ? "[truncated]" : "[exec]"); /* in the midst of an exec there is no stack */
	for (uint32_t i = sample->n_ips; i-- > 0;) {
		struct spvscope_symbol symbol = {.size = sizeof(symbol)};
		if (spvscope_attachment_symbolize(s->attachment, sample->pid, sample->ips[i], i, &symbol) < 0)
			symbol.module = "[unknown]";
		fprintf(text, "%s%s", ftell(text) > 0 ? ";" : "", symbol.function ? symbol.function : symbol.module);
		if (!symbol.function)
			fprintf(text, "+0x%llx", (unsigned long long)symbol.offset);
	}
	fclose(text);
	s->lines = realloc(s->lines, (s->n + 1) * sizeof(*s->lines));
	if (!s->lines || !line)
		abort();
	s->lines[s->n++] = line;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_folded(struct stacks *s, FILE *out)
{
	if (s->n)
		qsort(s->lines, s->n, sizeof(*s->lines), compare_lines);
	for (size_t i = 0, same; i < s->n; i += same) {
		for (same = 1; i + same < s->n && strcmp(s->lines[i], s->lines[i + same]) == 0; same++)
			;
		fprintf(out, "%s %zu\n", s->lines[i], same);
	}
}

static int fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	return 2;
}

int main(int argc, char **argv)
{
	char error[512] = "";
	struct spvscope_analyzer_opts opts = {.size = sizeof(opts), .error = error, .error_size = sizeof(error)};
	struct spvscope_attach_opts how = {.size = sizeof(how), .flags = SPVSCOPE_ATTACH_TREE, .frequency_hz = 1999};
	struct spvscope_statistics seen = {.size = sizeof(seen)};
	struct spvscope_analyzer *analyzer;
	struct stacks stacks = {0};
	struct spvscope_callbacks callbacks = {.size = sizeof(callbacks), .arg = &stacks, .sample = on_sample};
	FILE *out = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	int status = 0;
	pid_t pid;

	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (argc < 2 || !out || spvscope_analyzer_open(&opts, &analyzer) < 0)
		return fail(error[0] ? error : "usage: profile_command COMMAND [ARGUMENT…] >stacks.folded");
	if (spvscope_analyzer_spawn(analyzer, argv + 1, &how, &stacks.attachment, &pid) < 0)
		return fail(spvscope_analyzer_error(analyzer));
	while (spvscope_attachment_poll(stacks.attachment, &callbacks, -1) >= 0)
		; /* until the command has ended */
	waitpid(pid, &status, 0);
	spvscope_attachment_statistics(stacks.attachment, &seen);
	fprintf(stderr, "%llu samples in %.3f s on a CPU, %llu expected; %llu complete, %llu lost\n",
		(unsigned long long)seen.samples, (double)seen.on_cpu_ns / 1e9, (unsigned long long)seen.expected,
		(unsigned long long)seen.complete, (unsigned long long)seen.lost);
	print_folded(&stacks, out);
	fclose(out);
	spvscope_analyzer_close(analyzer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
