/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/options.h"

#include "base/bytes.h"
#include "headers/proto.h"

enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_OK = 4,
	KIND_TIMESTAMPS = 8,
	KIND_MD5 = 19,
	KIND_AO = 29,
};

#define WSCALE_MAX 14

/* One option of `len` octets at `at`, kind and length octets included. */
static void
take(struct tcp_options *o, const uint8_t *at, size_t len)
{
	switch (at[0]) {
	case KIND_MSS:
		if (len == 4)
			o->mss = load_be16(at + 2);
		break;
	case KIND_WSCALE:
		if (len == 3) {
			o->has_wscale = true;
			o->wscale = at[2] < WSCALE_MAX ? at[2] : WSCALE_MAX;
		}
		break;
	case KIND_SACK_OK:
		o->has_sack |= len == 2;
		break;
	case KIND_TIMESTAMPS:
		if (len == 10) {
			o->has_ts = true;
			o->ts_value = load_be32(at + 2);
		}
		break;
	case KIND_MD5:
	case KIND_AO:
		o->is_signed = true;
		break;
	}
}

struct tcp_options
tcp_options_read(const struct packet *p)
{
	struct tcp_options o = { 0 };
	const uint8_t *at = p->data + p->h.l4 + TCP_HEADER_LEN;
	const uint8_t *end = p->data + p->h.payload;

	/* What stacks send with data: NOP, NOP, timestamps (RFC 7323 appendix A). */
	if (end - at == 12 && load_be32(at) == 0x0101080a) {
		o.has_ts = true;
		o.ts_value = load_be32(at + 4);
		return o;
	}
	while (at < end && at[0] != KIND_END) {
		if (at[0] == KIND_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			break;
		take(&o, at, at[1]);
		at += at[1];
	}
	return o;
}
