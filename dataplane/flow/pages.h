/* SPDX-License-Identifier: BSD-3-Clause */
/* Large zeroed memory in huge pages where the kernel has them to give: fewer TLB misses on random access. */
#ifndef POSTERN_FLOW_PAGES_H
#define POSTERN_FLOW_PAGES_H

#include <stddef.h>
#include <sys/mman.h>

/* Returns owned, zeroed, page-aligned, or NULL. At start only. Pages are taken when first touched. */
static inline void *
pages_new(size_t octets)
{
	void *at = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	/* Only a hint: without huge pages everything works, slower. */
	madvise(at, octets, MADV_HUGEPAGE);
	return at;
}

/* Takes `at`, which may be NULL. */
static inline void
pages_free(void *at, size_t octets)
{
	if (at != NULL)
		munmap(at, octets);
}

#endif
