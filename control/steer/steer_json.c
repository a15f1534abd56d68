/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_json.h"

#include <string.h>
#include <time.h>

#include "settings/prefix.h"

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static json_t *
ports_json(const struct steer_config *config)
{
	json_t *ports = json_array();

	for (unsigned port = 0; port < 65536 && json_array_size(ports) < 32; port++)
		if (config->mail_ports[port / 64] >> port % 64 & 1)
			json_array_append_new(ports, json_integer(port));
	return ports;
}

static json_t *
pair_json(const struct steer *s, const struct steer_config *config, unsigned pair)
{
	return json_pack("{s:i,s:b,s:s,s:o}", "pair", (int)pair, "bypass", (int)steer_bypassed(s, pair), "fail",
			 config->closed[pair] ? "closed" : "open", "mail_ports", ports_json(config));
}

static json_t *
prefix_json(unsigned ip_version, __u32 bits, const __u8 *addr)
{
	struct prefix p = { .ip_version = (uint8_t)ip_version, .bits = (uint8_t)bits };
	char text[PREFIX_TEXT];

	memcpy(p.addr, addr, ip_version == 4 ? 4 : 16);
	prefix_text(&p, text);
	return json_string(text);
}

static json_t *
exempt_json(const struct steer *s)
{
	struct steer_prefix4 four[STEER_EXEMPT];
	struct steer_prefix6 six[STEER_EXEMPT];
	unsigned fours = steer_exempt4(s, four), sixes = steer_exempt6(s, six);
	json_t *list = json_array();

	for (unsigned i = 0; i < fours; i++)
		json_array_append_new(list, prefix_json(4, four[i].bits, four[i].addr));
	for (unsigned i = 0; i < sixes; i++)
		json_array_append_new(list, prefix_json(6, six[i].bits, six[i].addr));
	return list;
}

static json_t *
interface_json(const struct steer *s, unsigned slot, const char *side, const char *name)
{
	struct steer_counters sum;
	json_t *frames = json_object();

	steer_count(s, slot, &sum);
	for (unsigned i = 0; i < STEER_COUNTERS; i++)
		json_object_set_new(frames, steer_counter_info[i].name, json_integer((json_int_t)sum.packets[i]));
	return json_pack("{s:i,s:s,s:s,s:o}", "pair", (int)slot / 2, "side", side, "interface", name, "frames", frames);
}

/* null: nobody is there. */
static json_t *
heartbeat_json(const struct steer *s, uint64_t now)
{
	uint64_t beat = __atomic_load_n(&steer_live(s)->beat, __ATOMIC_RELAXED);

	if (beat == 0)
		return json_null();
	return json_integer(now > beat ? (json_int_t)((now - beat) / 1000000) : 0);
}

json_t *
steer_json(const struct steer *s, const struct steer_setup *setup)
{
	static const char *const sides[] = { "inside", "outside" };
	json_t *pairs = json_array(), *interfaces = json_array();
	struct steer_config config;
	uint64_t now = now_ns();

	if (!steer_config(s, &config)) {
		json_decref(pairs);
		json_decref(interfaces);
		return NULL;
	}
	for (unsigned pair = 0; pair < setup->pairs; pair++) {
		if (!steer_setup_covers(setup, pair))
			continue;
		json_array_append_new(pairs, pair_json(s, &config, pair));
		for (unsigned side = 0; side < 2; side++)
			json_array_append_new(interfaces, interface_json(s, 2 * pair + side, sides[side],
									 setup->pair[pair].interface[side]));
	}
	if (setup->apart[0] != '\0')
		json_array_append_new(interfaces,
				      interface_json(s, steer_setup_apart(setup), "quarantines", setup->apart));
	return json_pack("{s:o,s:o,s:o,s:o,s:I,s:{s:I,s:I}}", "pairs", pairs, "exempt", exempt_json(s), "interfaces",
			 interfaces, "heartbeat_ms", heartbeat_json(s, now), "hung_ms",
			 (json_int_t)(config.hung_ns / 1000000), "sessions", "passed", (json_int_t)steer_passed(s, now),
			 "edited", (json_int_t)steer_edited(s));
}

void
steer_json_modes(json_t *answer, const char *dir)
{
	json_t *interface;
	size_t i;

	json_array_foreach(json_object_get(answer, "interfaces"), i, interface)
	{
		unsigned slot = 2 * (unsigned)json_integer_value(json_object_get(interface, "pair"));
		bool generic;

		slot += json_string_value(json_object_get(interface, "side"))[0] == 'o';
		json_object_set_new(interface, "mode",
				    json_string(steer_interface(dir, slot, &generic) == 0 ? "not attached"
						: generic                                 ? "generic"
											  : "native"));
	}
}
