/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "command/show.h"
#include "steer.h"
#include "command/table.h"

static json_int_t
number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static const char *
text(const json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));

	return value != NULL ? value : "";
}

static void
show_pairs(FILE *out, const json_t *pairs)
{
	const json_t *pair, *port;
	size_t i, k;

	json_array_foreach(pairs, i, pair)
	{
		fprintf(out, "pair %lld: fail-%s, mail ports", (long long)number(pair, "pair"), text(pair, "fail"));
		json_array_foreach(json_object_get(pair, "mail_ports"), k, port)
			fprintf(out, " %lld", (long long)json_integer_value(port));
		fputs(json_is_true(json_object_get(pair, "bypass"))
			      ? "; BYPASSED BY HAND: mail passes unread (postern bypass off)\n"
			      : "\n",
		      out);
	}
}

static void
show_exempt(FILE *out, const json_t *exempt)
{
	const json_t *prefix;
	size_t i;

	if (json_array_size(exempt) > 0)
		fputs("exempt, never read:", out);
	json_array_foreach(exempt, i, prefix) fprintf(out, " %s", json_string_value(prefix));
	if (json_array_size(exempt) > 0)
		fputc('\n', out);
}

static void
show_heartbeat(FILE *out, const json_t *answer)
{
	const json_t *beat = json_object_get(answer, "heartbeat_ms");
	json_int_t age = json_integer_value(beat), limit = number(answer, "hung_ms");

	if (!json_is_integer(beat))
		fputs("no dataplane\n", out);
	else if (age > limit)
		fprintf(out, "dataplane hung or gone: last sign of life %lld ms ago (limit %lld ms)\n", (long long)age,
			(long long)limit);
	else
		fprintf(out, "dataplane alive: last sign of life %lld ms ago (limit %lld ms)\n", (long long)age,
			(long long)limit);
}

static json_int_t
frames_of(const json_t *interface, const char *cause)
{
	return number(json_object_get(interface, "frames"), cause);
}

static void
show_interface(FILE *out, const json_t *interface)
{
	fprintf(out, "\npair %lld %s, %s%s%s\n", (long long)number(interface, "pair"), text(interface, "side"),
		text(interface, "interface"), text(interface, "mode")[0] != '\0' ? ", " : "", text(interface, "mode"));
	for (unsigned i = 0; i < STEER_COUNTERS; i++) {
		const struct steer_counter_info *info = &steer_counter_info[i];
		char digits[32];

		table_number((uint64_t)frames_of(interface, info->name), digits);
		fprintf(out, "%20s  %-8s %-15s %s\n", digits, info->where, info->name, info->text);
	}
}

void
show_steer(FILE *out, const json_t *answer)
{
	const json_t *sessions = json_object_get(answer, "sessions"), *interface;
	size_t i;

	show_pairs(out, json_object_get(answer, "pairs"));
	show_exempt(out, json_object_get(answer, "exempt"));
	show_heartbeat(out, answer);
	fprintf(out, "sessions: %lld pass unread, %lld only the dataplane can continue\n",
		(long long)number(sessions, "passed"), (long long)number(sessions, "edited"));
	if (number(answer, "unnoted") > 0)
		fprintf(out,
			"sessions with a verdict for which there was no room: %lld; they would not survive the "
			"dataplane\n",
			(long long)number(answer, "unnoted"));
	json_array_foreach(json_object_get(answer, "interfaces"), i, interface) show_interface(out, interface);
}
