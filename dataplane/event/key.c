/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "event/event.h"

/* A file of any other length is not ours. */
static bool
key_read(int fd, struct event_key *key)
{
	uint8_t more;

	if (read(fd, key->octets, sizeof(key->octets)) == (ssize_t)sizeof(key->octets) && read(fd, &more, 1) == 0)
		return true;
	errno = EINVAL;
	return false;
}

static bool
key_write(int fd)
{
	struct event_key key;

	randombytes_buf(key.octets, sizeof(key.octets));
	bool whole = write(fd, key.octets, sizeof(key.octets)) == (ssize_t)sizeof(key.octets) && fsync(fd) == 0;
	sodium_memzero(&key, sizeof(key));
	return whole;
}

/* Written aside and linked into place, so that two processes starting at once agree on one whole key. */
static bool
key_make(const char *path)
{
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof(aside), "%s.%ld", path, (long)getpid()) >= (int)sizeof(aside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool made = key_write(fd) && (link(aside, path) == 0 || errno == EEXIST);
	int reason = errno;
	close(fd);
	unlink(aside);
	errno = reason;
	return made;
}

bool
event_key_load(const char *path, struct event_key *key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && key_make(path))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool whole = key_read(fd, key);
	int reason = errno;
	close(fd);
	errno = reason;
	return whole;
}
