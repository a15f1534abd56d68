/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "live/say.h"
#include "live/server.h"
#include "protocol.h"

struct server {
	int epoll;
	int listener;
	unsigned owner_uid;
	unsigned clients;
	server_fn answer;
	void *ctx;
	struct sockaddr_un address;
	char buffer[PROTOCOL_DATAGRAM_MAX];
};

static bool
make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	bool made;

	if (slash == NULL || slash == path)
		return true;
	dir = strndup(path, (size_t)(slash - path));
	made = dir != NULL && (mkdir(dir, 0755) == 0 || errno == EEXIST);
	if (!made)
		say("socket: directory \"%s\" cannot be made: %s", dir != NULL ? dir : path, strerror(errno));
	free(dir);
	return made;
}

/* A socket file at our address: false where a process answers there. */
static bool
clear_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	bool live;

	if (fd < 0)
		return false;
	live = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	close(fd);
	if (live) {
		say("socket: \"%s\" is served by another postern-dp; stop it first, or set dataplane: socket",
		    address->sun_path);
		return false;
	}
	if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(address->sun_path);
	return true;
}

static bool
watch(struct server *s, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool
listen_at(struct server *s, const char *path)
{
	mode_t mask;
	bool done;

	if (strlen(path) >= sizeof(s->address.sun_path)) {
		say("socket: \"%s\" is too long; at most %zu characters are possible", path,
		    sizeof(s->address.sun_path) - 1);
		return false;
	}
	s->address.sun_family = AF_UNIX;
	strcpy(s->address.sun_path, path);
	if (!make_directory(path) || !clear_stale(&s->address))
		return false;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	done = s->epoll >= 0 && s->listener >= 0 &&
	       bind(s->listener, (const struct sockaddr *)&s->address, sizeof(s->address)) == 0 &&
	       listen(s->listener, SERVER_CLIENTS) == 0 && watch(s, s->listener);
	umask(mask);
	if (!done)
		say("socket: \"%s\": %s", path, strerror(errno));
	return done;
}

struct server *
server_open(const char *path, unsigned owner_uid, server_fn answer, void *ctx)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->epoll = s->listener = -1;
	s->owner_uid = owner_uid;
	s->answer = answer;
	s->ctx = ctx;
	if (listen_at(s, path))
		return s;
	if (s->listener >= 0)
		close(s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
	return NULL;
}

void
server_close(struct server *s)
{
	if (s == NULL)
		return;
	/* After a change of user this may fail: the next start replaces what is left. */
	unlink(s->address.sun_path);
	close(s->listener);
	close(s->epoll);
	free(s);
}

int
server_fd(const struct server *s)
{
	return s->epoll;
}

static bool
may_talk(const struct server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == s->owner_uid;
}

static void
accept_client(struct server *s)
{
	const struct timeval limit = { .tv_sec = SERVER_SEND_MS / 1000 };
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (s->clients < SERVER_CLIENTS && may_talk(s, fd) &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 && watch(s, fd)) {
		s->clients++;
		return;
	}
	close(fd);
}

/* The descriptor that came with a message, -1: none. */
static int
passed_fd(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* One request; false: the client has gone, or is to go. */
static bool
serve_client(struct server *s, int client)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { .iov_base = s->buffer, .iov_len = sizeof(s->buffer) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool keep;
	int fd;

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	fd = passed_fd(&message);
	keep = len > 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
	       s->answer(s->ctx, client, s->buffer, (size_t)len, fd);
	if (fd >= 0)
		close(fd);
	return keep;
}

void
server_run(struct server *s)
{
	struct epoll_event ready[SERVER_CLIENTS + 1];
	int n = epoll_wait(s->epoll, ready, SERVER_CLIENTS + 1, 0);

	for (int i = 0; i < n; i++) {
		int fd = ready[i].data.fd;

		if (fd == s->listener) {
			accept_client(s);
		} else if (!serve_client(s, fd)) {
			close(fd); /* leaves the epoll set by itself */
			s->clients--;
		}
	}
}
