/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON objects as a table for people. What came from the wire cannot reach the terminal as control characters. */
#ifndef POSTERN_CONTROL_TABLE_H
#define POSTERN_CONTROL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

struct table_column {
	const char *title;
	const char *key; /* member of each row */
	bool right;      /* numbers */
};

/* Prints the array `rows` of objects (borrowed), columns as wide as they must be; a column without values is left out.
 */
void table_print(FILE *out, const struct table_column *columns, size_t n, const json_t *rows);

/* A number with a blank between groups of three digits, in `out`, which is returned. */
const char *table_number(uint64_t v, char out[32]);

#endif
