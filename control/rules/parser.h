/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule files, line by line:
 *
 *   rule ID [ACTION] FIELD KIND PATTERN [means= mode= template= class= confidence= force=]
 *   allow FIELD KIND PATTERN [id=]
 *   include GLOB [id= action= field= format= and those of rule]
 *
 * The language is documented in control/rules/README.md.
 */
#ifndef POSTERN_CONTROL_RULES_PARSER_H
#define POSTERN_CONTROL_RULES_PARSER_H

#include "rules/messages.h"
#include "rules/source.h"

/* Reads `path` and what it includes into `source`; everything that is wrong goes to `messages`. */
void rules_parse(const char *path, struct ruleset_source *source, struct messages *messages);

#endif
