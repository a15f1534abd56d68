/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/shift.h"

#include "base/seq.h"
#include "headers/checksum.h"
#include "headers/proto.h"
#include "tcp/options.h"

#define TCP_HEADER_MAX 60

/* What is added to the numbers of one segment. */
struct sums {
	uint32_t seq, ack;
	uint32_t ts_value, ts_echo;
	uint32_t echo_first;  /* TSecr is at least this, where has_echo_first */
	uint32_t *value_last; /* TSval is at least this, and becomes this; NULL: it is what it is */
	bool has_echo_first, has_ts;
};

uint16_t
shift_window(uint16_t window, uint8_t from, uint8_t to)
{
	uint64_t octets = (uint64_t)window << from;
	uint64_t scaled = octets >> to;

	if (scaled == 0 && octets > 0)
		return 1;
	return scaled < UINT16_MAX ? (uint16_t)scaled : UINT16_MAX;
}

static void
shift_sack(const struct sums *s, uint8_t *option, size_t len)
{
	for (size_t at = 2; at + 4 <= len; at += 4)
		store_be32(option + at, load_be32(option + at) + s->ack);
}

static void
shift_times(const struct sums *s, uint8_t *option, bool ack)
{
	uint32_t value = load_be32(option + 2) + s->ts_value;

	if (s->value_last != NULL)
		*s->value_last = value = seq_max(value, *s->value_last);
	store_be32(option + 2, value);
	if (!ack)
		return;
	uint32_t echo = load_be32(option + 6) + s->ts_echo;
	store_be32(option + 6, s->has_echo_first ? seq_max(echo, s->echo_first) : echo);
}

static void
shift_options(const struct sums *s, uint8_t *at, const uint8_t *end, bool ack)
{
	for (; (at = tcp_option(at, end)) != NULL; at += at[1])
		if (at[0] == TCP_OPTION_SACK && at[1] % 8 == 2)
			shift_sack(s, at, at[1]);
		else if (at[0] == TCP_OPTION_TIMESTAMPS && at[1] == 10 && s->has_ts)
			shift_times(s, at, ack);
}

static void
shift_numbers(struct packet *p, const struct sums *s, uint16_t window, unsigned port_at, uint16_t port)
{
	uint8_t *tcp = p->data + p->h.l4;
	size_t len = (size_t)(p->h.payload - p->h.l4);
	bool ack = (p->h.tcp_flags & TCP_ACK) != 0;
	uint8_t before[TCP_HEADER_MAX];

	memcpy(before, tcp, len);
	store_be16(tcp + port_at, port);
	store_be32(tcp + 4, load_be32(tcp + 4) + s->seq);
	if (ack)
		store_be32(tcp + 8, load_be32(tcp + 8) + s->ack);
	store_be16(tcp + 14, window);
	shift_options(s, tcp + TCP_HEADER_LEN, tcp + len, ack);
	checksum_follow(tcp, before, len);
}

/* Puts `address` at `at` in the IP header; both checksums follow. */
static void
shift_address(struct packet *p, unsigned at, const uint8_t *address)
{
	uint8_t *ip = p->data + p->h.l3;
	uint8_t *sum = p->data + p->h.l4 + TCP_CHECKSUM;
	unsigned len = p->h.ip_version == 4 ? 4 : 16;

	for (unsigned i = 0; i < len; i += 4) {
		uint32_t was = load_be32(ip + at + i), is = load_be32(address + i);
		checksum_adjust32(sum, was, is);
		if (p->h.ip_version == 4)
			checksum_adjust32(ip + IPV4_CHECKSUM, was, is);
	}
	memcpy(ip + at, address, len);
}

void
shift_out(struct shift *s, struct packet *p)
{
	const struct sums sums = {
		.seq = s->client_seq,
		.ack = 0u - s->server_seq,
		.ts_echo = 0u - s->ts,
		.echo_first = s->ts_first,
		.value_last = (p->flags & PACKET_STRAY) ? NULL : &s->ts_last,
		.has_echo_first = true,
		.has_ts = s->has_ts,
	};
	uint16_t window = load_be16(p->data + p->h.l4 + 14);

	shift_address(p, p->h.ip_version == 4 ? IPV4_DESTINATION : IPV6_DESTINATION, s->far);
	shift_numbers(p, &sums, shift_window(window, s->client_scale, s->client_far_scale), 2, s->far_port);
	p->flags |= PACKET_JUDGED;
}

void
shift_in(const struct shift *s, struct packet *p)
{
	const struct sums sums = {
		.seq = s->server_seq, .ack = 0u - s->client_seq, .ts_value = s->ts, .has_ts = s->has_ts
	};

	shift_address(p, p->h.ip_version == 4 ? IPV4_SOURCE : IPV6_SOURCE, s->server);
	shift_numbers(p, &sums, shift_window(p->h.window, s->far_scale, s->server_scale), 0, s->server_port);
	p->h.src_port = s->server_port;
	p->h.seq += sums.seq;
	if (p->h.tcp_flags & TCP_ACK)
		p->h.ack += sums.ack;
	p->h.window = load_be16(p->data + p->h.l4 + 14);
	p->flags |= PACKET_JUDGED;
}
