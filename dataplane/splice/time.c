/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits. */
#include "splice/ends.h"

#define LEAVE_NS  30000000000ULL
#define FAILED_NS 60000000000ULL /* a client that has not closed by then is reset */
#define ENDING_NS 10000000000ULL /* what is on its way to the client arrives by then, or nobody repeats it */

static bool
is_over(uint64_t since, uint64_t now_ns, uint64_t limit)
{
	return now_ns > since && now_ns - since >= limit;
}

/* The server gets its time to answer, and no more. */
void
splice_tick_near(struct splice *s, uint64_t now_ns)
{
	const struct end_wire wire = splice_near_wire(s);

	if (splice_has_left(s))
		return;
	if (!end_tick(&s->near, &wire, now_ns) || is_over(s->left_ns, now_ns, LEAVE_NS))
		end_abort(&s->near, &wire);
}

enum splice_turn
splice_tick(struct splice *s, uint64_t now_ns, uint64_t setup_ns, uint64_t session_ns)
{
	const struct end_wire wire = splice_far_wire(s);

	splice_tick_near(s, now_ns);
	if (s->seen != s->state || s->since_ns == 0) {
		s->seen = s->state;
		s->since_ns = now_ns;
	}
	if (s->state < SPLICE_LIVE) {
		bool goes_on = s->state == SPLICE_WAIT || end_tick(&s->far, &wire, now_ns);
		if (!goes_on || is_over(s->begun_ns, now_ns, setup_ns))
			return splice_take_for(s, SPLICE_LATE, CTR_redirect_late);
	} else if (s->state == SPLICE_LIVE) {
		if (is_over(s->begun_ns, now_ns, session_ns))
			return splice_take_for(s, SPLICE_LATE, CTR_redirect_late);
	} else if (s->state == SPLICE_ENDING) {
		if (is_over(s->since_ns, now_ns, ENDING_NS))
			return splice_take_for(s, SPLICE_LATE, CTR_redirect_late);
	} else if (s->state == SPLICE_FAILED) {
		if (!end_tick(&s->far, &wire, now_ns))
			return splice_take(s, SPLICE_GONE);
		if (is_over(s->since_ns, now_ns, FAILED_NS)) {
			end_abort(&s->far, &wire);
			return splice_take(s, SPLICE_LATE);
		}
	}
	return SPLICE_STAY;
}
