/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/compile_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICE       5 /* the dataplane's workers may share our cores */
#define REPORT_MAX (16 * 1024 * 1024)
#define SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* ---- in the child ---- */

/* An address sanitizer maps terabytes for its own use: no limit on address space can stand there. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_ADDRESS_SPACE 0
#else
#define LIMIT_ADDRESS_SPACE 1
#endif

static void
limit(int what, rlim_t value)
{
	struct rlimit r = { .rlim_cur = value, .rlim_max = value };

	setrlimit(what, &r);
}

static void
limit_child(const struct compile_job *job)
{
	rlim_t memory = (rlim_t)job->memory_mb << 20;

	limit(RLIMIT_CPU, job->cpu_seconds);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, memory); /* memfds are not part of the address space */
	if (LIMIT_ADDRESS_SPACE)
		limit(RLIMIT_AS, memory);
	setpriority(PRIO_PROCESS, 0, NICE);
}

/* The handlers of the loop write into a pipe that is the daemon's. */
static void
default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps what the job needs: a client must see the daemon hang up even while a child of it still works. */
static void
close_others(struct compile_files *f)
{
	int *keep[] = { &f->blob, &f->messages, &f->report, &f->listing };

	for (int i = 0; i < 4; i++)
		*keep[i] = fcntl(*keep[i], F_DUPFD, 100); /* out of the way of the numbers they move to */
	for (int i = 0; i < 4; i++)
		*keep[i] = dup2(*keep[i], 3 + i);
	close_range(7, ~0U, 0);
}

static _Noreturn void
child_main(const struct compile_job *job, struct compile_files files, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	default_signals();
	close_others(&files);
	limit_child(job);
	_exit(compile_run(job, &files) ? 0 : 1);
}

/* ---- in the daemon ---- */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_files(struct compile_files *f)
{
	close_fd(&f->blob);
	close_fd(&f->messages);
	close_fd(&f->report);
	close_fd(&f->listing);
}

