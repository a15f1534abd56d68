/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket/client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 500

static char dir[64], path[80];

/* A peer: takes one connection, reads one request, sends these datagrams, then hangs up or stays silent. */
struct peer {
	const char *const *answers; /* NULL-terminated; NULL: none */
	bool stays;
	int listener;
	pthread_t thread;
};

static void *
serve(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->listener, NULL, NULL);
	char buffer[4096];

	if (recv(fd, buffer, sizeof(buffer), 0) > 0)
		for (const char *const *a = p->answers; a != NULL && *a != NULL; a++)
			send(fd, *a, strlen(*a), MSG_NOSIGNAL);
	if (p->stays)
		recv(fd, buffer, sizeof(buffer), 0); /* until the client gives up */
	close(fd);
	return NULL;
}

static int
listen_here(int backlog)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
start(struct peer *p)
{
	p->listener = listen_here(4);
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void
stop(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static json_t *
ask(char *err, size_t errlen)
{
	json_t *request = client_request("ping");
	json_t *answer = client_ask("posternd", path, request, LIMIT_MS, err, errlen);

	json_decref(request);
	return answer;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
assert_no_answer(const char *why, double at_least, double at_most)
{
	char err[256];
	double begin = now(), took;

	assert_null(ask(err, sizeof(err)));
	took = now() - begin;
	assert_non_null(strstr(err, "posternd does not answer at "));
	assert_non_null(strstr(err, path));
	assert_non_null(strstr(err, why));
	assert_true(took >= at_least && took <= at_most);
}

static int
in_new_directory(void **state)
{
	strcpy(dir, "/tmp/postern-client-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int
remove_directory(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void
a_peer_that_was_never_there_is_named(void **state)
{
	assert_no_answer("no such socket", 0, 0.45);
}

static void
a_peer_that_died_and_left_its_socket_is_named(void **state)
{
	close(listen_here(1));
	assert_no_answer("nobody listens there", 0, 0.45);
}

static void
a_peer_that_hangs_is_given_up_in_time(void **state)
{
	struct peer p = { .stays = true };

	start(&p);
	assert_no_answer("nothing within 0.5 s", 0.49, 2);
	stop(&p);
}

static void
a_peer_that_never_accepts_is_given_up_in_time(void **state)
{
	int listener = listen_here(1);

	assert_no_answer("nothing within 0.5 s", 0.49, 2); /* these two fill the backlog, and stay there */
	assert_no_answer("nothing within 0.5 s", 0.49, 2);
	assert_no_answer("nothing within 0.5 s", 0.49, 2);
	close(listener);
}

static void
a_peer_that_hangs_up_is_noticed_at_once(void **state)
{
	struct peer p = { 0 };

	start(&p);
	assert_no_answer("closed the connection", 0, 0.45);
	stop(&p);
}

static void
half_an_answer_is_none(void **state)
{
	static const char *const answers[] = { "{\"ok\":true,\"flows\":[1]}", NULL };
	struct peer p = { .answers = answers, .stays = true };

	start(&p);
	assert_no_answer("nothing within 0.5 s", 0.49, 2);
	stop(&p);
}

static void
an_answer_that_is_not_an_object_is_refused(void **state)
{
	static const char *const no_json[] = { "HTTP/1.1 200 OK", NULL };
	static const char *const no_object[] = { "[1,2,3]", NULL };
	struct peer a = { .answers = no_json }, b = { .answers = no_object };

	start(&a);
	assert_no_answer("not of this protocol", 0, 0.45);
	stop(&a);
	unlink(path);
	start(&b);
	assert_no_answer("not of this protocol", 0, 0.45);
	stop(&b);
}

static void
datagrams_of_one_answer_are_merged(void **state)
{
	static const char *const answers[] = { "{\"ok\":true,\"flows\":[1,2]}", "{\"ok\":true,\"flows\":[3]}",
					       "{\"ok\":true,\"flows\":[],\"more\":7,\"end\":true}", NULL };
	struct peer p = { .answers = answers };
	json_t *expected = json_pack("{s:b, s:[i,i,i], s:i}", "ok", 1, "flows", 1, 2, 3, "more", 7);
	char err[256] = "";
	json_t *a;

	start(&p);
	a = ask(err, sizeof(err));
	assert_string_equal(err, "");
	assert_true(json_equal(a, expected));
	stop(&p);
	json_decref(a);
	json_decref(expected);
}

static void
a_refusal_is_an_answer(void **state)
{
	static const char *const answers[] = { "{\"ok\":false,\"error\":\"no\",\"end\":true}", NULL };
	struct peer p = { .answers = answers };
	char err[256];
	json_t *a;

	start(&p);
	a = ask(err, sizeof(err));
	assert_string_equal(json_string_value(json_object_get(a, "error")), "no");
	stop(&p);
	json_decref(a);
}

static void
a_path_that_is_too_long_is_an_error(void **state)
{
	char err[512];
	char long_path[200];
	json_t *request = client_request("ping");

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(client_ask("posternd", long_path, request, LIMIT_MS, err, sizeof(err)));
	assert_non_null(strstr(err, "too long"));
	json_decref(request);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, in_new_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_peer_that_was_never_there_is_named),
		TEST(a_peer_that_died_and_left_its_socket_is_named),
		TEST(a_peer_that_hangs_is_given_up_in_time),
		TEST(a_peer_that_never_accepts_is_given_up_in_time),
		TEST(a_peer_that_hangs_up_is_noticed_at_once),
		TEST(half_an_answer_is_none),
		TEST(an_answer_that_is_not_an_object_is_refused),
		TEST(datagrams_of_one_answer_are_merged),
		TEST(a_refusal_is_an_answer),
		TEST(a_path_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
