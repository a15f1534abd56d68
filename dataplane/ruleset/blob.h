/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The blob: a compiled rule set on its way from posternd to the dataplane, in
 * a sealed memfd or a file. The envelope is verified before anything else is
 * believed, and before the engine deserialises its databases.
 *
 *   header | rules | patterns | strings | domain database | address database | regex database
 *          | names | groups | index | index groups | filter of rests | suffix slips | confusables
 *
 * The databases are the engine's; the sections behind them hold lists
 * and lookalikes, see match/lookalike.h.
 *
 * Each section starts at a multiple of 64. Little endian (x86-64 only, as is
 * the engine). The digest, BLAKE2b of 256 bits, covers everything behind its field.
 */
#ifndef POSTERN_RULESET_BLOB_H
#define POSTERN_RULESET_BLOB_H

#include "base/bytes.h"
#include "match/lookalike.h"
#include "verdict/rule.h"

#define BLOB_MAGIC "POSTERN\x01"
#define BLOB_ABI   5 /* layout of this header and of the records in verdict/rule.h, and what they may say */
#define BLOB_ALIGN 64
#define BLOB_MAX   (1ULL << 32)

struct blob_section {
	uint64_t offset; /* from the start of the blob */
	uint64_t len;    /* octets */
};

struct blob_header {
	uint8_t magic[8];
	uint8_t digest[32]; /* of all octets from `abi` to the end */
	uint32_t abi;
	uint32_t operator_name; /* string offset */
	uint64_t total;         /* octets of the blob */
	uint64_t generation;
	uint64_t features; /* CPU features the databases were compiled for; engine's own encoding */
	char engine[64];   /* version string of the engine, NUL-padded */
	uint32_t slips;    /* classes of lookalikes */
	uint32_t unused;
	/* Any but `strings` may be empty. */
	struct blob_section rules, patterns, strings, domain_db, address_db, regex_db;
	struct blob_section names, groups, index, index_groups, rests, suffix_slips, confusables;
};

enum blob_status {
	BLOB_OK = 0,
	BLOB_SHORT, /* smaller than a header, or than it says */
	BLOB_MAGIC_WRONG,
	BLOB_ABI_WRONG,    /* made by another release of Postern */
	BLOB_ENGINE_WRONG, /* compiled by another engine version */
	BLOB_DIGEST_WRONG, /* damaged */
	BLOB_LAYOUT_WRONG, /* sections overlap, are misaligned or hold indices out of range */
};

/* A sentence for people, naming what was found and what would have been accepted. */
const char *blob_status_text(enum blob_status s);

/* What an opened blob holds; all of it borrowed from the blob. */
struct blob_contents {
	struct rule_tables tables;
	struct view domain_db, address_db, regex_db; /* serialised databases; empty: no such patterns */
	struct lookalike_tables lookalikes;
	uint64_t features; /* see blob_header */
};

/*
 * Verifies the envelope and every index in the tables, then fills `c`. `blob`
 * is aligned to 8. `engine`: version of the engine at hand. Pure.
 */
enum blob_status blob_open(struct view blob, const char *engine, struct blob_contents *c);

/* The digest of a blob as it should stand in its header (for the writer). */
void blob_digest(struct view blob, uint8_t digest[32]);

#endif
