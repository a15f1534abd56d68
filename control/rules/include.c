/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "rules/reader.h"

/* A rule file beyond this is a mistake, not a rule file. */
#define FILE_OCTETS_MAX (1L << 30)

static bool
has_wildcard(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

static bool
ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

static bool
is_list(const char *path, enum format format)
{
	if (format != FORMAT_BY_NAME)
		return format == FORMAT_LIST;
	return ends_with(path, ".list") || ends_with(path, ".txt") || ends_with(path, ".hosts");
}

/* Octets of the directory part of `path`, its '/' included; 0: none. */
static size_t
dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* Notes the directories in which files that `pattern` names could appear. */
static void
note_dirs(struct ruleset_source *s, const char *pattern)
{
	char *dir = strndup(pattern, dir_len(pattern));
	glob_t found;

	if (dir == NULL)
		return;
	if (dir[0] == '\0')
		source_add_dir(s, "./");
	else if (!has_wildcard(dir))
		source_add_dir(s, dir);
	else if (glob(dir, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			source_add_dir(s, found.gl_pathv[i]);
		globfree(&found);
	}
	free(dir);
}

/* Reads all of fd. Returns owned and sets *len; NULL with errno. */
static uint8_t *
read_all(int fd, size_t size, size_t *len)
{
	uint8_t *octets = malloc(size + 1);

	*len = 0;
	while (octets != NULL && *len < size) {
		ssize_t n = read(fd, octets + *len, size - *len);
		if (n == 0)
			break;
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR) {
			free(octets);
			return NULL;
		}
	}
	return octets;
}

/* Opens a regular file. Returns the descriptor, or -1 after a report. */
static int
open_file(struct reader *r, const char *path, struct place from, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st) != 0)
		message_error(r->messages, from, "%s cannot be read: %s; expected a rule file or list", path,
			      strerror(errno));
	else if (!S_ISREG(st->st_mode) || st->st_size > FILE_OCTETS_MAX)
		message_error(r->messages, from, "%s is no rule file; expected a regular file of at most 1 GiB", path);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A file that is being read already cannot be included: names the way round. */
static bool
in_cycle(struct reader *r, const char *path, const struct stat *st, struct place from)
{
	for (unsigned i = 0; i < r->depth; i++) {
		if (r->open[i].dev != st->st_dev || r->open[i].ino != st->st_ino)
			continue;
		char way[1024];
		size_t used = 0;
		for (unsigned k = i; k < r->depth && used < sizeof(way); k++)
			used += (size_t)snprintf(way + used, sizeof(way) - used, "%s includes ", r->open[k].path);
		message_error(r->messages, from, "a circle of includes: %s%s; expected each file to come once", way,
			      path);
		return true;
	}
	return false;
}

/* The octets of a file that is open at `fd`, as a list or as rules; r->place is in the new file from here on. */
static void
read_open(struct reader *r, int fd, const struct stat *st, const struct options *o)
{
	const char *path = r->source->files[r->place.file];
	size_t len;
	uint8_t *owned = read_all(fd, (size_t)st->st_size, &len);

	if (owned == NULL) {
		message_error(r->messages, r->place, "it cannot be read: %s", strerror(errno));
		return;
	}
	struct view octets = view_of(owned, len);
	if (len >= 3 && memcmp(owned, "\xef\xbb\xbf", 3) == 0)
		octets = view_of(owned + 3, len - 3);
	r->open[r->depth++] = (struct reader_file){ .path = path, .dev = st->st_dev, .ino = st->st_ino };
	if (is_list(path, o->format))
		read_list(r, octets, o);
	else
		read_rules(r, octets);
	r->depth--;
	free(owned);
}

static bool
may_read(struct reader *r, const char *path, const struct stat *st, struct place from)
{
	if (in_cycle(r, path, st, from))
		return false;
	if (r->depth < INCLUDE_DEPTH_MAX)
		return true;
	message_error(r->messages, from, "%s is included too deeply; expected at most %d levels", path,
		      INCLUDE_DEPTH_MAX);
	return false;
}

void
read_file(struct reader *r, const char *path, const struct options *o, struct place from)
{
	struct place back = r->place, place = { .file = source_add_file(r->source, path) };
	struct stat st;

	if (r->depth == 0)
		from = place;
	note_dirs(r->source, path);
	int fd = open_file(r, path, from, &st);
	if (fd < 0)
		return;
	if (may_read(r, path, &st, from)) {
		r->place = place;
		read_open(r, fd, &st, o);
		r->place = back;
	}
	close(fd);
}

/* Options that a rule file has no use for: whoever wrote them expects something that will not happen. */
static void
warn_options(struct reader *r, const char *path, const struct options *o, struct place from)
{
	if ((o->given & ~OPTION_BIT(OPTION_FORMAT)) && !is_list(path, o->format))
		message_warning(r->messages, from,
				"%s is read as a rule file, to which the options of this include do not apply; "
				"a list is *.list, *.txt, *.hosts, or has format=list",
				path);
}

/* Relative names start from the directory of the including file. Returns owned. */
char *
reader_resolve(const struct reader *r, struct view name)
{
	const char *file = r->source->files[r->place.file];
	size_t dir = name.at[0] == '/' ? 0 : dir_len(file);
	char *path;

	if (asprintf(&path, "%.*s%.*s", (int)dir, file, (int)name.len, name.at) < 0)
		abort();
	return path;
}

char *
reader_shipped(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s",
		     access(POSTERN_SHARE_INSTALLED, R_OK) == 0 ? POSTERN_SHARE_INSTALLED : POSTERN_SHARE_IN_TREE,
		     name) < 0)
		abort();
	return path;
}

void
reader_include(struct reader *r, const char *pattern, const struct options *o, struct place from)
{
	glob_t found = { 0 };
	int e = glob(pattern, 0, NULL, &found);

	note_dirs(r->source, pattern);
	r->list_rule = NO_RULE;
	for (size_t i = 0; e == 0 && i < found.gl_pathc; i++) {
		warn_options(r, found.gl_pathv[i], o, from);
		read_file(r, found.gl_pathv[i], o, from);
	}
	if (e == GLOB_NOMATCH && !has_wildcard(pattern))
		read_file(r, pattern, o, from);
	else if (e != 0 && e != GLOB_NOMATCH)
		message_error(r->messages, from, "%s cannot be searched: %s", pattern, strerror(errno));
	globfree(&found);
}

void
statement_include(struct reader *r)
{
	const struct word *w = r->line.words;
	struct options o;

	if (r->line.count < 2) {
		message_error(r->messages, reader_at(r, (uint16_t)(w[0].column + w[0].text.len)),
			      "the statement is incomplete; expected include GLOB [key=value...]");
		return;
	}
	if (w[1].text.len == 0) {
		message_error(r->messages, reader_at(r, w[1].column), "an empty file name; expected a file or glob");
		return;
	}
	if (!options_read(r, &r->line, 2, OPTIONS_INCLUDE, &o) ||
	    !check_redirect(r, o.action, o.fields, reader_at(r, w[1].column)))
		return;
	char *pattern = reader_resolve(r, w[1].text);
	reader_include(r, pattern, &o, reader_at(r, w[1].column));
	free(pattern);
}
