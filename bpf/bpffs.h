/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory of pins. Functions return 0 or a negated errno. */
#ifndef POSTERN_BPF_BPFFS_H
#define POSTERN_BPF_BPFFS_H

#include <stdbool.h>

/*
 * Makes the directory on a BPF file system. Where there is none: mounts one at
 * /sys/fs/bpf for what lies below that, else at the directory itself.
 */
int bpffs_make(const char *dir);

/* Removes every pin and directory of ours below `dir`. A `dir` that is not there is fine. */
int bpffs_clear(const char *dir);

/* Removes the directories layout-* below `dir`, but `current`. */
void bpffs_forget_layouts(const char *dir, const char *current);

/* Removes the directory, and the file system where it is one of its own. It is empty. */
int bpffs_remove(const char *dir);

/* Waits until nobody else changes the pins below `dir`. Returns a descriptor to close, or a negated errno. */
int bpffs_lock(const char *dir);

#endif
