/* SPDX-License-Identifier: BSD-2-Clause */
/* The helper rpc: XDR, universal addresses, and which endpoints a reply names. See rpc.c. */
#include "rpc.h"

#define AUTH_MAX 400

/* ---- XDR ------------------------------------------------------------------------------------- */

bool rpc_opaque(struct sl_text *t, struct sl_text *bytes)
{
	struct sl_text try = *t;
	uint32_t n;

	if (!sl_text_u32(&try, &n) || !sl_text_bytes(&try, n, bytes) ||
	        !sl_text_bytes(&try, -n & 3, NULL))
		return false;
	*t = try;
	return true;
}

bool rpc_auth(struct sl_text *t)
{
	struct sl_text body;

	return sl_text_u32(t, NULL) && rpc_opaque(t, &body) && sl_text_left(&body) <= AUTH_MAX;
}

bool rpc_universal(struct sl_text t, struct sl_endpoint *e)
{
	struct sl_text rest = t, port = t, last = t, host;
	uint32_t high, low;
	unsigned dots = 0;
	uint8_t v4[4];

	for (; sl_text_until(&rest, '.', &host); dots++) {
		port = last;
		last = rest;
	}
	if (dots < 2 || !sl_text_bytes(&t, sl_text_left(&t) - sl_text_left(&port) - 1, &host) ||
	        !sl_text_uint(&port, 255, &high) || !sl_text_char(&port, '.') ||
	        !sl_text_uint(&port, 255, &low) || sl_text_left(&port))
		return false;
	e->port = (uint16_t)(high << 8 | low);
	e->family = sl_text_ipv4(&host, v4) ? SL_IPV4 : SL_IPV6;
	if (e->family == SL_IPV4)
		e->addr = sl_addr_v4(v4);
	else if (!sl_text_ipv6(&host, e->addr.b))
		return false;
	return sl_text_left(&host) == 0;
}

void rpc_put_universal(struct sl_out *o, const struct sl_endpoint *e)
{
	if (e->family == SL_IPV4)
		sl_text_put_ipv4(o, e->addr.b + 12);
	else
		sl_text_put_ipv6(o, e->addr.b);
	sl_text_put_char(o, '.');
	sl_text_put_uint(o, e->port >> 8);
	sl_text_put_char(o, '.');
	sl_text_put_uint(o, e->port & 255u);
}

/* ---- reading replies ------------------------------------------------------------------------- */

/* A word: the port, at the server's own address. */
static bool read_port(
        struct rpc_reply *r, struct sl_text *t, const struct sl_tuple *own, uint8_t proto)
{
	struct rpc_place p = {.at = sl_text_offset(t), .length = 4};
	uint32_t port;

	if (!sl_text_u32(t, &port) || port > 65535)
		return false;
	p.e = (struct sl_endpoint){own->src, (uint16_t)port, own->family, proto};
	r->place[r->count++] = p;
	return true;
}

/* A string: the address. Empty, and what else is none, counts as not registered. */
static bool read_address(struct rpc_reply *r, struct sl_text *t, uint8_t proto)
{
	struct rpc_place p = {.at = sl_text_offset(t), .is_text = true, .e = {.proto = proto}};
	struct sl_text string;

	if (!rpc_opaque(t, &string))
		return false;
	p.length = sl_text_offset(t) - p.at;
	if (proto && r->count < RPC_PLACES && rpc_universal(string, &p.e))
		r->place[r->count++] = p;
	return true;
}

/* The protocol of a netid; 0: none that we know. */
static uint8_t proto_of(const struct sl_text *netid)
{
	if (sl_text_eq_nocase(netid, "udp") || sl_text_eq_nocase(netid, "udp6"))
		return SL_PROTO_UDP;
	if (sl_text_eq_nocase(netid, "tcp") || sl_text_eq_nocase(netid, "tcp6"))
		return SL_PROTO_TCP;
	return 0;
}

/* A list: a word 1, then address, netid, semantics, family, protocol; again; at the end a word 0. */
static bool read_addresses(struct rpc_reply *r, struct sl_text *t)
{
	struct sl_text address, netid;
	uint32_t more;

	while (sl_text_u32(t, &more)) {
		if (more != 1)
			return more == 0;
		address = *t;
		if (!rpc_opaque(t, NULL) || !rpc_opaque(t, &netid) || !sl_text_u32(t, NULL) ||
		        !rpc_opaque(t, NULL) || !rpc_opaque(t, NULL) ||
		        !read_address(r, &address, proto_of(&netid)))
			return false;
	}
	return false;
}

/* Accepted, what proves it, success, and the results. */
bool rpc_read_reply(struct rpc_reply *r, struct sl_text *t, const struct rpc_question *q,
        const struct sl_tuple *own)
{
	uint32_t denied, failed;
	bool read = false;

	if (!sl_text_u32(t, &denied) || denied || !rpc_auth(t) || !sl_text_u32(t, &failed) ||
	        failed)
		return false;
	switch ((enum rpc_answer)q->answer) {
	case A_PORT:
		read = read_port(r, t, own, q->proto);
		break;
	case AN_ADDRESS:
		read = read_address(r, t, q->proto);
		break;
	case ADDRESSES:
		read = read_addresses(r, t);
		break;
	case PORT_AND_RESULT:
		read = read_port(r, t, own, q->proto) && rpc_opaque(t, NULL);
		break;
	case ADDRESS_AND_RESULT:
		read = read_address(r, t, q->proto) && rpc_opaque(t, NULL);
		break;
	case NOTHING:
		break;
	}
	return read && !sl_text_left(t);
}
