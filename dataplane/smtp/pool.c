/* SPDX-License-Identifier: BSD-3-Clause */
/* Line buffers of one worker, for lines that arrive in pieces. */
#include <stdlib.h>

#include "smtp/state.h"

struct smtp_pool {
	struct smtp_line *free;
	struct smtp_line lines[];
};

struct smtp_pool *
smtp_pool_new(unsigned count)
{
	struct smtp_pool *pool = calloc(1, sizeof(*pool) + (size_t)count * sizeof(pool->lines[0]));
	if (pool == NULL)
		return NULL;
	for (unsigned i = count; i > 0; i--)
		line_give(pool, &pool->lines[i - 1]);
	return pool;
}

void
smtp_pool_free(struct smtp_pool *pool)
{
	free(pool);
}

struct smtp_line *
line_take(struct smtp_pool *pool)
{
	struct smtp_line *line = pool->free;
	if (line != NULL)
		pool->free = line->next;
	return line;
}

void
line_give(struct smtp_pool *pool, struct smtp_line *line)
{
	line->next = pool->free;
	pool->free = line;
}
