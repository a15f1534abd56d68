/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "io/clock.h"
#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"
#include "ruleset/ruleset.h"
#include "steer/steer_json.h"
#include "steer/steer_setup.h"

static json_t *
counters_json(const struct counters *ctr)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < CTR_COUNT; i++)
		json_object_set_new(object, counter_info[i].name, json_integer((json_int_t)ctr->value[i]));
	return object;
}

/* Who tells mail from the rest before a worker sees it. */
static const char *
mail_by(const struct port *port, bool steering)
{
	return port->rules.count > 0 ? "card" : port->af_xdp && steering ? "kernel" : "software";
}

static json_t *
port_json(const struct port *port, unsigned slot, const char *side, bool steering)
{
	struct rte_eth_stats s = { 0 };
	struct rte_eth_link link = { 0 };

	rte_eth_stats_get(port->id, &s);
	rte_eth_link_get_nowait(port->id, &link);
	return json_pack("{s:s,s:i,s:s,s:b,s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "device", port->device,
			 "pair", (int)slot / 2, "side", side, "link_up", (int)link.link_status, "mail_by",
			 mail_by(port, steering), "rules", (int)port->rules.count, "rules_why", port->rules.why,
			 "rx_packets", (json_int_t)s.ipackets, "rx_octets", (json_int_t)s.ibytes, "tx_packets",
			 (json_int_t)s.opackets, "tx_octets", (json_int_t)s.obytes, "rx_missed", (json_int_t)s.imissed,
			 "rx_no_buffer", (json_int_t)s.rx_nombuf, "rx_errors", (json_int_t)s.ierrors, "tx_errors",
			 (json_int_t)s.oerrors);
}

static json_t *
writer_json(struct event_writer *writer)
{
	struct event_writer_stats s;

	event_writer_stats(writer, &s);
	return json_pack("{s:I,s:I,s:b}", "written", (json_int_t)s.written, "lost", (json_int_t)s.lost, "failing",
			 (int)s.failing);
}

/* Which the kernel counts, beside all workers. */
static json_t *
steering_json(struct box *box)
{
	struct steer_setup setup;
	json_t *answer;

	steer_setup(box->settings, &setup);
	answer = steer_json(box->steering.maps, &setup);
	json_object_set_new(answer, "unnoted", json_integer((json_int_t)atomic_load(&box->steering.unnoted)));
	return answer;
}

bool
request_stats(struct box *box, int client, const json_t *request, int fd)
{
	const struct ruleset *rs = publication_current(&box->rules);
	json_t *workers = json_array(), *ports = json_array();
	struct counters total = { 0 };
	json_t *answer;

	for (unsigned i = 0; i < box->workers; i++) {
		const struct counters *ctr = &box->worker[i]->counters;

		json_array_append_new(workers, counters_json(ctr));
		for (unsigned c = 0; c < CTR_COUNT; c++)
			total.value[c] += ctr->value[c];
	}
	for (unsigned slot = 0; slot < box->ports.count; slot++)
		json_array_append_new(ports, port_json(&box->ports.port[slot], slot,
						       slot / 2 == ports_apart(&box->ports) ? "quarantines"
						       : slot % 2 == SIDE_INSIDE            ? "inside"
											    : "outside",
						       box->steering.maps != NULL));
	answer = json_pack("{s:b,s:I,s:I,s:o,s:o,s:o,s:o,s:{s:I,s:I},s:b}", "ok", 1, "uptime_s",
			   (json_int_t)((clock_monotonic() - box->start_ns) / 1000000000ULL), "generation",
			   (json_int_t)(rs != NULL ? rs->tables.generation : 0), "workers", workers, "total",
			   counters_json(&total), "ports", ports, "event_file", writer_json(box->writer), "packets",
			   "size", (json_int_t)box->pool->size, "free", (json_int_t)rte_mempool_avail_count(box->pool),
			   "end", 1);
	json_object_set_new(answer, "scope", scope_json(&box->scope));
	if (box->steering.maps != NULL)
		json_object_set_new(answer, "steering", steering_json(box));
	return request_send(client, answer);
}
