/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to {"cmd":"rules"}: files and rules of the rule set compiled last, and what went wrong since. */
#ifndef POSTERN_CONTROL_RULES_ANSWER_H
#define POSTERN_CONTROL_RULES_ANSWER_H

#include "reload.h"

/* One datagram of an answer; taken. */
typedef void rules_emit(void *ctx, uint64_t who, json_t *datagram);

/* Emits the datagrams, with at most `limit` rules and as many files. */
void rules_answer(const struct reload *r, size_t limit, rules_emit *emit, void *ctx, uint64_t who);

#endif
