/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What more cores would do, from what few have done. Workers share nothing but memory and the last level of cache, so
 * each further one costs the others a little (the contention term of Gunther's law), and all together cannot move more
 * octets than memory does.
 */
#ifndef POSTERN_BENCH_MODEL_H
#define POSTERN_BENCH_MODEL_H

struct model {
	double mpps;        /* of one worker alone */
	double contention;  /* share of a worker's speed that each further one costs; 0: none */
	double memory_mpps; /* packets that memory can move, all workers together */
};

/* The contention at which n workers, of which one alone does `one`, do `all` together; never below 0. */
double model_contention(double one, double all, unsigned n);

/* Packets (millions a second) that memory of `gigabytes_s` moves where each crosses it with `octets`. */
double model_memory(double gigabytes_s, double octets);

/* Mpps of n workers. */
double model_mpps(const struct model *m, unsigned n);

#endif
