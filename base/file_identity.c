/* SPDX-License-Identifier: Apache-2.0 */
/* What stat tells of files, as text and as a number. Runs in the front and in the workers' template. */
#include "base/file_identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int print(const struct stat *st, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%x:%x:%ju %jd %jd.%09ld %jd.%09ld", major(st->st_dev), minor(st->st_dev),
		(uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);

	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

int file_identity(const char *path, char *ret, size_t size)
{
	struct stat st;

	ret[0] = '\0';
	return stat(path, &st) < 0 ? -errno : print(&st, ret, size);
}

/* FNV-1a: nobody gains by two files that look the same. */
static uint64_t hash_text(const char *s)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3ull;
	return hash;
}

static uint64_t sum_of_folder(DIR *folder)
{
	uint64_t sum = 0;

	for (struct dirent *e; (e = readdir(folder)); ) {
		char text[FILE_IDENTITY_MAX] = "";
		struct stat st;

		if (fstatat(dirfd(folder), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			print(&st, text, sizeof(text));
		sum += hash_text(text) ^ hash_text(e->d_name); /* readdir gives them in no order */
	}
	return sum;
}

uint64_t file_identity_mix(uint64_t hash, const char *path)
{
	char text[FILE_IDENTITY_MAX];
	DIR *folder = opendir(path);

	file_identity(path, text, sizeof(text));
	hash = (hash ^ hash_text(path)) * 0x9e3779b97f4a7c15ull;
	hash = (hash ^ hash_text(text)) * 0x9e3779b97f4a7c15ull;
	if (folder) {
		hash = (hash ^ sum_of_folder(folder)) * 0x9e3779b97f4a7c15ull;
		closedir(folder);
	}
	return hash ^ hash >> 32;
}
