/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/splice.h"

/* A field of the table: what to do, and the next state. */
struct step {
	uint8_t turn; /* enum splice_turn */
	uint8_t next; /* enum splice_state */
	bool leaves;  /* else the state stays */
};

#define STEP(turn, state)                                                                                              \
	{                                                                                                              \
		SPLICE_##turn, SPLICE_##state, true                                                                    \
	}
#define STAY                                                                                                           \
	{                                                                                                              \
		SPLICE_STAY, 0, false                                                                                  \
	}
#define BACK           STEP(FALL_BACK, OVER)
#define TO(state)      STEP(STAY, state)
#define CONNECT(state) STEP(CONNECT, state)
#define MOVE(state)    STEP(HAND_OVER, state)
#define FAIL(state)    STEP(FAIL, state)

static const struct step table[SPLICE_STATES][SPLICE_EVENTS] = {
#define STATE(state, ...) [SPLICE_##state] = { __VA_ARGS__ },
#include "splice/states.def"
#undef STATE
};

enum splice_turn
splice_take(struct splice *s, enum splice_event event)
{
	const struct step *step = &table[s->state][event];

	if (step->leaves)
		s->state = step->next;
	return step->turn;
}

enum splice_turn
splice_take_for(struct splice *s, enum splice_event event, enum counter cause)
{
	if (s->cause == 0)
		s->cause = (uint16_t)cause;
	return splice_take(s, event);
}
