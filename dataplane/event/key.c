/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "event/event.h"

static bool
key_read(int fd, struct event_key *key)
{
	uint8_t more;
	return read(fd, key->octets, sizeof(key->octets)) == (ssize_t)sizeof(key->octets) && read(fd, &more, 1) == 0;
}

/* Written aside and linked into place, so that two processes starting at once agree on one whole key. */
static bool
key_make(const char *path, char *err, size_t errlen)
{
	struct event_key key;
	char aside[4096];

	if (snprintf(aside, sizeof(aside), "%s.%ld", path, (long)getpid()) >= (int)sizeof(aside))
		aside[0] = '\0';
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(err, errlen, "%s: the key file cannot be made: %s", path, strerror(errno));
		return false;
	}
	randombytes_buf(key.octets, sizeof(key.octets));
	bool done = write(fd, key.octets, sizeof(key.octets)) == (ssize_t)sizeof(key.octets) && fsync(fd) == 0;
	done = close(fd) == 0 && done;
	done = done && (link(aside, path) == 0 || errno == EEXIST);
	if (!done)
		snprintf(err, errlen, "%s: the key file cannot be written: %s", path, strerror(errno));
	unlink(aside);
	sodium_memzero(&key, sizeof(key));
	return done;
}

bool
event_key_load(const char *path, struct event_key *key, char *err, size_t errlen)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (!key_make(path, err, errlen))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		snprintf(err, errlen, "%s: the key file cannot be read: %s", path, strerror(errno));
		return false;
	}
	bool whole = key_read(fd, key);
	close(fd);
	if (!whole)
		snprintf(err, errlen, "%s: not a key: %zu octets are expected; remove the file to have one made", path,
			 sizeof(key->octets));
	return whole;
}
