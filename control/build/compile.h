/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns to serialised databases of the engine, for this CPU. */
#ifndef POSTERN_CONTROL_BUILD_COMPILE_H
#define POSTERN_CONTROL_BUILD_COMPILE_H

#include "rules/messages.h"
#include "rules/source.h"

struct databases {
	struct {
		char *octets; /* owned; NULL where there is no pattern of the kind */
		size_t len;
	} kind[KIND_COUNT];
	uint64_t features; /* CPU features they were compiled for */
};

/*
 * Compiles the patterns but those of lists, each kind in a thread of its own where jobs > 1. `id_of`: the
 * engine's id of each pattern, by index.
 * False: what the engine refused is in `m`. databases_free() takes *db either way.
 */
bool databases_compile(const struct ruleset_source *s, const uint32_t *id_of, unsigned jobs, struct databases *db,
		       struct messages *m);
void databases_free(struct databases *db);

#endif
