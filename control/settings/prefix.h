/* SPDX-License-Identifier: BSD-3-Clause */
/* "192.0.2.0/24", "2001:db8::/32" or a single address, in the settings and in requests. */
#ifndef POSTERN_CONTROL_PREFIX_H
#define POSTERN_CONTROL_PREFIX_H

#include <stddef.h>

#include "classify/scope.h"

#define PREFIX_TEXT 64

/* NULL, or what is wrong with `text`, as a sentence's end. */
const char *prefix_parse(const char *text, struct prefix *p);

struct settings;

/* What the settings say is to be read. */
void scope_of(const struct settings *s, struct scope *scope);

void prefix_text(const struct prefix *p, char out[PREFIX_TEXT]);

#endif