static bool
open_files(struct compile_files *f)
{
	f->blob = memfd_create("postern-ruleset", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	f->messages = memfd_create("postern-messages", MFD_CLOEXEC);
	f->report = memfd_create("postern-report", MFD_CLOEXEC);
	f->listing = memfd_create("postern-listing", MFD_CLOEXEC);
	return f->blob >= 0 && f->messages >= 0 && f->report >= 0 && f->listing >= 0;
}

/* The first `max` octets of a file, NUL-terminated, owned; "" where it is empty. NULL without memory. */
static char *
content_of(int fd, size_t max)
{
	struct stat st;
	size_t len = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
	char *text = malloc((len = len < max ? len : max) + 1);
	ssize_t n = text != NULL ? pread(fd, text, len, 0) : 0;

	if (text != NULL)
		text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
explain_end(const struct compile_child *c, const siginfo_t *how, bool reported, char *out, size_t outlen)
{
	int s = how->si_status;

	if (c->overdue)
		snprintf(out, outlen, "compiling the rules took more than %u s (control.compile_seconds)",
			 c->cpu_seconds);
	else if (how->si_code == CLD_EXITED && reported)
		snprintf(out, outlen, "the rules have errors");
	else if (how->si_code == CLD_EXITED)
		snprintf(out, outlen, "the compiler ended with status %d and no result", s);
	else if (s == SIGXCPU)
		snprintf(out, outlen,
			 "compiling the rules took more than %u s of processor time "
			 "(control.compile_seconds)",
			 c->cpu_seconds);
	else if (s == SIGXFSZ)
		snprintf(out, outlen, "the compiled rules are larger than %u MiB (control.compile_memory_mb)",
			 c->memory_mb);
	else
		snprintf(out, outlen,
			 "the compiler crashed (signal %d, %s); its memory is limited to %u MiB "
			 "(control.compile_memory_mb)",
			 s, strsignal(s), c->memory_mb);
}

/* The child is gone: nobody else can change the blob, and from here on neither can we. */
static bool
seal(struct compile_child *c, struct compile_outcome *o)
{
	struct stat st;

	if (fcntl(c->files.blob, F_ADD_SEALS, SEALS) < 0 || fstat(c->files.blob, &st) < 0) {
		snprintf(o->error, sizeof(o->error), "the compiled rules could not be sealed: %s", strerror(errno));
		return false;
	}
	o->blob = c->files.blob;
	o->blob_len = (size_t)st.st_size;
	o->listing = c->files.listing;
	c->files.blob = c->files.listing = -1;
	return true;
}

static void
finish(struct compile_child *c, const siginfo_t *how)
{
	struct compile_outcome o = { .blob = -1, .listing = -1 };
	char *messages = content_of(c->files.messages, COMPILE_MESSAGES_MAX);
	char *text = content_of(c->files.report, REPORT_MAX);
	json_t *report = text != NULL ? json_loads(text, 0, NULL) : NULL;
	bool unchanged = json_is_true(json_object_get(report, "unchanged"));
	bool done = json_is_true(json_object_get(report, "done")) && how->si_code == CLD_EXITED && how->si_status == 0;

	free(text);
	if (!done)
		explain_end(c, how, json_object_get(report, "summary") != NULL, o.error, sizeof(o.error));
	else if (!unchanged)
		seal(c, &o);
	close_files(&c->files);
	o.report = report;
	o.messages = messages != NULL ? messages : "";
	c->done(c->ctx, &o);
	json_decref(report);
	free(messages);
}

/* The handle is closed: a next child may start, even from within `done`. */
static void
reap(uv_handle_t *handle)
{
	struct compile_child *c = handle->data;
	siginfo_t how = { 0 };

	while (waitid(P_PIDFD, (id_t)c->pidfd, &how, WEXITED) < 0 && errno == EINTR)
		;
	close_fd(&c->pidfd);
	c->pid = 0;
	if (c->done != NULL)
		finish(c, &how);
	else
		close_files(&c->files);
}

static void
on_exit_seen(uv_poll_t *handle, int status, int events)
{
	struct compile_child *c = handle->data;

	uv_timer_stop(&c->limit);
	uv_close((uv_handle_t *)&c->exit, reap);
}

static void
on_limit(uv_timer_t *timer)
{
	struct compile_child *c = timer->data;

	c->overdue = true;
	kill(c->pid, SIGKILL);
}

void
compile_child_init(struct compile_child *c, uv_loop_t *loop)
{
	memset(c, 0, sizeof(*c));
	c->pidfd = -1;
	uv_timer_init(loop, &c->limit);
	c->limit.data = c;
}

static pid_t
fork_quietly(const struct compile_job *job, const struct compile_files *files)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the loop runs in the child */
	pid = fork();
	if (pid == 0)
		child_main(job, *files, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int
compile_child_start(struct compile_child *c, const struct compile_job *job, compile_done *done, void *ctx)
{
	int err = open_files(&c->files) ? 0 : -errno;

	if (err == 0 && (c->pid = fork_quietly(job, &c->files)) < 0)
		err = -errno;
	if (err == 0 && (c->pidfd = pidfd_open(c->pid, 0)) < 0) {
		err = -errno;
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (err < 0) {
		c->pid = 0;
		close_files(&c->files);
		return err;
	}
	c->done = done;
	c->ctx = ctx;
	c->cpu_seconds = job->cpu_seconds;
	c->memory_mb = job->memory_mb;
	c->overdue = false;
	c->exit.data = c;
	uv_poll_init(c->limit.loop, &c->exit, c->pidfd);
	uv_poll_start(&c->exit, UV_READABLE, on_exit_seen);
	uv_timer_start(&c->limit, on_limit, (uint64_t)job->cpu_seconds * 1000, 0);
	return 0;
}

void
compile_child_close(struct compile_child *c)
{
	uv_close((uv_handle_t *)&c->limit, NULL);
	c->done = NULL;
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	if (!uv_is_closing((uv_handle_t *)&c->exit))
		uv_close((uv_handle_t *)&c->exit, reap);
}
