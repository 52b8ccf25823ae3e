/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what passes between front, worker and tool host: a result or a job that is taken is written again, and read as
 * the same once more; requests and answers of tools are taken whole or not at all. */
#include <string.h>

#include "codegen/job_wire.h"
#include "codegen/tools/exchange.h"
#include "tests/fuzz/fuzz.h"

static void try_result(const uint8_t *data, size_t size)
{
	struct spvscope_result r = {0}, again = {0};
	struct strbuf first = {0}, second = {0};

	if (result_decode(data, size, &r) == 0) {
		result_encode(&r, &first);
		FUZZ_CHECK(result_decode(first.data, first.len, &again) == 0);
		result_encode(&again, &second);
		FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	}
	spvscope_result_done(&r);
	spvscope_result_done(&again);
	strbuf_done(&first);
	strbuf_done(&second);
}

static void try_job(const uint8_t *data, size_t size)
{
	struct spvscope_job job = {0}, again = {0};
	struct strbuf first = {0}, second = {0};

	if (job_decode(data, size, &job) == 0) {
		job_encode(&job, &first);
		FUZZ_CHECK(job_decode(first.data, first.len, &again) == 0);
		job_encode(&again, &second);
		FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	}
	spvscope_job_done(&job);
	spvscope_job_done(&again);
	strbuf_done(&first);
	strbuf_done(&second);
}

static void try_tool(const uint8_t *data, size_t size)
{
	struct host_request q = {0};
	struct tool_answer a = {0};

	if (exchange_get_request(data, size, &q) == 0)
		host_request_done(&q);
	if (exchange_get_answer(data, size, &a) == 0)
		answer_free(&a);
}

/* The lengths of the four stand before them; one that lies ends where the bytes do. */
#define N_MESSAGES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[N_MESSAGES])(const uint8_t *data, size_t size) = {try_result, try_job, try_tool, try_tool};
	uint16_t lengths[N_MESSAGES];

	if (size < sizeof(lengths))
		return 0;
	memcpy(lengths, data, sizeof(lengths));
	data += sizeof(lengths);
	size -= sizeof(lengths);
	for (size_t i = 0; i < N_MESSAGES; i++) {
		size_t n = lengths[i] < size ? lengths[i] : size;
		uint8_t *exact = malloc(n ? n : 1);

		FUZZ_CHECK(exact);
		memcpy(exact, data, n);
		tries[i](exact, n);
		free(exact);
		data += n;
		size -= n;
	}
	return 0;
}

static void put_result(struct strbuf *out)
{
	static uint32_t words[] = {0x07230203, 0x10600, 0, 8, 0};
	static char *names[] = {(char *)"c.glsl", (char *)"d.glsl"};
	struct spvscope_result r = {
		.status = SPVSCOPE_STATUS_FAILED,
		.spirv = words,
		.n_spirv_words = sizeof(words) / sizeof(*words),
		.disassembly = (char *)"OpNop",
		.dependencies = names,
		.n_dependencies = 2,
		.absent = names,
		.n_absent = 1,
	};

	FUZZ_CHECK(spvscope_result_diagnose(&r, SPVSCOPE_SEVERITY_ERROR, "spirv-val", "VUID-1", "c.glsl", 3, 4, 7, "bad") == 0);
	result_encode(&r, out);
	struct spvscope_result diagnostics = {.diagnostics = r.diagnostics, .n_diagnostics = r.n_diagnostics};
	spvscope_result_done(&diagnostics);
}

static void put_job(struct strbuf *out)
{
	static struct spvscope_file files[] = {{.name = (char *)"h", .data = (uint8_t *)(uintptr_t)"int x;", .size = 6}};
	static char *passes[] = {(char *)"--ccp"};
	const struct spvscope_job job = {
		.language = SPVSCOPE_LANGUAGE_GLSL,
		.stage = SPVSCOPE_STAGE_VERTEX,
		.source = {.name = (char *)"a.vert", .data = (uint8_t *)(uintptr_t)"void main() {}", .size = 14},
		.files = files,
		.n_files = 1,
		.entry_point = (char *)"main",
		.env = SPVSCOPE_ENV_VULKAN_1_3,
		.optimize = SPVSCOPE_OPTIMIZE_PASSES,
		.passes = passes,
		.n_passes = 1,
		.emit = SPVSCOPE_EMIT_SPIRV,
	};

	job_encode(&job, out);
}

static void put_request(struct strbuf *out)
{
	static const char *const argv[] = {"clang", "-o", "out.spv", "a.cl", NULL};
	static const struct tool_file files[] = {{"a.cl", "kernel void f() {}", 18}, {"h/b.h", "", 0}};
	const struct tool_request q = {.argv = argv, .files = files, .n_files = 2, .outputs = {"out.spv"}, .n_outputs = 1};

	exchange_put_request(out, &q, 1 << 28, 12345);
}

static void put_answer(struct strbuf *out)
{
	const struct tool_answer a = {.end = TOOL_SIGNALED, .status = 11, .pid = 7, .exit_ns = 9, .out = (char *)"said", .out_size = 4,
		.err = (char *)"", .outputs = {(char *)"\x03\x02#\x07"}, .output_sizes = {4}};

	exchange_put_answer(out, &a, 1);
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	static void (*const puts[N_MESSAGES])(struct strbuf *out) = {put_result, put_job, put_request, put_answer};
	uint16_t lengths[N_MESSAGES];
	struct strbuf all = {0};

	for (size_t i = 0; i < N_MESSAGES; i++) {
		size_t before = all.len;

		puts[i](&all);
		lengths[i] = (uint16_t)(all.len - before);
	}
	FUZZ_CHECK(!all.failed && sizeof(lengths) + all.len <= size);
	memcpy(buf, lengths, sizeof(lengths));
	memcpy(buf + sizeof(lengths), all.data, all.len);
	size_t len = sizeof(lengths) + all.len;
	strbuf_done(&all);
	return len;
}
