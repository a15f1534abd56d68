/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[PATH_MAX];

static struct view
text(const char *s)
{
	return view_of(s, strlen(s));
}

static int
in_new_directory(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/postern-cache-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static char *
file(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 2];

	assert_true(snprintf(p, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
	return p;
}

static int
remove_directory(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while ((f = readdir(d)) != NULL)
		unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static bool
there(const char *key)
{
	struct cache_entry e;
	bool found = cache_get(dir, key, &e);

	if (found)
		cache_release(&e);
	return found;
}

static void
what_was_put_is_got(void **state)
{
	struct cache_entry e;

	assert_int_equal(cache_put(dir, "one", text("[\"notes\"]"), text("the blob"), 4), 0);
	assert_true(cache_get(dir, "one", &e));
	assert_true(view_equal(e.listing, text("[\"notes\"]")));
	assert_true(view_equal(e.blob, text("the blob")));
	assert_int_equal((uintptr_t)e.blob.at % 64, 0);
	cache_release(&e);
	assert_false(there("two"));
}

static void
writing_into_a_got_blob_leaves_the_file_alone(void **state)
{
	struct cache_entry e;

	cache_put(dir, "one", text("{}"), text("the blob"), 4);
	assert_true(cache_get(dir, "one", &e));
	((uint8_t *)e.map)[e.map_len - 1] = 'X';
	cache_release(&e);
	assert_true(there("one"));
}

static void
flip_octet(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 0x40;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

static void
an_entry_with_any_octet_changed_is_ignored_and_removed(void **state)
{
	struct stat st;

	cache_put(dir, "one", text("[1,2,3]"), text("the blob"), 4);
	assert_int_equal(stat(file("one.ruleset"), &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		cache_put(dir, "one", text("[1,2,3]"), text("the blob"), 4);
		flip_octet(file("one.ruleset"), at);
		assert_false(there("one"));
		assert_int_equal(access(file("one.ruleset"), F_OK), -1);
	}
}

static void
an_entry_cut_at_any_length_is_ignored(void **state)
{
	struct stat st;

	cache_put(dir, "one", text("[1,2,3]"), text("the blob"), 4);
	assert_int_equal(stat(file("one.ruleset"), &st), 0);
	for (off_t len = 0; len < st.st_size; len++) {
		cache_put(dir, "one", text("[1,2,3]"), text("the blob"), 4);
		assert_int_equal(truncate(file("one.ruleset"), len), 0);
		assert_false(there("one"));
	}
}

static void
use_at(const char *key, time_t seconds)
{
	char name[64];
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	snprintf(name, sizeof(name), "%s.ruleset", key);
	assert_int_equal(utimensat(AT_FDCWD, file(name), times, 0), 0);
}

static void
pruning_keeps_what_was_used_last(void **state)
{
	cache_put(dir, "one", text("{}"), text("1"), 9);
	cache_put(dir, "two", text("{}"), text("2"), 9);
	cache_put(dir, "three", text("{}"), text("3"), 9);
	use_at("one", 1000);
	use_at("two", 2000);
	use_at("three", 3000);
	assert_true(there("one")); /* used now */
	cache_put(dir, "four", text("{}"), text("4"), 2);
	assert_true(there("one"));
	assert_true(there("four"));
	assert_false(there("two"));
	assert_false(there("three"));
}

static void
what_a_killed_writer_left_is_removed(void **state)
{
	int fd = open(file("dead.new"), O_WRONLY | O_CREAT, 0600);

	close(fd);
	cache_put(dir, "one", text("{}"), text("1"), 9);
	assert_int_equal(access(file("dead.new"), F_OK), -1);
	assert_true(there("one"));
}

static void
a_disk_that_is_full_leaves_the_entry_of_before(void **state)
{
	static char large[100000];
	struct rlimit before, small = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };

	cache_put(dir, "one", text("{}"), text("1"), 9);
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(cache_put(dir, "one", text("{}"), view_of(large, sizeof(large)), 9), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(there("one"));
	assert_int_equal(access(file("one.new"), F_OK), -1);
}

static void
a_directory_that_cannot_be_made_is_an_error(void **state)
{
	assert_int_equal(cache_put("/nowhere/at/all", "one", text("{}"), text("1"), 9), -ENOENT);
}

static void
a_missing_directory_is_made(void **state)
{
	char sub[PATH_MAX];

	snprintf(sub, sizeof(sub), "%s", file("sub"));
	assert_int_equal(cache_generation_keep(sub, 3), 0);
	assert_int_equal(cache_generation(sub), 3);
	unlink(file("sub/generation"));
	rmdir(sub);
}

static void
the_generation_is_kept(void **state)
{
	assert_int_equal(cache_generation(dir), 0);
	assert_int_equal(cache_generation_keep(dir, 41), 0);
	assert_int_equal(cache_generation_keep(dir, UINT64_MAX), 0);
	assert_true(cache_generation(dir) == UINT64_MAX);
}

static void
write_file(const char *name, const char *content)
{
	FILE *f = fopen(file(name), "w");

	fputs(content, f);
	fclose(f);
}

static void
key_of(const char *a, const char *b, const char *operator_name, char key[CACHE_KEY_LEN])
{
	char pa[PATH_MAX], pb[PATH_MAX];
	char *files[] = { pa, pb };

	snprintf(pa, sizeof(pa), "%s", file(a));
	snprintf(pb, sizeof(pb), "%s", file(b));
	cache_key(files, 2, operator_name, key);
}

static void
the_key_depends_on_contents_names_and_operator(void **state)
{
	char base[CACHE_KEY_LEN], other[CACHE_KEY_LEN];

	write_file("a", "xy");
	write_file("b", "z");
	write_file("c", "z");
	key_of("a", "b", "op", base);
	key_of("a", "b", "op", other);
	assert_string_equal(base, other);
	key_of("a", "c", "op", other);
	assert_string_not_equal(base, other);
	key_of("b", "a", "op", other);
	assert_string_not_equal(base, other);
	key_of("a", "b", "other", other);
	assert_string_not_equal(base, other);
	key_of("a", "missing", "op", other);
	assert_string_not_equal(base, other);
	write_file("a", "x");
	write_file("b", "yz"); /* the same octets in a row */
	key_of("a", "b", "op", other);
	assert_string_not_equal(base, other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, in_new_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_got),
		TEST(writing_into_a_got_blob_leaves_the_file_alone),
		TEST(an_entry_with_any_octet_changed_is_ignored_and_removed),
		TEST(an_entry_cut_at_any_length_is_ignored),
		TEST(pruning_keeps_what_was_used_last),
		TEST(what_a_killed_writer_left_is_removed),
		TEST(a_disk_that_is_full_leaves_the_entry_of_before),
		TEST(a_directory_that_cannot_be_made_is_an_error),
		TEST(a_missing_directory_is_made),
		TEST(the_generation_is_kept),
		TEST(the_key_depends_on_contents_names_and_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
