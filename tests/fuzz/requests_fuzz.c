/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request to the control socket of postern-dp, and what comes with it. Octet
 * 0: 1 a sealed rule set, 2 one that is not sealed, 4 a sealed one that is cut off. Then the
 * datagram. Whatever it is, the client gets JSON objects, and knows the last one.
 *
 * The box has one worker that never runs; where a request waits for it, it is
 * served on the spot. There is no port and no pool.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include <jansson.h>
#include <rte_mempool.h>

#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"
#include "protocol.h"
#include "rules.h"

enum { LONGEST = 8192 };
enum { SEALED = 1, UNSEALED = 2, CUT = 4 };

static struct flow_table *flows;
static struct rte_mempool pool = { .size = 1024 };

/* Link-time optimisation does not see who calls them: `used`. */
bool __real_flow_list_ready(struct flow_list *list);
bool __wrap_flow_list_ready(struct flow_list *list);
unsigned __wrap_rte_mempool_avail_count(const struct rte_mempool *mp);

__attribute__((used)) bool
__wrap_flow_list_ready(struct flow_list *list)
{
	flow_list_serve(list, flows);
	return __real_flow_list_ready(list);
}

__attribute__((used)) unsigned
__wrap_rte_mempool_avail_count(const struct rte_mempool *mp)
{
	return mp->size;
}

static void
no_flow_goes(void *ctx, struct flow *f)
{
}

static struct box *
box_open(void)
{
	static struct box box;
	static struct counters ctr;
	static struct settings settings;
	static struct event_ring *ring;
	const struct flow_limits limits = { .flows = 16 };
	struct event e = { .ip_version = 4,
			   .address_len = 5,
			   .address = "a\0\xff"
				      "@b",
			   .rule = "r1" };

	if (box.workers > 0)
		return &box;
	fuzz_silence();
	flows = flow_table_new(&limits, (const uint8_t *)"0123456789abcdef", &ctr, no_flow_goes, NULL);
	box.settings = &settings;
	box.worker[0] = aligned_alloc(64, (sizeof *box.worker[0] + 63) / 64 * 64);
	ring = event_ring_new(16);
	PROMISE(flows != NULL && ring != NULL && box.worker[0] != NULL);
	memset(box.worker[0], 0, sizeof *box.worker[0]);
	PROMISE(flow_list_init(&box.worker[0]->flows) && publication_init(&box.rules, 1, ruleset_free));
	for (int i = 0; i < 3; i++)
		event_ring_put(ring, &e);
	box.rings[0] = ring;
	const struct event_writer_config config = {
		.path = "", .rings = box.rings, .rings_count = 1, .uid = -1, .gid = -1
	};
	box.writer = event_writer_start(&config);
	PROMISE(box.writer != NULL);
	box.pool = &pool;
	box.workers = 1;
	return &box;
}

/* The descriptor that comes with a request, or -1. */
static int
rule_set(uint8_t marks)
{
	static struct build_result built;

	if (!(marks & (SEALED | UNSEALED | CUT)))
		return -1;
	if (built.blob == NULL)
		built = build_text(fuzz_rules);
	int fd = memfd_create("rules", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t len = marks & CUT ? built.blob_len / 2 : built.blob_len;
	PROMISE(fd >= 0 && write(fd, built.blob, len) == (ssize_t)len);
	if (!(marks & UNSEALED))
		PROMISE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	return fd;
}

static void
answers_are_whole(int client)
{
	static char text[PROTOCOL_DATAGRAM_MAX + 1];
	bool end = false;
	ssize_t len;

	while ((len = recv(client, text, sizeof text, MSG_DONTWAIT)) > 0) {
		json_t *o = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
		PROMISE(!end && json_is_object(o) && json_is_boolean(json_object_get(o, "ok")));
		PROMISE(json_is_true(json_object_get(o, "ok")) || json_is_string(json_object_get(o, "error")));
		end = json_is_true(json_object_get(o, "end"));
		json_decref(o);
	}
	PROMISE(end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct box *box = box_open();
	struct view in = view_of(data, len);
	int end[2], fd;

	if (len > LONGEST)
		return 0;
	fd = rule_set(take_octet(&in));
	PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end) == 0);
	PROMISE(request_answer(box, end[0], (const char *)in.at, in.len, fd));
	answers_are_whole(end[1]);
	close(end[0]);
	close(end[1]);
	if (fd >= 0)
		close(fd);
	return 0;
}
