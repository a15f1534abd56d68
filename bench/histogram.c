/* SPDX-License-Identifier: BSD-3-Clause */
#include "histogram.h"

uint64_t
histogram_at(const struct histogram *h, double share)
{
	double wanted = share * (double)h->total;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->total > 0; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= wanted)
			return histogram_edge(i) < h->most ? histogram_edge(i) : h->most;
	}
	return h->most;
}
