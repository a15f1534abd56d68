/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers/checksum.h"

#include "base/bytes.h"
#include "headers/proto.h"

/*
 * Sums are kept in the machine's own byte order: one's complement addition
 * gives the same octets either way (RFC 1071 section 2(B)), and loads need no swap.
 */
typedef uint32_t lanes __attribute__((vector_size(16)));

static uint64_t
sum_words(const uint8_t *at, size_t len, uint64_t sum)
{
	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if (len > 0) {
		uint64_t word = 0;
		memcpy(&word, at, len);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	return sum;
}

/* Adds up to 65,535 octets: a lane gains less than 2^17 for each of at most 2^11 blocks, so it cannot overflow. */
static uint64_t
sum_octets(const uint8_t *at, size_t len, uint64_t sum)
{
	lanes even = { 0 }, odd = { 0 };

	for (; len >= 32; at += 32, len -= 32) {
		lanes a, b;
		memcpy(&a, at, 16);
		memcpy(&b, at + 16, 16);
		even += (a & 0xffff) + (b & 0xffff);
		odd += (a >> 16) + (b >> 16);
	}
	lanes both = even + odd;
	sum += (uint64_t)both[0] + both[1] + both[2] + both[3];
	return sum_words(at, len, sum);
}

static uint16_t
fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Pseudo header and TCP segment, checksum field included. */
static uint16_t
sum_tcp(const struct packet *p)
{
	const uint8_t *ip = p->data + p->h.l3;
	size_t len = (size_t)p->h.payload - p->h.l4 + p->h.payload_len;
	uint8_t pseudo[8] = { 0 };
	uint64_t sum;

	store_be32(pseudo, (uint32_t)len);
	pseudo[7] = PROTO_TCP;
	sum = sum_words(pseudo, sizeof(pseudo), 0);
	if (p->h.ip_version == 4)
		sum = sum_words(ip + IPV4_SOURCE, 8, sum);
	else
		sum = sum_words(ip + IPV6_SOURCE, 32, sum);
	return fold(sum_octets(p->data + p->h.l4, len, sum));
}

static void
store_sum(uint8_t *at, uint16_t sum)
{
	uint16_t stored = (uint16_t)~sum;
	memcpy(at, &stored, sizeof(stored));
}

bool
checksum_tcp_ok(const struct packet *p)
{
	return sum_tcp(p) == 0xffff;
}

uint32_t
checksum_payload(const struct packet *p)
{
	return (uint32_t)sum_octets(p->data + p->h.payload, p->h.payload_len, p->h.payload_len);
}

void
checksum_ipv4_header(uint8_t *ip)
{
	store_be16(ip + IPV4_CHECKSUM, 0);
	store_sum(ip + IPV4_CHECKSUM, fold(sum_words(ip, (size_t)(ip[0] & 0x0f) * 4, 0)));
}

void
checksum_rewrite(struct packet *p)
{
	uint8_t *tcp = p->data + p->h.l4;

	if (p->h.ip_version == 4)
		checksum_ipv4_header(p->data + p->h.l3);
	store_be16(tcp + TCP_CHECKSUM, 0);
	store_sum(tcp + TCP_CHECKSUM, sum_tcp(p));
}

/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). */
void
checksum_adjust32(uint8_t *sum, uint32_t before, uint32_t after)
{
	uint32_t s = (uint16_t)~load_be16(sum);

	s += (uint16_t) ~(before >> 16) + (uint16_t)~before + (after >> 16) + (after & 0xffff);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	store_be16(sum, (uint16_t)~s);
}

bool
checksum_follow(uint8_t *tcp, const uint8_t *before, size_t len)
{
	bool changed = false;

	for (size_t at = 0; at < len; at += 4) {
		uint32_t mask = at == TCP_CHECKSUM ? 0xffff : UINT32_MAX;
		uint32_t was = load_be32(before + at) & mask, is = load_be32(tcp + at) & mask;
		if (was == is)
			continue;
		checksum_adjust32(tcp + TCP_CHECKSUM, was, is);
		changed = true;
	}
	return changed;
}
