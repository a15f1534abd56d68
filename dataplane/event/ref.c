/* SPDX-License-Identifier: BSD-3-Clause */
#include "event/event.h"

void
event_ref(uint64_t number, char ref[EVENT_REF_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (unsigned i = EVENT_REF_LEN; i-- > 0; number >>= 5)
		ref[i] = alphabet[number & 31];
	ref[EVENT_REF_LEN] = '\0';
}
