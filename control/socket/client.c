/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "socket/wire.h"

#define DATAGRAMS_MAX 4096 /* of one answer: a peer that never ends cannot fill our memory */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until `fd` is ready for `events` or the deadline. 0 or -ETIMEDOUT. */
static int
await(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* A full backlog cannot be polled for: ask again every 10 ms. */
static int
connect_until(const char *path, int64_t deadline)
{
	for (;;) {
		int fd = wire_connect(path);

		if (fd != -EAGAIN)
			return fd;
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, 10);
	}
}

static int
send_until(int fd, const json_t *request, int64_t deadline)
{
	for (;;) {
		int err = wire_send(fd, request, -1);

		if (err != -EAGAIN)
			return err;
		err = await(fd, POLLOUT, deadline);
		if (err < 0)
			return err;
	}
}

static void
merge(json_t *whole, json_t *part)
{
	const char *key;
	json_t *value;

	json_object_foreach(part, key, value)
	{
		json_t *before = json_object_get(whole, key);

		if (strcmp(key, "end") == 0)
			continue;
		if (json_is_array(before) && json_is_array(value))
			json_array_extend(before, value);
		else
			json_object_set(whole, key, value);
	}
}

/* Adds datagrams to `whole` up to the last one. 0 or a negated errno. */
static int
receive_until(int fd, json_t *whole, int64_t deadline)
{
	for (unsigned n = 0; n < DATAGRAMS_MAX;) {
		json_t *part;
		int got = wire_receive(fd, &part);

		if (got == -EAGAIN && (got = await(fd, POLLIN, deadline)) == 0)
			continue;
		if (got == 0)
			return -ECONNRESET;
		if (got < 0)
			return got;
		bool last = wire_last(part);
		merge(whole, part);
		json_decref(part);
		if (last)
			return 0;
		n++;
	}
	return -EMSGSIZE;
}

static const char *
reason(int err)
{
	switch (-err) {
	case ENOENT:
		return "no such socket; is it running?";
	case ECONNREFUSED:
		return "nobody listens there; is it running?";
	case ECONNRESET:
	case EPIPE:
		return "it closed the connection without an answer";
	case EPROTO:
		return "its answer is not of this protocol";
	case EMSGSIZE:
		return "its answer is too long";
	default:
		return strerror(-err);
	}
}

static void
explain(int err, const char *name, const char *path, unsigned timeout_ms, char *out, size_t outlen)
{
	if (err == -ETIMEDOUT)
		snprintf(out, outlen, "%s does not answer at %s: nothing within %.1f s", name, path,
			 (double)timeout_ms / 1000);
	else
		snprintf(out, outlen, "%s does not answer at %s: %s", name, path, reason(err));
}

json_t *
client_ask(const char *name, const char *path, const json_t *request, unsigned timeout_ms, char *err, size_t errlen)
{
	int64_t deadline = now_ms() + timeout_ms;
	json_t *whole = json_object();
	int fd = connect_until(path, deadline);
	int status = fd < 0 ? fd : send_until(fd, request, deadline);

	if (status == 0)
		status = receive_until(fd, whole, deadline);
	if (fd >= 0)
		close(fd);
	if (status == 0)
		return whole;
	explain(status, name, path, timeout_ms, err, errlen);
	json_decref(whole);
	return NULL;
}

json_t *
client_request(const char *cmd)
{
	return json_pack("{s:s}", "cmd", cmd);
}
