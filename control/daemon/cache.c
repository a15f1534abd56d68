/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define ENTRY_MAGIC  "PSTRNCA\x02"
#define ENTRY_SUFFIX ".ruleset"
#define WORK_SUFFIX  ".new"

/* What an entry starts with; the listing follows, then, at a multiple of 64, the blob. */
struct entry_header {
	uint8_t magic[8];
	uint8_t digest[32]; /* BLAKE2b of all octets behind this field */
	uint64_t listing_len;
	uint64_t blob_offset;
	uint64_t blob_len;
};

#define DIGEST_START (offsetof(struct entry_header, digest) + 32)

static bool
path_in(char out[PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix);

	return n > 0 && n < PATH_MAX;
}

static bool
sound(const struct entry_header *h, size_t len)
{
	uint8_t digest[32];
	const uint8_t *at = (const uint8_t *)h;

	if (len < sizeof(*h) || memcmp(h->magic, ENTRY_MAGIC, sizeof(h->magic)) != 0)
		return false;
	if (h->blob_offset > len || h->blob_offset < sizeof(*h) || h->blob_len != len - h->blob_offset)
		return false;
	if (h->listing_len > h->blob_offset - sizeof(*h))
		return false;
	crypto_generichash(digest, sizeof(digest), at + DIGEST_START, len - DIGEST_START, NULL, 0);
	return memcmp(digest, h->digest, sizeof(digest)) == 0;
}

static bool
map_file(const char *path, void **map, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return false;
	*map = MAP_FAILED;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		*len = (size_t)st.st_size;
		*map = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	return *map != MAP_FAILED;
}

bool
cache_get(const char *dir, const char *key, struct cache_entry *e)
{
	char path[PATH_MAX];
	const struct entry_header *h;

	if (!path_in(path, dir, key, ENTRY_SUFFIX) || !map_file(path, &e->map, &e->map_len))
		return false;
	h = e->map;
	if (!sound(h, e->map_len)) {
		cache_release(e);
		unlink(path);
		return false;
	}
	e->listing = view_of(h + 1, h->listing_len);
	e->blob = view_of((const uint8_t *)h + h->blob_offset, h->blob_len);
	utimensat(AT_FDCWD, path, NULL, 0);
	return true;
}

void
cache_release(struct cache_entry *e)
{
	munmap(e->map, e->map_len);
	memset(e, 0, sizeof(*e));
}

static bool
write_all(int fd, const void *at, size_t len)
{
	const uint8_t *p = at;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Writes the pieces to a file of another name, and gives it its own when it is whole. */
static int
publish_file(const char *dir, const char *name, const char *suffix, const struct view *pieces, size_t n)
{
	char work[PATH_MAX], path[PATH_MAX];
	bool whole = true;
	int fd, err;

	if (!path_in(work, dir, name, WORK_SUFFIX) || !path_in(path, dir, name, suffix))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = open(work, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n && whole; i++)
		whole = write_all(fd, pieces[i].at, pieces[i].len);
	err = whole ? 0 : -errno;
	close(fd);
	if (err == 0 && rename(work, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(work);
	return err;
}

struct aged {
	char name[CACHE_KEY_LEN + sizeof(ENTRY_SUFFIX)];
	struct timespec used;
};

static int
youngest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct aged *)a)->used, *y = &((const struct aged *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n >= s && strcmp(name + n - s, suffix) == 0;
}

/* All entries of the directory, owned by the caller; work files that a killed compilation left are removed. */
static struct aged *
list_entries(DIR *d, size_t *n)
{
	struct aged *all = NULL;
	struct dirent *f;

	*n = 0;
	while ((f = readdir(d)) != NULL) {
		struct stat st;

		if (ends_with(f->d_name, WORK_SUFFIX))
			unlinkat(dirfd(d), f->d_name, 0);
		if (!ends_with(f->d_name, ENTRY_SUFFIX) || strlen(f->d_name) >= sizeof(all->name) ||
		    fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		struct aged *more = reallocarray(all, *n + 1, sizeof(*all));
		if (more == NULL)
			break;
		all = more;
		strcpy(all[*n].name, f->d_name);
		all[(*n)++].used = st.st_mtim;
	}
	return all;
}

static void
prune(const char *dir, unsigned entries)
{
	DIR *d = opendir(dir);
	struct aged *all;
	size_t n;

	if (d == NULL)
		return;
	all = list_entries(d, &n);
	if (all != NULL)
		qsort(all, n, sizeof(*all), youngest_first);
	for (size_t i = entries; i < n; i++)
		unlinkat(dirfd(d), all[i].name, 0);
	free(all);
	closedir(d);
}

int
cache_put(const char *dir, const char *key, struct view listing, struct view blob, unsigned entries)
{
	static const uint8_t zero[64];
	struct entry_header h = { .listing_len = listing.len, .blob_len = blob.len };
	size_t end = sizeof(h) + listing.len;
	crypto_generichash_state state;
	int err;

	h.blob_offset = (end + 63) / 64 * 64;
	memcpy(h.magic, ENTRY_MAGIC, sizeof(h.magic));
	struct view pieces[] = { view_of(&h, sizeof(h)), listing, view_of(zero, h.blob_offset - end), blob };
	crypto_generichash_init(&state, NULL, 0, sizeof(h.digest));
	crypto_generichash_update(&state, (const uint8_t *)&h + DIGEST_START, sizeof(h) - DIGEST_START);
	for (size_t i = 1; i < 4; i++)
		crypto_generichash_update(&state, pieces[i].at, pieces[i].len);
	crypto_generichash_final(&state, h.digest, sizeof(h.digest));
	err = publish_file(dir, key, ENTRY_SUFFIX, pieces, 4);
	prune(dir, entries);
	return err;
}

uint64_t
cache_generation(const char *dir)
{
	char path[PATH_MAX];
	uint64_t generation = 0;
	FILE *f = path_in(path, dir, "generation", "") ? fopen(path, "re") : NULL;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &generation) != 1)
		generation = 0;
	fclose(f);
	return generation;
}

int
cache_generation_keep(const char *dir, uint64_t generation)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", generation);
	struct view piece = view_of(text, (size_t)n);

	return publish_file(dir, "generation", "", &piece, 1);
}
