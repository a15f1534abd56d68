/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/doze.h"

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef AF_XDP
#define AF_XDP 44
#endif

void
doze_init(struct doze *d, bool shared)
{
	*d = (struct doze){ .wake = shared ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1 };
	d->possible = d->wake >= 0 || !shared;
}

static bool
is_af_xdp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP;
}

static bool
all_af_xdp(const struct ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (!ports->port[i].af_xdp)
			return false;
	return true;
}

/* The driver tells nobody its sockets, and has no receive interrupts: they are found among what the process has open.
 */
void
doze_ports(struct doze *d, const struct ports *ports)
{
	unsigned wanted = all_af_xdp(ports) ? ports->count : 0;
	DIR *all = wanted > 0 ? opendir("/proc/self/fd") : NULL;

	for (struct dirent *e; all != NULL && d->socks < wanted && (e = readdir(all)) != NULL;) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && is_af_xdp(fd))
			d->sock[d->socks++] = fd;
	}
	if (all != NULL)
		closedir(all);
	d->possible = d->possible && wanted > 0 && d->socks == wanted;
}

void
doze_done(struct doze *d)
{
	if (d->wake >= 0)
		close(d->wake);
	d->wake = -1;
}

void
doze_begin(struct doze *d)
{
	atomic_store(&d->asleep, true); /* sequentially consistent: before the last look at the rings */
}

void
doze_sleep(struct doze *d, uint64_t ns)
{
	const struct timespec limit = { .tv_nsec = (long)ns };
	struct pollfd wait[SLOTS_MAX + 1] = { { .fd = d->wake, .events = POLLIN } };
	uint64_t woken;

	for (unsigned i = 0; i < d->socks; i++)
		wait[i + 1] = (struct pollfd){ .fd = d->sock[i], .events = POLLIN };
	if (ppoll(wait, d->socks + 1, &limit, NULL) > 0 && (wait[0].revents & POLLIN) != 0 &&
	    read(d->wake, &woken, sizeof(woken)) < 0)
		return; /* somebody was faster: nothing to take */
}

void
doze_end(struct doze *d)
{
	atomic_store_explicit(&d->asleep, false, memory_order_relaxed);
}

void
doze_wake(struct doze *d)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst); /* what was put into the ring, before the look at its reader */
	if (atomic_load_explicit(&d->asleep, memory_order_relaxed) && atomic_exchange(&d->asleep, false) &&
	    write(d->wake, &one, sizeof(one)) < 0)
		return; /* it is full of wakes already */
}
