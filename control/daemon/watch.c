/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/watch.h"

#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct watch_directory {
	uv_fs_event_t event;
	struct watch *watch;
	struct watch_directory *next;
	bool wanted;   /* by the list of files at hand */
	bool standing; /* the kernel watches it */
	dev_t device;  /* which directory is watched: another one may take its name */
	ino_t inode;
	char path[];
};

static void
fire(uv_timer_t *timer)
{
	struct watch *w = timer->data;

	w->first_ms = 0;
	w->changed(w->ctx);
}

static void
note_change(struct watch *w)
{
	uint64_t now = uv_now(w->loop), latest, left;

	if (w->first_ms == 0)
		w->first_ms = now;
	latest = w->first_ms + WATCH_LATEST_MS;
	left = latest > now ? latest - now : 0;
	uv_timer_start(&w->debounce, fire, left < WATCH_DEBOUNCE_MS ? left : WATCH_DEBOUNCE_MS, 0);
}

static void
on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watch_directory *d = event->data;

	note_change(d->watch);
}

/* Watches what stands at the path now. True where that is another directory than before. */
static bool
stand(struct watch_directory *d)
{
	struct stat st;
	bool there = stat(d->path, &st) == 0 && S_ISDIR(st.st_mode);

	if (d->standing && there && st.st_dev == d->device && st.st_ino == d->inode)
		return false;
	if (d->standing)
		uv_fs_event_stop(&d->event);
	d->standing = there && uv_fs_event_start(&d->event, on_event, d->path, 0) == 0;
	if (d->standing) {
		d->device = st.st_dev;
		d->inode = st.st_ino;
	}
	return d->standing;
}

static void
recheck(uv_timer_t *timer)
{
	struct watch *w = timer->data;

	for (struct watch_directory *d = w->directories; d != NULL; d = d->next)
		if (stand(d))
			note_change(w);
}

static void
free_directory(uv_handle_t *handle)
{
	free(handle->data);
}

static void
want(struct watch *w, const char *path)
{
	struct watch_directory *d = w->directories;
	size_t len = strlen(path) + 1;

	while (d != NULL && strcmp(d->path, path) != 0)
		d = d->next;
	if (d == NULL) {
		d = calloc(1, sizeof(*d) + len);
		if (d == NULL)
			return;
		memcpy(d->path, path, len);
		d->watch = w;
		d->next = w->directories;
		w->directories = d;
		uv_fs_event_init(w->loop, &d->event);
		d->event.data = d;
	}
	d->wanted = true;
	stand(d);
}

static void
want_directory_of(struct watch *w, const char *file)
{
	char *copy = strdup(file);
	size_t len = strlen(file);

	if (copy == NULL || len == 0)
		;
	else if (file[len - 1] == '/' && len > 1)
		copy[len - 1] = '\0', want(w, copy);
	else
		want(w, dirname(copy));
	free(copy);
}

static void
drop_unwanted(struct watch *w)
{
	for (struct watch_directory **at = &w->directories; *at != NULL;) {
		struct watch_directory *d = *at;

		if (d->wanted) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		uv_close((uv_handle_t *)&d->event, free_directory);
	}
}

void
watch_files(struct watch *w, const char *const *files, size_t n)
{
	for (struct watch_directory *d = w->directories; d != NULL; d = d->next)
		d->wanted = false;
	for (size_t i = 0; i < n; i++) {
		char *target = realpath(files[i], NULL);

		want_directory_of(w, files[i]);
		if (target != NULL && files[i][strlen(files[i]) - 1] != '/')
			want_directory_of(w, target);
		free(target);
	}
	drop_unwanted(w);
}

void
watch_init(struct watch *w, uv_loop_t *loop, watch_changed *changed, void *ctx)
{
	memset(w, 0, sizeof(*w));
	w->loop = loop;
	w->changed = changed;
	w->ctx = ctx;
	uv_timer_init(loop, &w->debounce);
	uv_timer_init(loop, &w->recheck);
	w->debounce.data = w->recheck.data = w;
	uv_timer_start(&w->recheck, recheck, WATCH_RECHECK_MS, WATCH_RECHECK_MS);
}

void
watch_close(struct watch *w)
{
	watch_files(w, NULL, 0);
	uv_close((uv_handle_t *)&w->debounce, NULL);
	uv_close((uv_handle_t *)&w->recheck, NULL);
}
