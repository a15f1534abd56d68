/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture file, read as postern replay reads it: octet 0 1: any port; then the file. */
#include "event/event.h"
#include "replay/replay.h"
#include "rules.h"

enum { LONGEST = 20000 };

static void
on_event(void *ctx, const char *capture, const struct event *e)
{
	static const struct event_key key;
	char line[4096];

	PROMISE(event_json(e, &key, true, capture, line, sizeof line) > 0);
}

/* Flows do not outlive their file, so that one replay serves all inputs. */
static struct replay *
replay_of(bool any_port)
{
	static struct ruleset *rules;
	static struct replay *replays[2];
	static const uint16_t ports[] = { 25, 587 };

	if (rules == NULL)
		rules = load_text(fuzz_rules);
	const struct replay_options o = {
		.rules = rules,
		.ports = ports,
		.port_count = any_port ? 0 : 2,
		.event = on_event,
	};
	if (replays[any_port] == NULL)
		replays[any_port] = replay_new(&o);
	PROMISE(replays[any_port] != NULL);
	return replays[any_port];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct view in = view_of(data, len);
	struct replay *r = replay_of(take_octet(&in) & 1);

	if (len > LONGEST)
		return 0;
	fuzz_silence();
	struct text_file f = text_file(in.at, in.len);
	replay_file(r, f.path);
	close(f.fd);
	return 0;
}
