/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options that the gate needs to know (RFC 9293 section 3.1, RFC 7323, RFC 2385, RFC 5925). */
#ifndef POSTERN_TCP_OPTIONS_H
#define POSTERN_TCP_OPTIONS_H

#include "base/packet.h"

/* Kinds that the gate knows. */
enum {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_WSCALE = 3,
	TCP_OPTION_SACK_OK = 4,
	TCP_OPTION_SACK = 5, /* RFC 2018 section 3 */
	TCP_OPTION_TIMESTAMPS = 8,
	TCP_OPTION_MD5 = 19,
	TCP_OPTION_AO = 29,
};

#define TCP_WSCALE_MAX 14 /* RFC 7323 section 2.3 */

/*
 * The option that stands at `at`, behind padding perhaps: its kind at [0], its length at [1], at least 2, and all
 * of it before `end`. NULL: the list ends there, or with a length that is impossible. Borrows. To walk:
 *
 *	for (uint8_t *o = first; (o = tcp_option(o, end)) != NULL; o += o[1])
 */
static inline uint8_t *
tcp_option(uint8_t *at, const uint8_t *end)
{
	while (at < end && at[0] == TCP_OPTION_NOP)
		at++;
	if (end - at < 2 || at[0] == TCP_OPTION_END || at[1] < 2 || at[1] > end - at)
		return NULL;
	return at;
}

struct tcp_options {
	uint32_t ts_value; /* TSval, where has_ts */
	uint16_t mss;      /* 0 where absent */
	uint8_t wscale;    /* at most TCP_WSCALE_MAX, where has_wscale */
	bool has_wscale;
	bool has_ts;
	bool has_sack;  /* SACK permitted (RFC 2018) */
	bool is_signed; /* MD5 or TCP-AO */
};

/*
 * The options of a decoded segment. Borrows p; reads the TCP header only. An
 * option whose length is impossible ends the list: what stood before counts.
 * MSS, window scale and SACK permitted mean something in a SYN only; the caller minds that.
 */
struct tcp_options tcp_options_read(const struct packet *p);

#endif
