/* SPDX-License-Identifier: BSD-3-Clause */
#include "command/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX    160
#define COLUMNS_MAX 16

const char *
table_number(uint64_t v, char out[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, v), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ' ';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* C0, DEL, and C1 as it looks in UTF-8 (0xC2 0x80 to 0xC2 0x9F). */
static void
disarm(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
}

static void
cell(const json_t *v, char out[CELL_MAX])
{
	out[0] = '\0';
	switch (v != NULL ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		snprintf(out, CELL_MAX, "%s", json_string_value(v));
		disarm(out);
		break;
	case JSON_INTEGER:
		snprintf(out, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		snprintf(out, CELL_MAX, "%.1f", json_real_value(v));
		break;
	case JSON_TRUE:
		snprintf(out, CELL_MAX, "yes");
		break;
	case JSON_FALSE:
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
}

/* Characters, not octets: continuation octets of UTF-8 take no room. */
static int
width_of(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void
put(FILE *out, const char *text, int width, bool right)
{
	int fill = width - width_of(text);

	fprintf(out, "%*s%s%*s", right && fill > 0 ? fill : 0, "", text, !right && fill > 0 ? fill : 0, "");
}

/* Width of each column; 0: no row has a value for it. */
static void
measure(const struct table_column *columns, size_t n, const json_t *rows, int width[COLUMNS_MAX])
{
	for (size_t c = 0; c < n; c++) {
		char text[CELL_MAX];

		width[c] = 0;
		for (size_t i = 0; i < json_array_size(rows); i++) {
			cell(json_object_get(json_array_get(rows, i), columns[c].key), text);
			width[c] = width_of(text) > width[c] ? width_of(text) : width[c];
		}
		if (width[c] > 0 && width_of(columns[c].title) > width[c])
			width[c] = width_of(columns[c].title);
	}
}

static void
put_row(FILE *out, const struct table_column *columns, size_t n, const int width[COLUMNS_MAX], const json_t *row)
{
	size_t last = n;

	while (last > 0 && width[last - 1] == 0)
		last--;
	for (size_t c = 0; c < last; c++) {
		char text[CELL_MAX];

		if (width[c] == 0)
			continue;
		if (row != NULL)
			cell(json_object_get(row, columns[c].key), text);
		else
			snprintf(text, sizeof(text), "%s", columns[c].title);
		put(out, text, c + 1 < last || columns[c].right ? width[c] : 0, columns[c].right);
		fputs(c + 1 < last ? "  " : "", out);
	}
	fputc('\n', out);
}

void
table_print(FILE *out, const struct table_column *columns, size_t n, const json_t *rows)
{
	int width[COLUMNS_MAX];

	if (n > COLUMNS_MAX || json_array_size(rows) == 0)
		return;
	measure(columns, n, rows, width);
	put_row(out, columns, n, width, NULL);
	for (size_t i = 0; i < json_array_size(rows); i++)
		put_row(out, columns, n, width, json_array_get(rows, i));
}
