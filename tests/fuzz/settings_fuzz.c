/* SPDX-License-Identifier: BSD-3-Clause */
/* A settings file. What is taken has every text, and every number within its limits. */
#include "fuzz.h"
#include "rules.h"
#include "settings/settings.h"

enum { LONGEST = 8000 };

static void
settings_are_sane(const struct settings *s)
{
	PROMISE(s->operator_name != NULL && s->rules != NULL);
	PROMISE(s->dataplane.workers >= 1 && s->dataplane.workers <= 64);
	PROMISE(s->dataplane.mail_ports_count >= 1 && s->dataplane.mail_ports_count <= 32);
	for (unsigned i = 0; i < s->dataplane.mail_ports_count; i++)
		PROMISE(s->dataplane.mail_ports[i] != 0);
	PROMISE(s->dataplane.pairs_count <= 8);
	for (unsigned i = 0; i < s->dataplane.pairs_count; i++)
		PROMISE(s->dataplane.pairs[i].inside[0] != '\0' && s->dataplane.pairs[i].outside[0] != '\0');
	PROMISE(s->dataplane.flows >= 1024 && s->dataplane.memory_mb >= 64 && s->dataplane.hold_ms >= 10);
	PROMISE(s->dataplane.held_packets >= 64 && s->dataplane.held_packets_per_flow >= 1);
	PROMISE(strcmp(s->dataplane.when_blind, "pass") == 0 || strcmp(s->dataplane.when_blind, "reset") == 0);
	PROMISE(s->dataplane.socket != NULL && s->control.socket != NULL && s->control.cache != NULL);
	PROMISE(s->events.ring >= 16 && s->events.ring <= 1048576 && s->events.path != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > LONGEST)
		return 0;
	fuzz_silence();
	struct text_file f = text_file(data, len);
	struct settings *s = settings_load(f.path);
	if (s != NULL)
		settings_are_sane(s);
	settings_free(s);
	close(f.fd);
	return 0;
}
