/* SPDX-License-Identifier: BSD-3-Clause */
/* Inputs that end, or begin, at an unmapped page: a parser that reads one octet too far dies. */
#ifndef POSTERN_TESTS_GUARD_H
#define POSTERN_TESTS_GUARD_H

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
	uint8_t *map; /* page | room | page */
	size_t room;  /* octets between the guard pages */
	size_t page;
};

/* Room for inputs of up to `len` octets. Returns owned; guard_free() takes it. */
static inline struct guard
guard_new(size_t len)
{
	struct guard g = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	g.room = (len + g.page) / g.page * g.page;
	g.map = mmap(NULL, g.room + 2 * g.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(g.map != MAP_FAILED);
	mprotect(g.map, g.page, PROT_NONE);
	mprotect(g.map + g.page + g.room, g.page, PROT_NONE);
	return g;
}

/* Copies `len` octets so that the octet behind the last one is unmapped. Borrowed until the next call. */
static inline uint8_t *
guard_end(struct guard *g, const void *from, size_t len)
{
	uint8_t *at = g->map + g->page + g->room - len;
	if (len > 0)
		memcpy(at, from, len);
	return at;
}

static inline void
guard_free(struct guard *g)
{
	munmap(g->map, g->room + 2 * g->page);
}

#endif
