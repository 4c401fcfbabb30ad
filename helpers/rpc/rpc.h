/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the helper rpc share: rpc.c (the dialogue) and reply.c (XDR, and what replies say). */
#ifndef HELPERS_RPC_H
#define HELPERS_RPC_H

#include <sluice/helper.h>

#define RPC_PLACES 8 /* endpoints that a reply names, at most */

/* What a procedure's reply says. */
enum rpc_answer { NOTHING, A_PORT, AN_ADDRESS, ADDRESSES, PORT_AND_RESULT, ADDRESS_AND_RESULT };

struct rpc_question {
	uint32_t xid, program;
	uint8_t answer; /* NOTHING: no question */
	uint8_t proto;  /* that it is about */
};

/* Which bytes of a reply are an endpoint. */
struct rpc_place {
	size_t at, length;
	struct sl_endpoint e;
	bool is_text; /* a universal address; else a port */
};

struct rpc_reply {
	struct rpc_place place[RPC_PLACES];
	unsigned count;
};

/* Bytes with their length before them, filled up to whole words. bytes may be NULL. */
bool rpc_opaque(struct sl_text *t, struct sl_text *bytes);
/* Who asks, or what proves it: flavour and at most 400 bytes (RFC 5531 8.2). */
bool rpc_auth(struct sl_text *t);
/* "192.0.2.10.78.80", "2001:db8::10.78.80", all of t: behind the last two dots is the port. */
bool rpc_universal(struct sl_text t, struct sl_endpoint *e);
void rpc_put_universal(struct sl_out *o, const struct sl_endpoint *e);
/*
 * The endpoints that a reply to q names; t is behind xid and REPLY. False: it is not accepted, or
 * not understood to its last byte. own: the sender's tuple.
 */
bool rpc_read_reply(struct rpc_reply *r, struct sl_text *t, const struct rpc_question *q,
        const struct sl_tuple *own);

#endif
