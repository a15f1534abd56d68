/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of pins, for attach.c and maps.c only. */
#ifndef POSTERN_BPF_PINS_H
#define POSTERN_BPF_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "layout.h"

#define STEER_TEXT_(x) #x
#define STEER_TEXT(x)  STEER_TEXT_(x)
#define LAYOUT_DIR     "layout-" STEER_TEXT(STEER_LAYOUT)

/* slot -1: a map that all copies share. */
void pin_path(char path[PATH_MAX], const char *dir, const char *name, int slot);
void link_path(char path[PATH_MAX], const char *dir, unsigned slot);
void bypass_path(char path[PATH_MAX], const char *dir);

/* Index of the interface that the link is on; 0: none, or its interface is gone. fd may be -1. */
unsigned link_interface(int fd);

/* Writes the sentence; returns false. */
__attribute__((format(printf, 3, 4))) bool steer_fail(char *err, size_t errlen, const char *format, ...);

#endif
