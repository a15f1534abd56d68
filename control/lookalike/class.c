/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/keyboard.h"
#include "lookalike/lookalike.h"

const struct slip_info slip_info[SLIP_COUNT] = {
#define SLIP(id, word, area_, confidence_, distance_, guard_, definition_, of_, example_, source_)                     \
	[SLIP_##id] = { .name = (word),                                                                                \
			.guard = (guard_),                                                                             \
			.definition = (definition_),                                                                   \
			.of = (of_),                                                                                   \
			.example = (example_),                                                                         \
			.source = (source_),                                                                           \
			.area = AREA_##area_,                                                                          \
			.confidence = (confidence_),                                                                   \
			.distance = (distance_) },
#include "lookalike/class.def"
#undef SLIP
};

static const char *const policies[] = {
	[POLICY_OFF] = "off", [POLICY_OBSERVE] = "observe", [POLICY_BLOCK] = "block", [POLICY_GUARD] = "guard"
};

static bool
is_word(struct view v, const char *word)
{
	return view_equal(v, view_of(word, strlen(word)));
}

enum slip
slip_of(struct view word)
{
	unsigned i = 0;

	while (i < SLIP_COUNT && !is_word(word, slip_info[i].name))
		i++;
	return (enum slip)i;
}

const char *
policy_name(enum policy p)
{
	return policies[p];
}

enum policy
policy_of(struct view word)
{
	unsigned i = 0;

	while (i < POLICY_GUARD && !is_word(word, policies[i]))
		i++;
	return (enum policy)i;
}

void
protection_default(struct protection *p)
{
	*p = (struct protection){ .layouts = LAYOUT_BIT(LAYOUT_QWERTY) };
	memset(p->policy, POLICY_GUARD, sizeof(p->policy));
}

/* The column of class.def for a label of so many letters. */
static unsigned
column_of(size_t letters)
{
	if (letters <= 3)
		return 1;
	return letters <= 6 ? (unsigned)letters - 2 : 5;
}

bool
guard_wants_letters(const struct protection *p, enum slip slip, size_t letters)
{
	const char *guard = slip_info[slip].guard;

	return p->policy[slip] == POLICY_GUARD && guard[column_of(letters)] == '-' && guard[5] != '-';
}

enum policy
guard_policy(const struct protection *p, enum slip slip, size_t letters, bool delegated)
{
	if (p->policy[slip] != POLICY_GUARD)
		return (enum policy)p->policy[slip];
	switch (slip_info[slip].guard[delegated ? column_of(letters) : 0]) {
	case 'b':
		return POLICY_BLOCK;
	case 'o':
		return POLICY_OBSERVE;
	default:
		return POLICY_OFF;
	}
}
