/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and tuples: comparing, printing, and turning a tuple around.
 */
#include <sluice/text.h>
#include <sluice/tuple.h>

#include <string.h>

#include "track/track.h"

bool sl_tuple_eq(const struct sl_tuple *a, const struct sl_tuple *b)
{
	return a->sport == b->sport && a->dport == b->dport && a->proto == b->proto &&
	       a->family == b->family && sl_addr_eq(&a->src, &b->src) && sl_addr_eq(&a->dst, &b->dst);
}

static bool addr_eq_masked(
	const struct sl_addr *a, const struct sl_addr *b, const struct sl_addr *mask)
{
	unsigned differ = 0;

	for (unsigned i = 0; i < sizeof(a->b); i++)
		differ |= (unsigned)(a->b[i] ^ b->b[i]) & mask->b[i];
	return differ == 0;
}

bool sl_tuple_eq_masked(
	const struct sl_tuple *a, const struct sl_tuple *b, const struct sl_tuple *mask)
{
	return a->proto == b->proto && a->family == b->family &&
	       ((a->sport ^ b->sport) & mask->sport) == 0 &&
	       ((a->dport ^ b->dport) & mask->dport) == 0 &&
	       addr_eq_masked(&a->src, &b->src, &mask->src) &&
	       addr_eq_masked(&a->dst, &b->dst, &mask->dst);
}

const char *sl_addr_text(const struct sl_addr *a, enum sl_family family, char out[SL_ADDR_TEXT])
{
	struct sl_out o = sl_out_of(out, SL_ADDR_TEXT - 1);

	if (family == SL_IPV4)
		sl_text_put_ipv4(&o, a->b + 12);
	else
		sl_text_put_ipv6(&o, a->b);
	out[sl_out_len(&o)] = '\0';
	return out;
}

bool sl_addr_parse(const char *text, struct sl_addr *out, enum sl_family *family)
{
	struct sl_text t = sl_text_of(text, strlen(text));
	uint8_t bytes[16];

	if (sl_text_ipv4(&t, bytes) && sl_text_left(&t) == 0) {
		*out = sl_addr_v4(bytes);
		*family = SL_IPV4;
		return true;
	}
	t = sl_text_of(text, strlen(text));
	if (sl_text_ipv6(&t, bytes) && sl_text_left(&t) == 0) {
		*out = sl_addr_v6(bytes);
		*family = SL_IPV6;
		return true;
	}
	return false;
}

const char *sl_proto_text(uint8_t proto, char out[4])
{
	struct sl_out o = sl_out_of(out, 3);

	switch (proto) {
	case SL_PROTO_ICMP:
		return "icmp";
	case SL_PROTO_TCP:
		return "tcp";
	case SL_PROTO_UDP:
		return "udp";
	case SL_PROTO_DCCP:
		return "dccp";
	case SL_PROTO_GRE:
		return "gre";
	case SL_PROTO_ICMPV6:
		return "icmpv6";
	case SL_PROTO_SCTP:
		return "sctp";
	case SL_PROTO_UDPLITE:
		return "udplite";
	}
	sl_text_put_uint(&o, proto);
	out[sl_out_len(&o)] = '\0';
	return out;
}

/* An ICMP tuple keeps its id and code; the type becomes that of the answer. */
static bool invert_icmp(const struct sl_tuple *tuple, struct sl_tuple *out)
{
	uint8_t type = sl__icmp_inverse(tuple->proto, (uint8_t)(tuple->dport >> 8));

	if (type == SL_ICMP_NO_INVERSE)
		return false;
	out->sport = tuple->sport;
	out->dport = SL_TUPLE_ICMP(type, tuple->dport & 0xff);
	return true;
}

bool sl__tuple_invert(const struct sl_tuple *tuple, struct sl_tuple *out)
{
	*out = (struct sl_tuple){.src = tuple->dst,
		.dst = tuple->src,
		.sport = tuple->dport,
		.dport = tuple->sport,
		.proto = tuple->proto,
		.family = tuple->family};
	if (tuple->proto == (tuple->family == SL_IPV4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6))
		return invert_icmp(tuple, out);
	return true;
}
