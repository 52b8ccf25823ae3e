/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a compile, and as one of a batch: what is taken is written again, and decodes to the same once more. */
#include <string.h>

#include "api/batch.h"
#include "api/request.h"
#include "tests/fuzz/fuzz.h"

static void check_written_form(const struct compile_request *r)
{
	struct compile_request again = {0};
	struct strbuf first = {0}, second = {0};
	struct diag d = {0};

	request_json(r, REQUEST_WHOLE, &first);
	compile_request_init(&again);
	FUZZ_CHECK(compile_request_from_json(first.data, first.len, &again, &d) == 0);
	request_json(&again, REQUEST_WHOLE, &second);
	FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	compile_request_done(&again);
	strbuf_done(&first);
	strbuf_done(&second);
}

static void try_compile(const uint8_t *data, size_t size)
{
	struct compile_request r = {0};
	struct diag d = {0};

	compile_request_init(&r);
	if (compile_request_from_json((const char *)data, size, &r, &d) == 0)
		check_written_form(&r);
	compile_request_done(&r);
}

static void try_batch(const uint8_t *data, size_t size)
{
	struct strbuf body = {0};
	struct batch_request *b = NULL;
	struct diag d = {0};

	strbuf_puts(&body, "{\"shared\": {\"defines\": {\"A\": \"2\"}, \"keep\": true}, \"compiles\": [");
	strbuf_append(&body, data, size);
	strbuf_puts(&body, "]}");
	if (batch_request_from_json(body.data, body.len, &b, &d) == 0) {
		for (size_t i = 0; i < batch_request_count(b); i++) {
			struct compile_request r = {0};

			FUZZ_CHECK(batch_request_id(b, i) != NULL);
			compile_request_init(&r);
			if (batch_request_decode(b, i, &r, &d) == 0)
				check_written_form(&r);
			compile_request_done(&r);
		}
	}
	batch_request_free(b);
	strbuf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_compile(data, size);
	try_batch(data, size);
	return 0;
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	static const char whole[] =
		"{\"name\":\"a.frag\",\"language\":\"glsl\",\"stage\":\"frag\",\"source\":\"#version 450\\nvoid main() {}\\u00e9\","
		"\"files\":{\"h\":\"int x;\",\"b\":{\"base64\":\"AAEC\"}},\"entry_point\":\"main\",\"target\":{\"env\":\"vulkan1.2\","
		"\"spirv\":\"1.4\"},\"defines\":{\"A\":\"1\",\"B\":null},\"undefines\":[\"C\"],\"optimize\":{\"passes\":[\"--strip-debug\","
		"\"-O\"]},\"debug_info\":\"line\",\"emit\":[\"spirv\",\"glsl\",\"reflection\"],\"binding_bases\":[{\"resource\":\"ubo\","
		"\"base\":7,\"set\":1}],\"resource_limits\":{\"MaxViewports\":5},\"hlsl\":{},\"validator\":{\"max_id_bound\":9000},"
		"\"trace\":{\"level\":\"debug\",\"filter\":\"codegen=debug\"},\"analyzer\":{\"kind\":\"release\",\"frequency_hz\":99},"
		"\"limits\":{\"wall_ms\":1000},\"document\":{\"session\":\"s\",\"uri\":\"u\",\"version\":3},\"keep\":true,"
		"\"position_encoding\":\"utf-8\"}";

	FUZZ_CHECK(sizeof(whole) <= size);
	memcpy(buf, whole, sizeof(whole) - 1);
	return sizeof(whole) - 1;
}
