/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "classify/scope.h"
#include "settings/settings_schema.h"

/* All members are reached from the top, so that the sections need no struct of their own. */
#define AT(member) offsetof(struct settings_loaded, member)
#define TEXT(name, member)                                                                                             \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .value = {                                                     \
			CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, CYAML_UNLIMITED)         \
		}                                                                                                      \
	}
#define NUMBER(name, member)                                                                                           \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .value = { CYAML_VALUE_UINT(CYAML_FLAG_OPTIONAL, unsigned) }   \
	}
#define NUMBER_PTR(name, member)                                                                                       \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .value = {                                                     \
			CYAML_VALUE_UINT(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, unsigned)                           \
		}                                                                                                      \
	}
#define BOOL(name, member)                                                                                             \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .value = { CYAML_VALUE_BOOL(CYAML_FLAG_OPTIONAL, bool) }       \
	}
#define BOOL_PTR(name, member)                                                                                         \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .value = {                                                     \
			CYAML_VALUE_BOOL(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, bool)                               \
		}                                                                                                      \
	}
#define LIST(name, member, type, entry_schema, most)                                                                   \
	{                                                                                                              \
		.key = name, .data_offset = AT(member), .count_offset = AT(member##_count),                            \
		.count_size = sizeof(unsigned), .value = {                                                             \
			CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, entry_schema, 0, most)    \
		}                                                                                                      \
	}
#define SECTION(name, fields)                                                                                          \
	{                                                                                                              \
		.key = name, .data_offset = 0, .value = {                                                              \
			CYAML_VALUE_MAPPING(CYAML_FLAG_OPTIONAL, struct settings_loaded, fields)                       \
		}                                                                                                      \
	}

static const cyaml_schema_field_t pair_fields[] = {
	CYAML_FIELD_STRING_PTR("inside", CYAML_FLAG_POINTER, struct settings_pair, inside, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("outside", CYAML_FLAG_POINTER, struct settings_pair, outside, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("fail", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings_pair, fail, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t pair_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct settings_pair,
								     pair_fields) };
static const cyaml_schema_value_t text_value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED) };
static const cyaml_schema_value_t port_value = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t) };

static const cyaml_schema_field_t dataplane_fields[] = {
	LIST("pairs", settings.dataplane.pairs, struct settings_pair, &pair_value, 8),
	NUMBER("workers", settings.dataplane.workers),
	TEXT("cores", settings.dataplane.cores),
	BOOL_PTR("huge_pages", huge_pages),
	NUMBER("memory_mb", settings.dataplane.memory_mb),
	LIST("eal_args", settings.dataplane.eal_args, char *, &text_value, 32),
	LIST("mail_ports", settings.dataplane.mail_ports, uint16_t, &port_value, 32),
	LIST("exempt", settings.dataplane.exempt, char *, &text_value, SCOPE_EXEMPT_MAX),
	NUMBER("flows", settings.dataplane.flows),
	NUMBER("packets", settings.dataplane.packets),
	NUMBER("held_packets", settings.dataplane.held_packets),
	NUMBER("held_packets_per_flow", settings.dataplane.held_packets_per_flow),
	NUMBER("hold_ms", settings.dataplane.hold_ms),
	NUMBER("refusals_per_session", settings.dataplane.refusals_per_session),
	BOOL("ignore_checksums", settings.dataplane.ignore_checksums),
	NUMBER_PTR("idle_sleep_us", idle_sleep_us),
	TEXT("when_blind", settings.dataplane.when_blind),
	TEXT("user", settings.dataplane.user),
	TEXT("socket", settings.dataplane.socket),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t control_fields[] = {
	TEXT("socket", settings.control.socket),
	TEXT("cache", settings.control.cache),
	NUMBER("cache_entries", settings.control.cache_entries),
	NUMBER("compile_seconds", settings.control.compile_seconds),
	NUMBER("compile_memory_mb", settings.control.compile_memory_mb),
	BOOL_PTR("watch", watch),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t events_fields[] = {
	TEXT("path", settings.events.path),
	BOOL("clear_addresses", settings.events.clear_addresses),
	TEXT("key_file", settings.events.key_file),
	NUMBER("ring", settings.events.ring),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t steering_fields[] = {
	BOOL("enabled", settings.steering.enabled),
	TEXT("directory", settings.steering.directory),
	NUMBER("heartbeat_ms", settings.steering.heartbeat_ms),
	NUMBER_PTR("drain_ms", drain_ms),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t server_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct settings_quarantine, name, 1, 31),
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct settings_quarantine, address, 2, 45),
	CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, struct settings_quarantine, port),
	CYAML_FIELD_STRING_PTR("xclient", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings_quarantine, xclient,
			       0, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t server_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct settings_quarantine,
								       server_fields) };

static const cyaml_schema_field_t quarantine_fields[] = {
	LIST("servers", settings.quarantine.servers, struct settings_quarantine, &server_value, 8),
	TEXT("interface", settings.quarantine.interface),
	TEXT("fallback", settings.quarantine.fallback),
	NUMBER("sessions", settings.quarantine.sessions),
	NUMBER("setup_ms", settings.quarantine.setup_ms),
	NUMBER("answer_s", settings.quarantine.answer_s),
	NUMBER("session_s", settings.quarantine.session_s),
	NUMBER("check_s", settings.quarantine.check_s),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
	TEXT("operator", settings.operator_name), TEXT("rules", settings.rules),
	SECTION("dataplane", dataplane_fields),   SECTION("control", control_fields),
	SECTION("events", events_fields),         SECTION("steering", steering_fields),
	SECTION("quarantine", quarantine_fields), CYAML_FIELD_END,
};

const cyaml_schema_value_t settings_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings_loaded,
								   top_fields) };

/* 0 is in range only where settings_loaded has a pointer. */
static const struct settings_limit limits[] = {
	{ "workers", 1, 64, { 0 } },
	{ "memory_mb", 64, 1048576, { 0 } },
	{ "mail_ports", 1, 65535, { 0 } },
	{ "flows", 1024, 67108864, { 0 } },
	{ "packets", 1024, 16777215, { 0 } },
	{ "held_packets", 64, 1048576, { 0 } },
	{ "held_packets_per_flow", 1, 65535, { 0 } },
	{ "hold_ms", 10, 60000, { 0 } },
	{ "refusals_per_session", 1, 1000, { 0 } },
	{ "idle_sleep_us", 0, 10000, { 0 } },
	{ "when_blind", 0, 0, { "pass", "reset" } },
	{ "cache_entries", 1, 10000, { 0 } },
	{ "compile_seconds", 1, 86400, { 0 } },
	{ "compile_memory_mb", 64, 1048576, { 0 } },
	{ "ring", 16, 1048576, { 0 } },
	{ "fail", 0, 0, { "open", "closed" } },
	{ "heartbeat_ms", 5, 60000, { 0 } },
	{ "drain_ms", 0, 60000, { 0 } },
	{ "port", 1, 65535, { 0 } },
	{ "fallback", 0, 0, { "reject", "defer" } },
	{ "xclient", 0, 0, { "off", "xclient", "xforward" } },
	{ "sessions", 1, 65536, { 0 } },
	{ "setup_ms", 100, 60000, { 0 } },
	{ "answer_s", 1, 3600, { 0 } },
	{ "session_s", 1, 86400, { 0 } },
	{ "check_s", 1, 3600, { 0 } },
};

const struct settings_limit *
settings_limit_of(const char *key)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(limits[i].key, key) == 0)
			return &limits[i];
	return NULL;
}
