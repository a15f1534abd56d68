/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notices that rule files change. Watches their directories, not the files: editors and package managers replace
 * files by rename. A burst of changes is one: `changed` is called 100 ms after the last, at most 1 s after the first.
 * Directories that are missing, or were replaced as a whole, are found within 2 s. Loop thread only.
 */
#ifndef POSTERN_CONTROL_WATCH_H
#define POSTERN_CONTROL_WATCH_H

#include <stddef.h>

#include <uv.h>

#define WATCH_DEBOUNCE_MS 100
#define WATCH_LATEST_MS   1000
#define WATCH_RECHECK_MS  2000

typedef void watch_changed(void *ctx);

struct watch_directory; /* one inotify watch */

struct watch {
	uv_loop_t *loop;
	uv_timer_t debounce, recheck;
	uint64_t first_ms; /* loop time of the first change of a burst; 0: none */
	struct watch_directory *directories;
	watch_changed *changed;
	void *ctx;
};

void watch_init(struct watch *w, uv_loop_t *loop, watch_changed *changed, void *ctx);

/*
 * Watches the directories of the `n` files (a name that ends in '/' is a directory itself) and of what they link to,
 * and no others. Borrows the names for the call. Watches that already stand are kept.
 */
void watch_files(struct watch *w, const char *const *files, size_t n);

void watch_close(struct watch *w);

#endif
