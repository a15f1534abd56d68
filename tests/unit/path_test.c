/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path asks the kernel for nothing (invariant 9): a process that would die of any system call but its own
 * end takes whole sessions through the pipeline. no_heap.c watches the heap and locks in all tests of the pipeline.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "world.h"

static int
open_world(void **state)
{
	return world_open("rule r1 reject rcpt domain army.ml means=army.mil\n");
}

static int
close_world(void **state)
{
	return world_close();
}

/* From here on only exit_group is allowed; anything else ends the process by SIGSYS. */
static void
renounce_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(2);
}

/* The stages one after the other: fragments, held lines, refusals by the server and by us, chunks, time. False:
 * misjudged. */
static bool
sessions(void)
{
	struct packet *half[2];
	const char *line = "RCPT TO:<x@army.ml>\r\n";
	struct end *c = &w.end[DIR_CLIENT];

	greet("250-mx\r\n250-SIZE\r\n250 CHUNKING\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	for (unsigned i = 0; i < 20; i++) {
		client("RCPT TO:<x@ar");
		client("my.ml>\r\n");
		if (i < 8)
			server("250 ok\r\n");
		forget_read();
	}
	client("BDAT 4 LAST\r\ntextRSET\r\n");
	server("250 ok\r\n250 ok\r\n");
	struct packet *p = make_segment(DIR_CLIENT, c->nxt, line, strlen(line), ACK);
	c->nxt += (uint32_t)strlen(line);
	frame_cut(&w.front, p, 24, half);
	arrive(half, 2);
	w.now += 700000000000u;
	for (unsigned i = 0; i < 100; i++)
		pipeline_tick(w.pl, w.rules, w.now, w.now);
	deliver();
	send_at(DIR_CLIENT, c->nxt, NULL, 0, RST | ACK);
	return CTR(verdict_reject) >= 21;
}

static void
a_session_makes_no_system_call(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the sanitiser's own heap asks the kernel */
#endif
	void *volatile enough; /* or the compiler leaves malloc() and free() out together */
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		/* The front end of the test takes from the heap; so there is enough of it, once and for all. */
		mallopt(M_TOP_PAD, 64 << 20);
		mallopt(M_TRIM_THRESHOLD, 1 << 30);
		mallopt(M_MMAP_THRESHOLD, 1 << 30);
		enough = malloc(32 << 20);
		free(enough);
		renounce_system_calls();
		_exit(sessions() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_makes_no_system_call, open_world, close_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
