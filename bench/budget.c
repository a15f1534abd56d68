/* SPDX-License-Identifier: BSD-3-Clause */
#include "budget.h"

#include <math.h>
#include <stdio.h>

void
budget_add(json_t *limits, const char *what, enum budget_side side, double bound, double figure)
{
	bool at_least = side == BUDGET_AT_LEAST;
	json_t *reached = isnan(figure) ? json_null() : json_boolean(at_least ? figure >= bound : figure <= bound);
	json_t *shown = isnan(figure) ? json_null() : json_real(figure);

	json_array_append_new(limits, json_pack("{s:s, s:o, s:o, s:o}", "what", what, "limit",
						json_sprintf("%s %.10g", at_least ? "at least" : "at most", bound),
						"figure", shown, "reached", reached));
}

void
budget_print(const json_t *limits)
{
	size_t i;
	json_t *limit;

	json_array_foreach(limits, i, limit)
	{
		const json_t *reached = json_object_get(limit, "reached");
		const char *word = json_is_null(reached)   ? "not judged"
				   : json_is_true(reached) ? "reached"
							   : "NOT REACHED";

		printf("  %-11s  %s: ", word, json_string_value(json_object_get(limit, "what")));
		if (!json_is_null(reached))
			printf("%.4g, ", json_real_value(json_object_get(limit, "figure")));
		printf("%s\n", json_string_value(json_object_get(limit, "limit")));
	}
}
