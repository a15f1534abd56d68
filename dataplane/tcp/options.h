/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options that the gate needs to know (RFC 9293 section 3.1, RFC 7323, RFC 2385, RFC 5925). */
#ifndef POSTERN_TCP_OPTIONS_H
#define POSTERN_TCP_OPTIONS_H

#include "base/packet.h"

struct tcp_options {
	uint32_t ts_value; /* TSval, where has_ts */
	uint16_t mss;      /* 0 where absent */
	uint8_t wscale;    /* at most 14 (RFC 7323 section 2.3), where has_wscale */
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
