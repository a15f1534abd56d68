/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/event_writer.h"

enum { RINGS = 2 };

/* A writer with its rings, and a directory for its file. */
struct desk {
	char dir[64];
	char path[128];
	struct event_ring *ring[RINGS];
	struct event_writer *writer;
};

static void
desk_start(struct desk *d, const char *path)
{
	struct event_writer_config config = { .rings = d->ring, .rings_count = RINGS, .uid = -1, .gid = -1 };

	strcpy(d->dir, "/tmp/postern-events-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s", path != NULL ? path : d->dir);
	if (path == NULL)
		strcat(d->path, "/log/events.json");
	for (unsigned i = 0; i < RINGS; i++) {
		d->ring[i] = event_ring_new(4096);
		assert_non_null(d->ring[i]);
	}
	config.path = d->path;
	d->writer = event_writer_start(&config);
	assert_non_null(d->writer);
}

static void
desk_clear(struct desk *d)
{
	char command[256];

	for (unsigned i = 0; i < RINGS; i++)
		event_ring_free(d->ring[i]);
	snprintf(command, sizeof(command), "rm -r '%s'", d->dir);
	assert_int_equal(system(command), 0);
}

/* An event that can be told from others by its transaction. */
static void
put(struct desk *d, unsigned ring, uint16_t number)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.ip_version = 4;
	e.kind = EVENT_RCPT;
	e.action = e.applied = ACTION_REJECT;
	e.transaction = number;
	strcpy(e.rule, "r1");
	e.address_len = (uint16_t)strlen(strcpy((char *)e.address, "joe@army.ml"));
	e.domain_len = (uint16_t)strlen(strcpy((char *)e.domain, "army.ml"));
	assert_true(event_ring_put(d->ring[ring], &e));
}

/* Waits, a second at most, until so many lines were written or lost. */
static struct event_writer_stats
settled(struct desk *d, uint64_t lines)
{
	struct event_writer_stats stats;

	for (unsigned ms = 0; ms < 1000; ms++) {
		event_writer_stats(d->writer, &stats);
		if (stats.written + stats.lost >= lines)
			break;
		usleep(1000);
	}
	return stats;
}

static unsigned
lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned lines = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

static bool
count_line(void *ctx, const char *line, size_t len)
{
	unsigned *count = ctx;

	assert_int_equal(line[0], '{');
	assert_int_equal(line[len - 1], '}');
	(*count)++;
	return true;
}

static void
all_events_of_all_workers_are_in_the_file_when_it_has_stopped(void **state)
{
	struct desk d;

	desk_start(&d, NULL);
	for (uint16_t i = 0; i < 500; i++)
		put(&d, i % RINGS, i);
	event_writer_stop(d.writer);
	assert_int_equal(lines_of(d.path), 500);
	desk_clear(&d);
}

static void
the_last_lines_stay_in_memory(void **state)
{
	struct desk d;
	unsigned count = 0;

	desk_start(&d, NULL);
	for (uint16_t i = 0; i < 1500; i++)
		put(&d, 0, i);
	assert_int_equal(settled(&d, 1500).written, 1500);
	usleep(10000);
	event_writer_last(d.writer, 10, count_line, &count);
	assert_int_equal(count, 10);
	count = 0;
	event_writer_last(d.writer, 5000, count_line, &count);
	assert_int_equal(count, EVENT_LINES_KEPT);
	event_writer_stop(d.writer);
	desk_clear(&d);
}

static void
a_rotated_file_is_made_anew(void **state)
{
	struct desk d;
	char aside[160];

	desk_start(&d, NULL);
	put(&d, 0, 1);
	assert_int_equal(settled(&d, 1).written, 1);
	snprintf(aside, sizeof(aside), "%s.1", d.path);
	assert_int_equal(rename(d.path, aside), 0);
	event_writer_reopen(d.writer);
	for (unsigned ms = 0; access(d.path, F_OK) != 0 && ms < 1000; ms++)
		usleep(1000);
	put(&d, 0, 2);
	put(&d, 0, 3);
	event_writer_stop(d.writer);
	assert_int_equal(lines_of(aside), 1);
	assert_int_equal(lines_of(d.path), 2);
	desk_clear(&d);
}

static void
a_full_disk_loses_events_with_a_count_and_the_writer_goes_on(void **state)
{
	struct desk d;
	struct event_writer_stats stats;
	unsigned count = 0;

	desk_start(&d, "/dev/full");
	for (uint16_t i = 0; i < 20; i++)
		put(&d, 0, i);
	stats = settled(&d, 20);
	assert_int_equal(stats.lost, 20);
	assert_int_equal(stats.written, 0);
	assert_true(stats.failing);
	usleep(10000);
	event_writer_last(d.writer, 100, count_line, &count);
	assert_int_equal(count, 20);
	event_writer_stop(d.writer);
	desk_clear(&d);
}

static void
a_directory_that_comes_back_is_written_again(void **state)
{
	struct desk d;
	char away[160], dir[160];

	desk_start(&d, NULL);
	snprintf(dir, sizeof(dir), "%s/log", d.dir);
	snprintf(away, sizeof(away), "%s/away", d.dir);
	put(&d, 0, 1);
	assert_int_equal(settled(&d, 1).written, 1);
	/* A file stands where the directory was: it can neither be made nor entered. */
	assert_int_equal(rename(dir, away), 0);
	assert_int_equal(fclose(fopen(dir, "w")), 0);
	event_writer_reopen(d.writer);
	usleep(20000);
	put(&d, 0, 2);
	assert_int_equal(settled(&d, 2).lost, 1);
	assert_int_equal(unlink(dir), 0);
	usleep(1100000);
	put(&d, 0, 3);
	assert_int_equal(settled(&d, 3).written, 2);
	event_writer_stop(d.writer);
	assert_int_equal(lines_of(d.path), 1);
	desk_clear(&d);
}

static void
no_path_means_no_file(void **state)
{
	struct desk d;
	struct event_writer_stats stats;

	desk_start(&d, "");
	put(&d, 0, 1);
	usleep(20000);
	event_writer_stats(d.writer, &stats);
	assert_int_equal(stats.written + stats.lost, 0);
	event_writer_stop(d.writer);
	desk_clear(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_events_of_all_workers_are_in_the_file_when_it_has_stopped),
		cmocka_unit_test(the_last_lines_stay_in_memory),
		cmocka_unit_test(a_rotated_file_is_made_anew),
		cmocka_unit_test(a_full_disk_loses_events_with_a_count_and_the_writer_goes_on),
		cmocka_unit_test(a_directory_that_comes_back_is_written_again),
		cmocka_unit_test(no_path_means_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
