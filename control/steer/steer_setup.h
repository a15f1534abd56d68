/* SPDX-License-Identifier: BSD-3-Clause */
/* What the settings say about steering, for whoever attaches it: postern-dp at its start, and `postern steer`. */
#ifndef POSTERN_CONTROL_STEER_SETUP_H
#define POSTERN_CONTROL_STEER_SETUP_H

#include "settings/settings.h"
#include "steer.h"

/* Writes to `name` (16 octets) the kernel interface of a net_af_xdp device, "" for any other. */
void steer_interface_of(const char *device, char name[16]);

/* Borrows the settings for the lifetime of *setup. */
void steer_setup(const struct settings *s, struct steer_setup *setup);

#endif
