/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a rule set with real rule files, the real compiler in a real child, and a dataplane that is a socket on
 * the same loop: it takes the memfd, checks the seals and verifies the blob as the real one does.
 */
#include "reload.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hs.h>

#include <cmocka.h>

#include "build/build.h"
#include "ruleset/blob.h"
#include "socket/wire.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* ---- the compiler, with words in a rule file that make it misbehave; runs in the child ---- */

bool __real_build_rules(const char *path, const struct build_options *o, FILE *messages, struct build_result *r);
bool __wrap_build_rules(const char *path, const struct build_options *o, FILE *messages, struct build_result *r);

static bool
rules_contain(const char *path, const char *word)
{
	char text[4096] = "";
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
	return strstr(text, word) != NULL;
}

bool
__wrap_build_rules(const char *path, const struct build_options *o, FILE *messages, struct build_result *r)
{
	volatile bool for_ever = true;

	if (rules_contain(path, "# crash"))
		kill(getpid(), SIGSEGV);
	if (rules_contain(path, "# vanish"))
		_exit(7);
	while (rules_contain(path, "# spin") && for_ever)
		;
	if (rules_contain(path, "# sleep"))
		sleep(60);
	if (rules_contain(path, "# slow"))
		usleep(200000);
	return __real_build_rules(path, o, messages, r);
}

/* ---- a dataplane ---- */

enum manner { ACCEPT, REFUSE, SILENT, DIE };

static struct {
	enum manner manner;
	int listener, client;
	uv_poll_t accepting, *reading;
	unsigned loads;
	uint64_t generation;
	uint32_t rules;
	int seals;
	enum blob_status status;
} dataplane;

static uv_loop_t loop;
static char dir[64];

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
free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void
dataplane_hang_up(void)
{
	if (dataplane.client < 0)
		return;
	uv_close((uv_handle_t *)dataplane.reading, free_handle);
	close(dataplane.client);
	dataplane.client = -1;
}

static void
verify(int fd)
{
	struct stat st;
	struct blob_contents contents;
	void *map;

	assert_true(fd >= 0);
	fstat(fd, &st);
	dataplane.seals = fcntl(fd, F_GET_SEALS);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	dataplane.status = blob_open(view_of(map, (size_t)st.st_size), hs_version(), &contents);
	if (dataplane.status == BLOB_OK && dataplane.manner == ACCEPT) {
		dataplane.generation = contents.tables.generation;
		dataplane.rules = contents.tables.rule_count;
	}
	munmap(map, (size_t)st.st_size);
	close(fd);
}

static json_t *
load_answer(int fd)
{
	dataplane.loads++;
	verify(fd);
	if (dataplane.manner == REFUSE)
		return json_pack("{s:b, s:s, s:b}", "ok", 0, "error", "no room", "end", 1);
	return json_pack("{s:b, s:I, s:i, s:i, s:i, s:b}", "ok", 1, "generation", (json_int_t)dataplane.generation,
			 "swap_ns", 1500, "quiesce_ns", 9000, "packets_lost", 0, "end", 1);
}

static void
dataplane_read(uv_poll_t *poll, int status, int events)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char text[256];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(dataplane.client, &msg, MSG_DONTWAIT);
	int fd = -1;
	json_t *answer;

	if (n <= 0) {
		dataplane_hang_up();
		return;
	}
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	if (memmem(text, (size_t)n, "ping", 4) != NULL)
		answer =
			json_pack("{s:b, s:I, s:b}", "ok", 1, "generation", (json_int_t)dataplane.generation, "end", 1);
	else
		answer = load_answer(fd);
	if (dataplane.manner == DIE && fd >= 0)
		dataplane_hang_up();
	else if (dataplane.manner != SILENT)
		wire_send(dataplane.client, answer, -1);
	json_decref(answer);
}

static void
dataplane_accept(uv_poll_t *poll, int status, int events)
{
	dataplane_hang_up();
	dataplane.client = accept(dataplane.listener, NULL, NULL);
	dataplane.reading = malloc(sizeof(*dataplane.reading));
	uv_poll_init(&loop, dataplane.reading, dataplane.client);
	uv_poll_start(dataplane.reading, UV_READABLE, dataplane_read);
}

static void
dataplane_start(void)
{
	dataplane.generation = 0;
	dataplane.listener = wire_listen(path("dataplane.sock"));
	assert_true(dataplane.listener >= 0);
	uv_poll_init(&loop, &dataplane.accepting, dataplane.listener);
	uv_poll_start(&dataplane.accepting, UV_READABLE, dataplane_accept);
}

