/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/rules_answer.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol.h"

#define DATAGRAM_FILL (PROTOCOL_DATAGRAM_MAX / 2)

static json_t *
read_listing(int fd)
{
	struct stat st;
	char *text = NULL;
	json_t *rules = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && (text = malloc((size_t)st.st_size)) != NULL &&
	    pread(fd, text, (size_t)st.st_size, 0) == st.st_size)
		rules = json_loadb(text, (size_t)st.st_size, 0, NULL);
	free(text);
	return rules != NULL ? rules : json_array();
}

static json_t *
head_of(const struct reload *r)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:s?, s:[], s:[]}", "ok", 1, "generation",
			 (json_int_t)r->good.generation, "live", (json_int_t)r->live, "files_total",
			 (json_int_t)json_array_size(r->files), "patterns_total",
			 json_integer_value(json_object_get(r->good.summary, "patterns")), "last_error", r->last_error,
			 "files", "rules");
}

/* Puts the first `limit` elements of `from` into datagrams under `name`, starting with *o and leaving the last in *o.
 */
static void
spread(json_t **o, const char *name, const json_t *from, size_t limit, rules_emit *emit, void *ctx, uint64_t who)
{
	size_t filled = json_dumpb(*o, NULL, 0, JSON_COMPACT), i;
	json_t *element;

	json_array_foreach((json_t *)(uintptr_t)from, i, element)
	{
		size_t len = json_dumpb(element, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;

		if (i == limit)
			break;
		if (len > DATAGRAM_FILL)
			continue;
		if (filled + len > DATAGRAM_FILL) {
			emit(ctx, who, *o);
			*o = json_pack("{s:b, s:[]}", "ok", 1, name);
			filled = 64;
		}
		json_array_append(json_object_get(*o, name), element);
		filled += len;
	}
}

void
rules_answer(const struct reload *r, size_t limit, rules_emit *emit, void *ctx, uint64_t who)
{
	json_t *rules = read_listing(r->good.listing);
	json_t *o = head_of(r);

	spread(&o, "files", r->files, limit, emit, ctx, who);
	if (json_object_get(o, "rules") == NULL)
		json_object_set_new(o, "rules", json_array());
	spread(&o, "rules", rules, limit, emit, ctx, who);
	json_object_set_new(o, "end", json_true());
	emit(ctx, who, o);
	json_decref(rules);
}
