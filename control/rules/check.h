/* SPDX-License-Identifier: BSD-3-Clause */
/* What no single line shows: ids that come twice, public suffixes, rules that an allow makes idle. */
#ifndef POSTERN_CONTROL_RULES_CHECK_H
#define POSTERN_CONTROL_RULES_CHECK_H

#include "rules/messages.h"
#include "rules/source.h"

void rules_check(const struct ruleset_source *source, struct messages *messages);

#endif
