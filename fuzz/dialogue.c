/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper's dialogue through a whole engine. What must hold, whatever the input: the invariants
 * of the engine, right checksums, nothing read outside a packet, nothing left behind, and (TCP)
 * both receivers see each byte of their stream the same every time it is sent to them.
 *
 * The first byte says which world (tests/lib/world.h): the low two bits the NAT (none, source, the
 * server behind destination NAT, both count as source), bit 2 the family, bit 3 whether the client
 * speaks to a whole network. Then each operation is a byte: bit 0 who, bits 1-3 what, the high bits
 * how many bytes, which follow where they are needed:
 *
 *	0, 1  say: one segment, or one datagram
 *	2     two segments, the second first; a datagram twice
 *	3     something again, cut otherwise; UDP: a long datagram (16 times as many bytes)
 *	4     an acknowledgement; UDP: a packet to the last thing that was expected
 *	5     time passes
 *	6     lost; TCP with the high bits all set: a packet to the last thing that was expected
 *	7     FIN; UDP: a packet to the last thing that was expected, from another port
 */
#include "fuzz/dialogue.h"

#include <sluice/helper.h>

#include "base/bytes.h"
#include "tests/lib/world.h"

struct play {
	struct world w;
	uint32_t sent[2]; /* bytes of out */
	uint8_t out[2][STREAM];
	bool cast;                /* the client's packets go to a whole network */
	struct sl_tuple expected; /* the last one; proto 0: none */
};

/* ---- the world ------------------------------------------------------------------------------- */

static void on_event(struct gateway *g, const struct sl_event *event)
{
	struct sl_expect_info info;

	if (event->type != SL_EVENT_EXPECT_NEW)
		return;
	sl_expect_info(g->engine, event->expect, &info);
	((struct play *)g->user)->expected = info.tuple;
}

/* Payloads that leave may find the planted bug. */
static bool on_leave(struct world *w, const struct sl_packet *p)
{
	const uint8_t *l4;
	uint32_t len, head;
	struct sl_tuple t = packet_tuple(p, &l4, &len);

	head = t.proto == SL_PROTO_TCP ? (uint32_t)(l4[12] >> 4) * 4 : 8;
	if (t.proto != SL_PROTO_GRE && len > head)
		fuzz_plant(l4 + head, len - head);
	(void)w;
	return false;
}

static void start(struct play *f, const struct fuzz_dialogue *d, uint8_t kind)
{
	static const unsigned nats[4] = {NAT_NONE, NAT_SRC, NAT_IN, NAT_SRC};
	const struct scene scene = {.helper = d->helper,
	        .proto = d->proto,
	        .family = kind & 4 ? SL_IPV6 : SL_IPV4,
	        .client_port = d->client_port,
	        .server_port = d->port};
	struct world *w = &f->w;

	memset(f->sent, 0, sizeof(f->sent));
	f->cast = kind & 8;
	f->expected.proto = 0;
	world_place(w, &scene, nats[kind & 3]);
	world_anything(w);
	w->g.on_event = on_event;
	w->g.user = f;
	w->on_leave = on_leave;
	w->g.mtu[1] = w->g.mtu[2] = 1280;
	w->g.config.table_max = 16;
	w->g.config.expect_max = 64;
	world_start(w, d->helper);
	world_open(w);
}

static void put(struct play *f, struct sl_packet p, bool from_client)
{
	if (f->cast && from_client)
		p.cast = SL_CAST_BROADCAST;
	send_packet(&f->w, p);
}

static void send_bytes(struct play *f, enum sl_dir dir, uint32_t from, uint32_t n, uint8_t flags)
{
	struct sl_tuple t = tuple_from(&f->w, dir);

	put(f,
	        make_segment(&f->w.g, &t,
	                &(struct segment){.seq = f->w.end[dir].isn + 1 + from,
	                        .ack = ack_of(&f->w, dir),
	                        .flags = flags,
	                        .bytes = f->out[dir] + from,
	                        .len = n}),
	        dir == SL_ORIGINAL);
}

/* The connection that was expected last. */
static void meet(struct play *f, uint16_t sport)
{
	struct sl_tuple t = f->expected;

	if (!t.proto)
		return;
	t.sport = t.sport ? t.sport : sport;
	if (t.family == SL_IPV4 && !t.src.b[12])
		t.src = f->w.end[1].addr;
	send_tuple(&f->w, &t, "data", 4);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* New bytes of the sender, from the input. */
static void add(struct play *f, enum sl_dir dir, struct sl_bytes *in, uint32_t n)
{
	while (n-- && f->sent[dir] < STREAM && sl_bytes_left(in))
		f->out[dir][f->sent[dir]++] = sl_bytes_u8(in);
}

static void step_tcp(struct play *f, struct sl_bytes *in, uint8_t op)
{
	enum sl_dir dir = (enum sl_dir)(op & 1);
	const uint32_t *sent = &f->sent[dir];
	uint32_t n = 1 + (op >> 4) * 3u, before = *sent, back;

	switch (op >> 1 & 7) {
	case 0: /* the usual case, twice as likely */
	case 1:
		add(f, dir, in, n);
		send_bytes(f, dir, before, *sent - before, SL_ACK | SL_PSH);
		break;
	case 2:
		add(f, dir, in, 2 * n);
		back = before + (*sent - before) / 2;
		send_bytes(f, dir, back, *sent - back, SL_ACK | SL_PSH);
		send_bytes(f, dir, before, back - before, SL_ACK | SL_PSH);
		break;
	case 3:
		back = *sent < 2 * n ? 0 : *sent - 2 * n;
		send_bytes(f, dir, back, *sent - back < n ? *sent - back : n, SL_ACK | SL_PSH);
		break;
	case 4:
		send_bytes(f, dir, *sent, 0, SL_ACK);
		break;
	case 5:
		wait_ms(&f->w, n);
		break;
	case 6:
		if (op >> 4 == 15)
			meet(f, 50001);
		else
			add(f, dir, in, n);
		break;
	case 7:
		send_bytes(f, dir, *sent, 0, SL_ACK | SL_FIN);
	}
}

static void step_udp(struct play *f, struct sl_bytes *in, uint8_t op)
{
	enum sl_dir dir = (enum sl_dir)(op & 1);
	unsigned what = op >> 1 & 7;
	struct sl_tuple t = tuple_from(&f->w, dir);
	uint32_t n = 1 + (op >> 4) * 3u;

	f->sent[dir] = 0;
	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		add(f, dir, in, what == 3 ? n * 16 : n);
		for (unsigned i = 0; i < (what == 2 ? 2u : 1u); i++)
			put(f, make_datagram(&f->w.g, &t, f->out[dir], f->sent[dir]),
			        dir == SL_ORIGINAL);
		break;
	case 4:
	case 7:
		meet(f, what == 4 ? 50001 : 50002);
		break;
	case 5:
		wait_ms(&f->w, n * n);
		break;
	case 6:
		break;
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

int fuzz_dialogue(const struct fuzz_dialogue *d, const uint8_t *data, size_t size)
{
	static struct play f;
	struct sl_bytes in = sl_bytes_of(data, size);

	start(&f, d, sl_bytes_left(&in) ? sl_bytes_u8(&in) : 0);
	while (sl_bytes_left(&in)) {
		uint8_t op = sl_bytes_u8(&in);

		if (d->proto == SL_PROTO_TCP)
			step_tcp(&f, &in, op);
		else
			step_udp(&f, &in, op);
	}
	world_fini(&f.w);
	return 0;
}
