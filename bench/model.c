/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

double
model_contention(double one, double all, unsigned n)
{
	if (n < 2 || all <= 0)
		return 0;
	double contention = (n * one / all - 1) / (n - 1);
	return contention > 0 ? contention : 0;
}

double
model_memory(double gigabytes_s, double octets)
{
	return gigabytes_s * 1000 / octets;
}

double
model_mpps(const struct model *m, unsigned n)
{
	double mpps = m->mpps * n / (1 + m->contention * (n - 1));

	return mpps < m->memory_mpps ? mpps : m->memory_mpps;
}
