/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of steering as JSON, from its maps: whether or not a dataplane runs. */
#ifndef POSTERN_CONTROL_STEER_JSON_H
#define POSTERN_CONTROL_STEER_JSON_H

#include <jansson.h>

#include "steer.h"

/*
 * {"pairs": [{"pair", "bypass", "fail", "mail_ports"}], "interfaces": [{"pair", "side", "interface", "frames": {cause:
 * frames}}], "heartbeat_ms": age of the last one or null, "hung_ms", "sessions": {"passed", "edited"}}. Borrows both.
 * Returns owned; NULL: the maps cannot be read.
 */
json_t *steer_json(const struct steer *s, const struct steer_setup *setup);

/* Adds to the interfaces of steer_json() how the program is attached: "mode", "native", "generic" or "not attached". */
void steer_json_modes(json_t *answer, const char *dir);

#endif
