/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends a run of reload.c can come to: what is remembered, logged and answered. Private to reload.c and its tests.
 */
#ifndef POSTERN_CONTROL_RELOAD_ANSWER_H
#define POSTERN_CONTROL_RELOAD_ANSWER_H

#include "reload.h"

/* Takes the sealed blob and the listing out of `o` into r->next, under a new generation. */
void reload_take(struct reload *r, struct compile_outcome *o);
/* r->next becomes r->good. */
void reload_keep(struct reload *r);
void reload_drop(struct reload_set *s);
/* Remembers the files that the report (NULL is fine) names, and passes them on. */
void reload_learn_files(struct reload *r, const json_t *report);

/* Each sets or clears r->last_error, writes the log and returns the answer, owned: "generation" is what judges now. */
json_t *answer_live(struct reload *r, const struct handover_answer *a);
json_t *answer_unchanged(struct reload *r);
json_t *answer_waiting(struct reload *r, const char *error); /* good rules, no dataplane */
json_t *answer_failed(struct reload *r, const char *error, const char *messages);

#endif
