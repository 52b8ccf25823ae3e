/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles a command and prints its stacks folded, a line for each and how often it was seen, as flame graph programs
 * read them:
 *
 *   cc profile_command.c $(pkg-config --cflags --libs spvscope-analyzer) -o profile_command
 *   sudo ./profile_command glslangValidator -V shader.frag >stacks.folded */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <spvscope/analyzer.h>

struct stacks {
	struct spvscope_attachment *attachment;
	char **lines;
	size_t n, capacity;
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
	if (sample->end != SPVSCOPE_STACK_COMPLETE)
		fprintf(text, "[truncated]");
	for (uint32_t i = sample->n_ips; i-- > 0;) {
		struct spvscope_symbol symbol = {.size = sizeof(symbol)};
		if (spvscope_attachment_symbolize(s->attachment, sample->pid, sample->ips[i], i, &symbol) < 0)
			symbol.module = "[unknown]";
		fputs(ftell(text) > 0 ? ";" : "", text);
		if (symbol.function)
			fputs(symbol.function, text);
		else
			fprintf(text, "%s+0x%llx", symbol.module, (unsigned long long)symbol.offset);
	}
	fclose(text);
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? s->capacity * 2 : 1024;
		s->lines = realloc(s->lines, s->capacity * sizeof(*s->lines));
	}
	if (!s->lines || !line)
		abort();
	s->lines[s->n++] = line;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_folded(struct stacks *s)
{
	if (s->n)
		qsort(s->lines, s->n, sizeof(*s->lines), compare_lines);
	for (size_t i = 0, same; i < s->n; i += same) {
		for (same = 1; i + same < s->n && strcmp(s->lines[i], s->lines[i + same]) == 0; same++)
			;
		printf("%s %zu\n", s->lines[i], same);
	}
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
	int status = 0;
	pid_t pid;

	if (argc < 2 || spvscope_analyzer_open(&opts, &analyzer) < 0) {
		fprintf(stderr, "%s\n", error[0] ? error : "usage: profile_command COMMAND [ARGUMENT…] >stacks.folded");
		return 2;
	}
	if (spvscope_analyzer_spawn(analyzer, argv + 1, &how, &stacks.attachment, &pid) < 0) {
		fprintf(stderr, "%s\n", spvscope_analyzer_error(analyzer));
		return 2;
	}
	while (spvscope_attachment_poll(stacks.attachment, &callbacks, -1) >= 0)
		; /* until the command has ended */
	waitpid(pid, &status, 0);
	spvscope_attachment_statistics(stacks.attachment, &seen);
	fprintf(stderr, "%llu samples in %.3f s on a CPU, %llu expected; %llu complete, %llu lost\n",
		(unsigned long long)seen.samples, (double)seen.on_cpu_ns / 1e9, (unsigned long long)seen.expected,
		(unsigned long long)seen.complete, (unsigned long long)seen.lost);
	print_folded(&stacks);
	spvscope_analyzer_close(analyzer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