static void
dataplane_stop(void)
{
	if (dataplane.listener < 0)
		return;
	dataplane_hang_up();
	uv_close((uv_handle_t *)&dataplane.accepting, NULL);
	close(dataplane.listener);
	dataplane.listener = -1;
	unlink(path("dataplane.sock"));
}

/* ---- whoever asks ---- */

static struct settings settings;
static struct reload reload;
static struct {
	unsigned count;
	uint64_t who[256];
	json_int_t generation[256];
	json_t *last;
} answers;
static uint64_t started_ms;

static void
take_answer(void *ctx, uint64_t who, const json_t *answer)
{
	answers.generation[answers.count % 256] = json_integer_value(json_object_get(answer, "generation"));
	answers.who[answers.count++ % 256] = who;
	json_decref(answers.last);
	answers.last = json_deep_copy(answer);
}

static void
take_files(void *ctx, json_t *files)
{
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

static void
run_until_answers(unsigned count)
{
	started_ms = uv_hrtime() / 1000000;
	for (unsigned i = 0; i < 2000 && answers.count < count; i++)
		run_ms(5);
	assert_int_equal(answers.count, count);
}

static uint64_t
took_ms(void)
{
	return uv_hrtime() / 1000000 - started_ms;
}

static const json_t *
ask(void)
{
	unsigned before = answers.count;

	reload_ask(&reload, 1);
	run_until_answers(before + 1);
	return answers.last;
}

static json_int_t
number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void
assert_ok(const json_t *a)
{
	if (!json_is_true(json_object_get(a, "ok")))
		json_dumpf(a, stderr, 0);
	assert_true(json_is_true(json_object_get(a, "ok")));
}

static void
assert_fails(const json_t *a, const char *why)
{
	const char *error = json_string_value(json_object_get(a, "error"));

	assert_true(json_is_false(json_object_get(a, "ok")));
	if (strstr(error, why) == NULL)
		fprintf(stderr, "%s\n", error);
	assert_non_null(strstr(error, why));
}

static void
write_rules(const char *text)
{
	FILE *f = fopen(path("rules.conf"), "w");

	fputs(text, f);
	fclose(f);
}

/* ---- a world for each test ---- */

static void
posternd_start(void)
{
	assert_int_equal(reload_init(&reload, &loop, &settings, take_answer, take_files, NULL), 0);
}

static void
posternd_stop(void)
{
	reload_close(&reload);
	run_ms(1);
}

static int
begin(void **state)
{
	static char rules[PATH_MAX], cache[PATH_MAX], sock[PATH_MAX];
	static char operator_name[] = "test.example";

	strcpy(dir, "/tmp/postern-reload-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	strcpy(rules, path("rules.conf"));
	strcpy(cache, path("cache"));
	strcpy(sock, path("dataplane.sock"));
	settings = (struct settings){ .operator_name = operator_name, .rules = rules };
	settings.dataplane.socket = sock;
	settings.control.cache = cache;
	settings.control.cache_entries = 4;
	settings.control.compile_seconds = 20;
	settings.control.compile_memory_mb = 2048;
	memset(&answers, 0, sizeof(answers));
	memset(&dataplane, 0, sizeof(dataplane));
	dataplane.listener = dataplane.client = -1;
	uv_loop_init(&loop);
	write_rules("rule r1 reject rcpt domain army.ml means=army.mil\n");
	dataplane_start();
	posternd_start();
	run_ms(20);
	return 0;
}

static int
end(void **state)
{
	char command[128];

	posternd_stop();
	dataplane_stop();
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0); /* no handle was left open */
	json_decref(answers.last);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* ---- tests ---- */

static void
a_rule_set_arrives_sealed_and_verifies(void **state)
{
	const json_t *a = ask();

	assert_ok(a);
	assert_int_equal(dataplane.loads, 1);
	assert_int_equal(dataplane.seals & SEALS, SEALS);
	assert_int_equal(dataplane.status, BLOB_OK);
	assert_int_equal(dataplane.rules, 1);
	assert_int_equal(number(a, "generation"), 1);
	assert_int_equal(number(a, "rules"), 1);
	assert_int_equal(number(a, "patterns"), 1);
	assert_int_equal(number(a, "swap_ns"), 1500);
	assert_int_equal(number(a, "packets_lost"), 0);
	assert_true(json_is_false(json_object_get(a, "cached")));
	assert_true(number(a, "compile_ns") > 0);
}

static void
the_same_rules_again_come_from_the_cache_under_a_new_generation(void **state)
{
	ask();
	const json_t *a = ask();

	assert_ok(a);
	assert_true(json_is_true(json_object_get(a, "cached")));
	assert_int_equal(number(a, "generation"), 2);
	assert_int_equal(number(a, "rules"), 1);
	assert_int_equal(dataplane.status, BLOB_OK); /* the digest goes with the new number */
	assert_int_equal(dataplane.generation, 2);
}

static void
a_damaged_cache_is_rebuilt(void **state)
{
	DIR *d;
	struct dirent *f;

	ask();
	d = opendir(path("cache"));
	while ((f = readdir(d)) != NULL) {
		int fd = openat(dirfd(d), f->d_name, O_WRONLY);

		if (strstr(f->d_name, ".ruleset") != NULL)
			assert_int_equal(pwrite(fd, "damage", 6, 4000), 6);
		close(fd);
	}
	closedir(d);
	assert_ok(ask());
	assert_true(json_is_false(json_object_get(answers.last, "cached")));
	assert_int_equal(dataplane.status, BLOB_OK);
}

static void
without_a_cache_it_works_too(void **state)
{
	static char none[] = "";

	posternd_stop();
	settings.control.cache = none;
	posternd_start();
	run_ms(20);
	assert_ok(ask());
	assert_ok(ask());
	assert_true(json_is_false(json_object_get(answers.last, "cached")));
	assert_true(number(answers.last, "generation") > 1500000000000); /* milliseconds since 1970 */
}

static void
an_error_is_told_with_its_place_and_the_old_rules_stay(void **state)
{
	const json_t *a;

	ask();
	write_rules("rule r1 reject rcpt domain army.ml\nrule r2 destroy rcpt domain navy.ml\n");
	a = ask();
	assert_fails(a, "the rules have errors");
	assert_non_null(strstr(json_string_value(json_object_get(a, "messages")), "rules.conf:2:"));
	assert_int_equal(number(a, "generation"), 1);
	assert_int_equal(dataplane.loads, 1);
	assert_non_null(strstr(reload.last_error, "rules.conf:2:"));
	write_rules("rule r1 reject rcpt domain army.ml\n");
	assert_ok(ask());
	assert_int_equal(number(answers.last, "generation"), 2);
	assert_null(reload.last_error);
}

static void
a_missing_rule_file_is_an_error(void **state)
{
	unlink(path("rules.conf"));
	assert_fails(ask(), "the rules have errors");
	assert_non_null(strstr(json_string_value(json_object_get(answers.last, "messages")), "rules.conf"));
}

static void
a_compiler_that_crashes_is_an_error_and_the_daemon_goes_on(void **state)
{
	ask();
	write_rules("# crash\n");
	assert_fails(ask(), "crashed (signal 11");
	write_rules("# vanish\n");
	assert_fails(ask(), "no result");
	write_rules("rule r1 reject rcpt domain army.ml\n");
	assert_ok(ask());
	assert_int_equal(dataplane.loads, 2);
}

static void
a_compiler_that_does_not_end_is_stopped(void **state)
{
	settings.control.compile_seconds = 1;
	write_rules("# spin\n");
	assert_fails(ask(), "more than 1 s");
	assert_in_range(took_ms(), 900, 4000);
	write_rules("# sleep\n");
	assert_fails(ask(), "more than 1 s");
	assert_in_range(took_ms(), 900, 2500);
}

static void
a_fifo_among_the_rules_cannot_hang_the_daemon(void **state)
{
	settings.control.compile_seconds = 1;
	unlink(path("rules.conf"));
	assert_int_equal(mkfifo(path("rules.conf"), 0600), 0);
	assert_fails(ask(), "more than 1 s");
	assert_in_range(took_ms(), 900, 2500);
}

static void
requests_during_a_run_share_the_next_one(void **state)
{
	write_rules("rule r1 reject rcpt domain army.ml # slow\n");
	reload_ask(&reload, 10);
	run_ms(50);
	write_rules("rule r1 reject rcpt domain army.ml\nrule r2 reject rcpt domain navy.ml\n");
	reload_ask(&reload, 11);
	reload_ask(&reload, 12);
	reload_ask(&reload, 13);
	run_until_answers(4);
	assert_int_equal(answers.who[0], 10);
	assert_int_equal(answers.generation[0], 1);
	run_ms(300);
	assert_int_equal(answers.count, 4);
	assert_int_equal(dataplane.loads, 2);
	assert_int_equal(number(answers.last, "generation"), 2);
	assert_int_equal(number(answers.last, "rules"), 2); /* what they saw in the files */
}

static void
unchanged_files_make_no_new_generation(void **state)
{
	ask();
	reload_notice(&reload, false);
	run_ms(300);
	assert_int_equal(dataplane.loads, 1);
	write_rules("rule r9 reject rcpt domain army.ml\n");
	reload_notice(&reload, false);
	run_ms(300);
	assert_int_equal(dataplane.loads, 2);
	assert_int_equal(dataplane.generation, 2);
}

static void
a_refused_rule_set_leaves_the_old_one(void **state)
{
	ask();
	dataplane.manner = REFUSE;
	write_rules("rule r2 reject rcpt domain navy.ml\n");
	assert_fails(ask(), "refused the rule set: no room");
	assert_int_equal(number(answers.last, "generation"), 1);
	assert_int_equal(reload.good.generation, 1);
	dataplane.manner = ACCEPT;
	assert_ok(ask());
	assert_int_equal(dataplane.generation, 3);
}

static void
a_dataplane_that_dies_of_a_rule_set_gets_the_old_one(void **state)
{
	ask();
	dataplane.manner = DIE;
	write_rules("rule r2 reject rcpt domain navy.ml\n");
	assert_fails(ask(), "closed the connection");
	dataplane.manner = ACCEPT;
	dataplane.generation = 0; /* a new process */
	run_ms(1000);
	assert_int_equal(dataplane.generation, 1);
}

static void
a_hung_dataplane_is_an_error_in_time(void **state)
{
	ask();
	dataplane.manner = SILENT;
	assert_fails(ask(), "no answer within 2.0 s");
	assert_in_range(took_ms(), 1900, 3000);
	dataplane.manner = ACCEPT;
	run_ms(3000);
	assert_ok(ask());
}

static void
rules_wait_for_a_dataplane_that_is_away(void **state)
{
	dataplane_stop();
	run_ms(20);
	assert_fails(ask(), "handed over when the dataplane appears");
	assert_int_equal(number(answers.last, "generation"), 0);
	assert_int_equal(dataplane.loads, 0);
	dataplane_start();
	run_ms(1500);
	assert_int_equal(dataplane.loads, 1);
	assert_int_equal(dataplane.generation, 1);
	assert_null(reload.last_error);
}

static void
a_restarted_dataplane_gets_the_last_good_rules_though_the_files_are_broken(void **state)
{
	ask();
	write_rules("# crash\n");
	ask();
	dataplane_stop();
	run_ms(100);
	dataplane_start();
	run_ms(1000);
	assert_int_equal(dataplane.loads, 2);
	assert_int_equal(dataplane.generation, 1);
	assert_int_equal(dataplane.status, BLOB_OK);
}

static void
generations_rise_across_restarts_of_posternd(void **state)
{
	ask();
	ask();
	posternd_stop();
	posternd_start();
	run_ms(20);
	assert_int_equal(number(ask(), "generation"), 3);
}

static void
a_dataplane_with_a_later_generation_gets_one_that_follows(void **state)
{
	ask();
	dataplane_stop();
	run_ms(100);
	dataplane_start();
	dataplane.generation = 77;
	run_ms(1000);
	assert_int_equal(dataplane.generation, 78);
}

static unsigned
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
a_hundred_reloads_leave_no_descriptor_and_no_child(void **state)
{
	char text[64];
	unsigned before;

	ask();
	before = open_descriptors();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), i % 5 == 4 ? "error\n" : "rule r%u reject rcpt domain army.ml\n", i % 10);
		write_rules(text);
		const json_t *a = ask();
		assert_int_equal(json_is_true(json_object_get(a, "ok")), i % 5 != 4);
	}
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(dataplane.loads, 81);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_set_arrives_sealed_and_verifies),
		TEST(the_same_rules_again_come_from_the_cache_under_a_new_generation),
		TEST(a_damaged_cache_is_rebuilt),
		TEST(without_a_cache_it_works_too),
		TEST(an_error_is_told_with_its_place_and_the_old_rules_stay),
		TEST(a_missing_rule_file_is_an_error),
		TEST(a_compiler_that_crashes_is_an_error_and_the_daemon_goes_on),
		TEST(a_compiler_that_does_not_end_is_stopped),
		TEST(a_fifo_among_the_rules_cannot_hang_the_daemon),
		TEST(requests_during_a_run_share_the_next_one),
		TEST(unchanged_files_make_no_new_generation),
		TEST(a_refused_rule_set_leaves_the_old_one),
		TEST(a_dataplane_that_dies_of_a_rule_set_gets_the_old_one),
		TEST(a_hung_dataplane_is_an_error_in_time),
		TEST(rules_wait_for_a_dataplane_that_is_away),
		TEST(a_restarted_dataplane_gets_the_last_good_rules_though_the_files_are_broken),
		TEST(generations_rise_across_restarts_of_posternd),
		TEST(a_dataplane_with_a_later_generation_gets_one_that_follows),
		TEST(a_hundred_reloads_leave_no_descriptor_and_no_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
