/* SPDX-License-Identifier: BSD-3-Clause */
/* A compiled rule set to its blob; ruleset/blob.h has the layout. */
#ifndef POSTERN_CONTROL_BUILD_BLOB_WRITE_H
#define POSTERN_CONTROL_BUILD_BLOB_WRITE_H

#include "build/compile.h"
#include "build/lookalikes.h"
#include "rules/source.h"

/* Returns the blob, owned, and sets *len; NULL: out of memory. `s` gains the operator's name among its strings. */
uint8_t *blob_write(struct ruleset_source *s, const struct databases *db, const struct lookalikes_built *l,
		    const char *operator_name, uint64_t generation, size_t *len);

#endif
