/* SPDX-License-Identifier: BSD-3-Clause */
#include <hs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ruleset/blob.h"
#include "ruleset/ruleset.h"

/* The engine's databases run only on the CPU features they were compiled for. */
static bool
cpu_fits(const struct blob_contents *c, char *err, size_t errlen)
{
	hs_platform_info_t here;

	if (hs_populate_platform(&here) != HS_SUCCESS) {
		snprintf(err, errlen, "the pattern engine does not run on this CPU: it needs at least SSSE3");
		return false;
	}
	if (here.cpu_features == c->features)
		return true;
	snprintf(err, errlen,
		 "the rule set was compiled for CPU features %" PRIx64 ", this CPU has %" PRIx64
		 "; compile it on this machine",
		 c->features, (uint64_t)here.cpu_features);
	return false;
}

static const char *
engine_error(hs_error_t e)
{
	switch (e) {
	case HS_NOMEM:
		return "out of memory";
	case HS_DB_VERSION_ERROR:
		return "it was made by another engine version";
	case HS_DB_PLATFORM_ERROR:
		return "it was made for another CPU";
	default:
		return "it is damaged";
	}
}

/* An empty section stands for no database. */
static bool
database_load(struct view from, struct hs_database **db, const char *what, char *err, size_t errlen)
{
	*db = NULL;
	if (from.len == 0)
		return true;
	hs_error_t e = hs_deserialize_database((const char *)from.at, from.len, db);
	if (e == HS_SUCCESS)
		return true;
	snprintf(err, errlen, "the %s database does not load: %s", what, engine_error(e));
	return false;
}

static bool
databases_load(struct ruleset *rs, const struct blob_contents *c, char *err, size_t errlen)
{
	return database_load(c->domain_db, &rs->domain_db, "domain", err, errlen) &&
	       database_load(c->address_db, &rs->address_db, "address", err, errlen) &&
	       database_load(c->regex_db, &rs->regex_db, "regex", err, errlen);
}

/* One scratch that fits all databases, cloned for the other workers. */
static bool
scratch_make(struct ruleset *rs, unsigned workers, char *err, size_t errlen)
{
	const struct hs_database *db[] = { rs->domain_db, rs->address_db, rs->regex_db };

	rs->scratch = calloc(workers, sizeof(*rs->scratch));
	if (rs->scratch == NULL)
		goto no_memory;
	rs->workers = workers;
	for (unsigned i = 0; i < 3; i++)
		if (db[i] != NULL && hs_alloc_scratch(db[i], &rs->scratch[0]) != HS_SUCCESS)
			goto no_memory;
	for (unsigned w = 1; w < workers && rs->scratch[0] != NULL; w++)
		if (hs_clone_scratch(rs->scratch[0], &rs->scratch[w]) != HS_SUCCESS)
			goto no_memory;
	return true;
no_memory:
	snprintf(err, errlen, "out of memory for the scratch space of %u workers", workers);
	return false;
}

static bool
fill(struct ruleset *rs, struct view blob, unsigned workers, char *err, size_t errlen)
{
	struct blob_contents c;

	rs->blob = malloc(blob.len > 0 ? blob.len : 1);
	if (rs->blob == NULL) {
		snprintf(err, errlen, "out of memory for a rule set of %zu octets", blob.len);
		return false;
	}
	if (blob.len > 0)
		memcpy(rs->blob, blob.at, blob.len);
	rs->blob_len = blob.len;
	enum blob_status status = blob_open(view_of(rs->blob, blob.len), hs_version(), &c);
	if (status != BLOB_OK) {
		snprintf(err, errlen, "%s", blob_status_text(status));
		return false;
	}
	rs->tables = c.tables;
	rs->lookalikes = c.lookalikes;
	return cpu_fits(&c, err, errlen) && databases_load(rs, &c, err, errlen) &&
	       scratch_make(rs, workers, err, errlen);
}

struct ruleset *
ruleset_load(struct view blob, unsigned workers, char *err, size_t errlen)
{
	struct ruleset *rs = calloc(1, sizeof(*rs));

	if (rs == NULL) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	if (fill(rs, blob, workers, err, errlen))
		return rs;
	ruleset_free(rs);
	return NULL;
}

void
ruleset_free(struct ruleset *rs)
{
	if (rs == NULL)
		return;
	for (unsigned w = 0; w < rs->workers; w++)
		hs_free_scratch(rs->scratch[w]);
	free(rs->scratch);
	hs_free_database(rs->domain_db);
	hs_free_database(rs->address_db);
	hs_free_database(rs->regex_db);
	free(rs->blob);
	free(rs);
}
