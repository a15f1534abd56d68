/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a rule set on this side: memfd -> seals -> map -> verify and load -> publish -> quiesce -> free. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"
#include "live/say.h"
#include "ruleset/blob.h"
#include "ruleset/ruleset.h"

#define QUIESCE_WAIT_NS 1000000000ULL
#define SEALS           (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* Frames that this box lost so far, whatever the reason. */
static uint64_t
lost_frames(const struct box *box)
{
	uint64_t lost = ports_lost(&box->ports);

	for (unsigned i = 0; i < box->workers; i++)
		lost += box->worker[i]->counters.value[CTR_tx_dropped] +
			box->worker[i]->counters.value[CTR_spread_dropped];
	return lost;
}

/* Maps a blob that nobody can change any more. `why` says what is wrong where .at is NULL. */
static struct view
map_blob(int fd, const char **why)
{
	struct view none = { 0 };
	struct stat st;
	void *at;
	int seals;

	*why = "a rule set comes as a memfd with the request; there is none";
	if (fd < 0)
		return none;
	*why = "the rule set is not sealed: F_SEAL_WRITE, F_SEAL_SHRINK and F_SEAL_GROW are wanted";
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS)
		return none;
	*why = "the rule set is empty, or larger than 4 GiB";
	if (fstat(fd, &st) != 0 || st.st_size <= 0 || (uint64_t)st.st_size > BLOB_MAX)
		return none;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	*why = strerror(errno);
	return at != MAP_FAILED ? view_of(at, (size_t)st.st_size) : none;
}

static bool
publish_and_tell(struct box *box, int client, struct ruleset *rs)
{
	uint64_t generation = rs->tables.generation, lost = lost_frames(box);
	uint32_t rules = rs->tables.rule_count, patterns = rs->tables.pattern_count;
	struct publish_result result;
	json_t *answer;

	publish(&box->rules, rs, QUIESCE_WAIT_NS, &result);
	lost = lost_frames(box) - lost;
	answer = json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "ok", 1, "generation", (json_int_t)generation,
			   "swap_ns", (json_int_t)result.swap_ns, "quiesce_ns", (json_int_t)result.quiesce_ns,
			   "packets_lost", (json_int_t)lost, "rules", (json_int_t)rules, "patterns",
			   (json_int_t)patterns, "quiesced", result.quiesced, "end", 1);
	if (!result.quiesced) {
		const char *warning =
			"a worker has not taken a step for 1 s; the new rules are live for it as soon as it "
			"does, the old ones stay in memory until then";
		say("%s", warning);
		json_object_set_new(answer, "warning", json_string(warning));
	}
	return request_send(client, answer);
}

bool
request_load(struct box *box, int client, const json_t *request, int fd)
{
	char err[512] = "out of memory";
	const char *why;
	struct view blob = map_blob(fd, &why);
	struct ruleset *rs;

	if (blob.at == NULL)
		return request_refuse(client, "%s", why);
	rs = ruleset_load(blob, box->workers, err, sizeof(err));
	munmap((void *)(uintptr_t)blob.at, blob.len);
	if (rs == NULL) {
		say("rule set refused, the old one goes on judging: %s", err);
		return request_refuse(client, "%s", err);
	}
	return publish_and_tell(box, client, rs);
}
