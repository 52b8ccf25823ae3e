/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of requests and of their files. Loop thread. */
#include "server/cache/cache_key.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define KEY_VERSION "spvscope cache 1 " SPVSCOPE_VERSION

/* Languages whose back ends tell by each name what they looked for. For the others every file counts. */
#define NAMES_MAX 512 /* of files that a result depends on; with more it depends on all that the request brings */
#define LANGUAGES_THAT_TELL                                                                        \
	(1u << SPVSCOPE_LANGUAGE_GLSL | 1u << SPVSCOPE_LANGUAGE_HLSL | 1u << SPVSCOPE_LANGUAGE_SPIRV_ASM | \
		1u << SPVSCOPE_LANGUAGE_SPIRV)

static void put(struct sha256_ctx *ctx, const void *data, size_t size)
{
	uint64_t length = size;

	sha256_update(ctx, sizeof(length), (const uint8_t *)&length);
	sha256_update(ctx, size, data);
}

static void put_text(struct sha256_ctx *ctx, const char *s)
{
	put(ctx, s, strlen(s));
}

void cache_key_of_bytes(const struct cache_bytes *pieces, size_t n, struct cache_key *ret)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (size_t i = 0; i < n; i++)
		put(&ctx, pieces[i].data, pieces[i].size);
	sha256_digest(&ctx, sizeof(ret->bytes), ret->bytes);
}

int cache_key_of_request(const struct compile_request *q, const char *compilers, const char *filter, bool fresh,
	struct cache_key *ret)
{
	_cleanup_strbuf_ struct strbuf fields = {0};
	struct compile_request same = *q; /* shallow: what does not matter is left out */
	struct sha256_ctx ctx;
	uint8_t is_fresh = fresh;

	same.job.files = NULL;
	same.job.n_files = 0;
	same.has_trace_level = false; /* the filter says it all */
	same.trace_filter = NULL;
	same.document.session = same.document.uri = NULL;
	same.document.version = 0;
	same.isolation = ISOLATION_DEFAULT;
	same.keep = false;
	/* By the table of fields: what is added there is in the key. */
	request_json(&same, REQUEST_WITHOUT_SOURCE, &fields);
	if (fields.failed)
		return -ENOMEM;
	sha256_init(&ctx);
	put_text(&ctx, KEY_VERSION);
	put_text(&ctx, compilers);
	put_text(&ctx, filter);
	put(&ctx, &is_fresh, 1);
	put(&ctx, fields.data, fields.len);
	put(&ctx, q->job.source.data, q->job.source.size);
	sha256_digest(&ctx, sizeof(ret->bytes), ret->bytes);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_odd(const char *base)
{
	return base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0;
}

static bool has_name(const struct cache_names *names, const char *base)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->names[i], base) == 0)
			return true;
	return false;
}

void cache_names_done(struct cache_names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->names[i]);
	free(n->names);
	*n = (struct cache_names){0};
}

static int add_names(struct cache_names *to, char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *base = base_name(paths[i]);

		if (is_odd(base)) {
			to->all = true;
			return 0;
		}
		if (has_name(to, base))
			continue;
		to->names[to->n] = strdup(base);
		if (!to->names[to->n])
			return -ENOMEM;
		to->n++;
	}
	return 0;
}

int cache_names_of_result(const struct spvscope_result *result, struct cache_names *ret)
{
	int r = 0;

	if (!result || result->absent_cut || !(LANGUAGES_THAT_TELL & 1u << result->language)) {
		ret->all = true;
		return 0;
	}
	if (result->n_dependencies + result->n_absent == 0)
		return 0;
	if (result->n_dependencies + result->n_absent > NAMES_MAX) {
		ret->all = true;
		return 0;
	}
	ret->names = calloc(result->n_dependencies + result->n_absent, sizeof(*ret->names));
	if (!ret->names)
		return -ENOMEM;
	r = add_names(ret, result->dependencies, result->n_dependencies);
	if (r >= 0)
		r = add_names(ret, result->absent, result->n_absent);
	if (r < 0)
		cache_names_done(ret);
	return r;
}

void cache_key_of_files(const struct spvscope_job *job, const struct cache_names *names, struct cache_key *ret)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (size_t i = 0; i < job->n_files; i++) {
		const struct spvscope_file *f = &job->files[i];
		const char *base = base_name(f->name);

		if (!names->all && !is_odd(base) && !has_name(names, base))
			continue;
		put_text(&ctx, f->name);
		put(&ctx, f->data, f->size);
	}
	sha256_digest(&ctx, sizeof(ret->bytes), ret->bytes);
}

bool cache_key_equal(const struct cache_key *a, const struct cache_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

uint64_t cache_key_hash(const struct cache_key *k)
{
	uint64_t hash;

	memcpy(&hash, k->bytes, sizeof(hash));
	return hash;
}
