/* SPDX-License-Identifier: BSD-3-Clause */
/* Registries in which no stranger gets a name: what ends in one of them is never taken for a slip. */
#ifndef POSTERN_CONTROL_LOOKALIKE_EXEMPT_H
#define POSTERN_CONTROL_LOOKALIKE_EXEMPT_H

#include "lookalike/suffix.h"

typedef void exempt_sink(void *ctx, struct view suffix);

/*
 * mil, gov and int (closed registries), and under each country those of
 * government and forces that are public suffixes: gov.uk, gob.mx, gouv.ml,
 * go.jp, mil.pl, ... The list is that of public suffixes.
 */
void exempt_registries(const struct suffixes *s, exempt_sink *sink, void *ctx);

/* Those registries as a set. */
struct registries;
/* NULL: out of memory. registries_free() takes it. */
struct registries *registries_make(const struct suffixes *s);
void registries_free(struct registries *r);
/* `name` is one of them, or below one. */
bool registries_cover(const struct registries *r, struct view name);

#endif
