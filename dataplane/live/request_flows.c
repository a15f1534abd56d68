/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"

enum {
	FLOWS_A_DATAGRAM = 64,
	FLOWS_DEFAULT = 100,
	WAIT_MS = 1000, /* for a worker to look through its table */
};

static const char *const fate_name[] = {
	[FLOW_INSPECT] = "inspect",
	[FLOW_PASS] = "pass",
	[FLOW_DROP] = "drop",
	[FLOW_RESET] = "reset",
};

static void
end_text(const struct flow_key *key, unsigned end, char *out, size_t cap)
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(key->ip_version == 6 ? AF_INET6 : AF_INET, key->addr[end], address, sizeof(address));
	snprintf(out, cap, key->ip_version == 6 ? "[%s]:%u" : "%s:%u", address, key->port[end]);
}

static json_t *
flow_json(const struct flow_note *f, unsigned worker, uint64_t now_ns)
{
	char client[64], server[64];
	json_t *object;

	end_text(&f->key, f->client, client, sizeof(client));
	end_text(&f->key, f->client ^ 1U, server, sizeof(server));
	object = json_pack("{s:s,s:s,s:i,s:i,s:s,s:i,s:i,s:i,s:b,s:f}", "client", client, "server", server, "pair",
			   (int)f->key.pair, "worker", (int)worker, "fate", fate_name[f->fate], "transaction",
			   (int)f->transaction, "refused", (int)f->refused, "held", (int)f->held, "edited",
			   (int)f->edited, "idle_s", now_ns > f->seen_ns ? (double)(now_ns - f->seen_ns) / 1e9 : 0.0);
	if (f->key.vlan_outer != 0)
		json_object_set_new(object, "vlan", json_integer(f->key.vlan_outer));
	if (f->key.vlan_inner != 0)
		json_object_set_new(object, "vlan_inner", json_integer(f->key.vlan_inner));
	json_object_set_new(object, "blind", f->blind != 0 ? json_string(counter_info[f->blind].name) : json_null());
	return object;
}

/* Asks all workers at once; true when all have answered in time. */
static bool
gather(struct box *box, unsigned limit)
{
	for (unsigned i = 0; i < box->workers; i++)
		if (!flow_list_ask(&box->worker[i]->flows, limit))
			return false;
	for (unsigned i = 0; i < box->workers; i++)
		for (unsigned ms = 0; !flow_list_ready(&box->worker[i]->flows); ms++) {
			if (ms == WAIT_MS)
				return false;
			usleep(1000);
		}
	return true;
}

bool
request_flows(struct box *box, int client, const json_t *request, int fd)
{
	json_int_t limit = json_integer_value(json_object_get(request, "limit"));
	json_t *some = json_array();
	uint64_t now = clock_monotonic();
	bool sent = true;

	if (limit <= 0)
		limit = FLOWS_DEFAULT;
	if (limit > FLOW_LIST_MAX)
		limit = FLOW_LIST_MAX;
	if (!gather(box, (unsigned)limit)) {
		json_decref(some);
		return request_refuse(client, "a worker has not answered within %d ms", WAIT_MS);
	}
	for (unsigned i = 0; i < box->workers; i++) {
		const struct flow_list *list = &box->worker[i]->flows;

		for (unsigned k = 0; k < list->count && limit > 0; k++, limit--) {
			if (json_array_size(some) == FLOWS_A_DATAGRAM) {
				sent = sent && request_send(client, json_pack("{s:b,s:o}", "ok", 1, "flows", some));
				some = json_array();
			}
			json_array_append_new(some, flow_json(&list->note[k], i, now));
		}
	}
	return request_send(client, json_pack("{s:b,s:o,s:b}", "ok", 1, "flows", some, "end", 1)) && sent;
}
