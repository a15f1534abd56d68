/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/watch.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[PATH_MAX - 64];
static uv_loop_t loop;
static struct watch watch;
static unsigned changes;
static uint64_t changed_at;

static void
count_change(void *ctx)
{
	changes++;
	changed_at = uv_now(&loop);
}

static const char *
path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *p = paths[turn++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
stop_loop(uv_timer_t *timer)
{
	uv_stop(&loop);
}

static void
run_ms(unsigned ms)
{
	static uv_timer_t timer;

	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, stop_loop, ms, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static int
begin(void **state)
{
	strcpy(dir, "/tmp/postern-watch-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	uv_loop_init(&loop);
	watch_init(&watch, &loop, count_change, NULL);
	changes = 0;
	write_file("rules.conf", "one\n");
	return 0;
}

static int
end(void **state)
{
	char command[PATH_MAX];

	watch_close(&watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0); /* no handle was left open */
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void
watch_one(const char *name)
{
	const char *files[] = { path(name) };

	watch_files(&watch, files, 1);
	run_ms(20);
}

static void
a_file_written_in_place_is_noticed(void **state)
{
	watch_one("rules.conf");
	write_file("rules.conf", "two\n");
	run_ms(300);
	assert_int_equal(changes, 1);
}

static void
a_file_replaced_by_rename_is_noticed_each_time(void **state)
{
	watch_one("rules.conf");
	for (unsigned i = 1; i <= 3; i++) {
		write_file("rules.conf~", "two\n");
		assert_int_equal(rename(path("rules.conf~"), path("rules.conf")), 0);
		run_ms(300);
		assert_int_equal(changes, i);
	}
}

static void
a_new_file_in_a_directory_of_lists_is_noticed(void **state)
{
	mkdir(path("feeds"), 0755);
	watch_one("feeds/");
	write_file("feeds/new.list", "army.ml\n");
	run_ms(300);
	assert_int_equal(changes, 1);
}

static void
a_change_behind_a_symbolic_link_is_noticed(void **state)
{
	mkdir(path("real"), 0755);
	write_file("real/a.conf", "one\n");
	mkdir(path("links"), 0755);
	assert_int_equal(symlink(path("real/a.conf"), path("links/a.conf")), 0);
	watch_one("links/a.conf");
	write_file("real/a.conf", "two\n");
	run_ms(300);
	assert_int_equal(changes, 1);
}

static void
nothing_happens_without_a_change(void **state)
{
	FILE *f;

	watch_one("rules.conf");
	f = fopen(path("rules.conf"), "r");
	assert_int_equal(fgetc(f), 'o');
	fclose(f);
	run_ms(300);
	assert_int_equal(changes, 0);
}

static void
a_burst_is_one_change_after_the_last_write(void **state)
{
	uint64_t last;

	watch_one("rules.conf");
	for (int i = 0; i < 8; i++) {
		write_file("rules.conf", "again\n");
		run_ms(20);
	}
	last = uv_now(&loop) - 20;
	run_ms(300);
	assert_int_equal(changes, 1);
	assert_in_range(changed_at - last, WATCH_DEBOUNCE_MS - 15, WATCH_DEBOUNCE_MS + 500);
}

static void
writes_that_never_pause_cannot_put_it_off_for_ever(void **state)
{
	watch_one("rules.conf");
	for (int i = 0; i < 26; i++) {
		write_file("rules.conf", "again\n");
		run_ms(50);
	}
	assert_in_range(changes, 1, 6);
}

static void
a_directory_that_appears_later_is_found(void **state)
{
	watch_one("later/rules.conf");
	mkdir(path("later"), 0755);
	write_file("later/rules.conf", "one\n");
	run_ms(WATCH_RECHECK_MS + 300);
	assert_int_equal(changes, 1);
	write_file("later/rules.conf", "two\n");
	run_ms(300);
	assert_int_equal(changes, 2);
}

static void
a_directory_that_was_replaced_is_watched_anew(void **state)
{
	mkdir(path("feeds"), 0755);
	watch_one("feeds/");
	assert_int_equal(rename(path("feeds"), path("old")), 0);
	mkdir(path("feeds"), 0755);
	run_ms(WATCH_RECHECK_MS + 300);
	assert_true(changes >= 1);
	changes = 0;
	write_file("feeds/a.list", "army.ml\n");
	run_ms(300);
	assert_int_equal(changes, 1);
}

static void
directories_no_longer_named_are_forgotten(void **state)
{
	mkdir(path("a"), 0755);
	mkdir(path("b"), 0755);
	watch_one("a/");
	watch_one("b/");
	write_file("a/x", "one\n");
	run_ms(300);
	assert_int_equal(changes, 0);
	write_file("b/x", "one\n");
	run_ms(300);
	assert_int_equal(changes, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_written_in_place_is_noticed),
		TEST(a_file_replaced_by_rename_is_noticed_each_time),
		TEST(a_new_file_in_a_directory_of_lists_is_noticed),
		TEST(a_change_behind_a_symbolic_link_is_noticed),
		TEST(nothing_happens_without_a_change),
		TEST(a_burst_is_one_change_after_the_last_write),
		TEST(writes_that_never_pause_cannot_put_it_off_for_ever),
		TEST(a_directory_that_appears_later_is_found),
		TEST(a_directory_that_was_replaced_is_watched_anew),
		TEST(directories_no_longer_named_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
