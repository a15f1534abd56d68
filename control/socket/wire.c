/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket/wire.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol.h"

static int
address_of(struct sockaddr_un *a, const char *path)
{
	size_t len = strlen(path);

	if (len >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, len + 1);
	return 0;
}

static int
seqpacket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int
wire_connect(const char *path)
{
	struct sockaddr_un a;
	int err = address_of(&a, path);
	int fd = err < 0 ? err : seqpacket();

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void
make_directory_of(const char *path)
{
	char *copy = strdup(path);

	if (copy != NULL)
		mkdir(dirname(copy), 0755);
	free(copy);
}

/* A socket file outlives its process: it may go only when nobody listens behind it. */
static int
clear_stale(const char *path)
{
	int fd = wire_connect(path);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return -EADDRINUSE;
	if (fd == -ECONNREFUSED)
		unlink(path);
	return 0;
}

int
wire_listen(const char *path)
{
	struct sockaddr_un a;
	int err = address_of(&a, path);
	int fd;

	if (err < 0)
		return err;
	make_directory_of(path);
	err = clear_stale(path);
	fd = err < 0 ? err : seqpacket();
	if (fd < 0)
		return fd;
	/* The mode is set before anybody can connect: bind gives a file that is not yet listened at. */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && chmod(path, 0660) == 0 && listen(fd, 64) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int
wire_send(int fd, const json_t *o, int passed)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char *text = json_dumps(o, JSON_COMPACT);
	struct iovec iov = { .iov_base = text, .iov_len = text != NULL ? strlen(text) : 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (text == NULL)
		return -ENOMEM;
	if (passed >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	if (iov.iov_len > PROTOCOL_DATAGRAM_MAX)
		n = -1, errno = EMSGSIZE;
	else
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	int err = n < 0 ? -errno : 0;
	free(text);
	return err;
}

int
wire_receive(int fd, json_t **o)
{
	char *buffer = malloc(PROTOCOL_DATAGRAM_MAX);
	ssize_t n;
	int result;

	*o = NULL;
	if (buffer == NULL)
		return -ENOMEM;
	n = recv(fd, buffer, PROTOCOL_DATAGRAM_MAX, MSG_TRUNC);
	if (n < 0)
		result = errno == EINTR ? -EAGAIN : -errno;
	else if (n == 0)
		result = 0;
	else if (n > PROTOCOL_DATAGRAM_MAX)
		result = -EPROTO;
	else
		result = (*o = json_loadb(buffer, (size_t)n, 0, NULL)) != NULL && json_is_object(*o) ? 1 : -EPROTO;
	free(buffer);
	if (result < 0) {
		json_decref(*o);
		*o = NULL;
	}
	return result;
}

bool
wire_last(const json_t *o)
{
	return json_is_true(json_object_get(o, "end"));
}

json_t *
wire_text(const char *at, size_t len)
{
	json_t *s = json_stringn(at, len);

	if (s != NULL)
		return s;
	char *copy = malloc(len + 1);
	if (copy == NULL)
		return json_null();
	for (size_t i = 0; i < len; i++)
		copy[i] = at[i] & 0x80 ? '?' : at[i];
	s = json_stringn(copy, len);
	free(copy);
	return s;
}
