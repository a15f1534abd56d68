/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What fuzz targets share. A target defines LLVMFuzzerTestOneInput(); built by
 * clang with -fsanitize=fuzzer-no-link it is driven by libFuzzer, else by
 * corpus.c, which runs saved inputs. An input that breaks a promise aborts.
 */
#ifndef POSTERN_TESTS_FUZZ_H
#define POSTERN_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

/* Runs one input; 0. The octets are borrowed and end where a sanitiser notices a read beyond. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A promise that must hold in every build, also without assert(). To descriptor 2, since a target may silence stderr.
 */
#define PROMISE(holds)                                                                                                 \
	do {                                                                                                           \
		if (!(holds)) {                                                                                        \
			dprintf(2, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #holds);                         \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Memory for the target itself: never NULL. */
static inline void *
fuzz_memory(size_t octets)
{
	void *at = calloc(1, octets > 0 ? octets : 1);

	PROMISE(at != NULL);
	return at;
}

/* What the code under test says to people goes nowhere from here on. */
static inline void
fuzz_silence(void)
{
	static FILE *nowhere;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	PROMISE(nowhere != NULL);
	stderr = nowhere;
}

/* The next octet, 0 where there is none. */
static inline uint8_t
take_octet(struct view *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->at++;
}

/* The next two octets, big endian. */
static inline uint16_t
take_be16(struct view *in)
{
	uint16_t high = take_octet(in);

	return (uint16_t)(high << 8 | take_octet(in));
}

/* The next `len` octets, or what is left. Borrowed. */
static inline struct view
take_view(struct view *in, size_t len)
{
	struct view v = view_of(in->at, len < in->len ? len : in->len);

	if (v.len > 0)
		*in = view_of(in->at + v.len, in->len - v.len);
	return v;
}

/* True where v is empty or lies inside `whole`. */
static inline bool
view_inside(struct view v, struct view whole)
{
	return v.len == 0 ||
	       (v.at >= whole.at && v.len <= whole.len && v.at - whole.at <= (ptrdiff_t)(whole.len - v.len));
}

#endif
