/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains and addresses as people write them into rules, to the canonical
 * form the dataplane uses (smtp/domain.h), so that both sides always meet;
 * then checked more strictly than the wire is: a rule that cannot be a
 * name is a mistake.
 */
#ifndef POSTERN_CONTROL_RULES_NAMES_H
#define POSTERN_CONTROL_RULES_NAMES_H

#include "smtp/domain.h"

/* Room for a reason why a name is refused. */
#define NAME_WHY_MAX 320

/* Octets written to out; 0: `why` says what is wrong and what is expected. Pure. */
size_t name_domain(struct view in, uint8_t out[DOMAIN_MAX], char why[NAME_WHY_MAX]);
size_t name_address(struct view in, uint8_t out[ADDRESS_MAX], char why[NAME_WHY_MAX]);

#endif
