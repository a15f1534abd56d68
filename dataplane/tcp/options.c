/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/options.h"

#include "base/bytes.h"
#include "headers/proto.h"

/* One option of `len` octets at `at`, kind and length octets included. */
static void
take(struct tcp_options *o, const uint8_t *at, size_t len)
{
	switch (at[0]) {
	case TCP_OPTION_MSS:
		if (len == 4)
			o->mss = load_be16(at + 2);
		break;
	case TCP_OPTION_WSCALE:
		if (len == 3) {
			o->has_wscale = true;
			o->wscale = at[2] < TCP_WSCALE_MAX ? at[2] : TCP_WSCALE_MAX;
		}
		break;
	case TCP_OPTION_SACK_OK:
		o->has_sack |= len == 2;
		break;
	case TCP_OPTION_TIMESTAMPS:
		if (len == 10) {
			o->has_ts = true;
			o->ts_value = load_be32(at + 2);
		}
		break;
	case TCP_OPTION_MD5:
	case TCP_OPTION_AO:
		o->is_signed = true;
		break;
	}
}

struct tcp_options
tcp_options_read(const struct packet *p)
{
	struct tcp_options o = { 0 };
	uint8_t *at = p->data + p->h.l4 + TCP_HEADER_LEN;
	const uint8_t *end = p->data + p->h.payload;

	/* What stacks send with data: NOP, NOP, timestamps (RFC 7323 appendix A). */
	if (end - at == 12 && load_be32(at) == 0x0101080a) {
		o.has_ts = true;
		o.ts_value = load_be32(at + 4);
		return o;
	}
	for (; (at = tcp_option(at, end)) != NULL; at += at[1])
		take(&o, at, at[1]);
	return o;
}
