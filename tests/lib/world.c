/* SPDX-License-Identifier: BSD-2-Clause */
/* See world.h. */
#include "tests/lib/world.h"

#include "tests/lib/must.h"
#include "tests/lib/packets.h"

bool addr_is(const struct sl_addr *addr, const char *text)
{
	struct sl_addr other = addr_of(text);

	return sl_addr_eq(addr, &other);
}

struct sl_tuple tuple_from(const struct world *w, enum sl_dir dir)
{
	const struct end *from = &w->end[dir];

	return (struct sl_tuple){.src = from->addr,
	        .dst = from->to,
	        .sport = from->port,
	        .dport = from->to_port,
	        .proto = w->proto,
	        .family = w->family};
}

unsigned expects_alive(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->expects; i++)
		n += !w->expect[i].gone;
	return n;
}

/* ---- what is reported ------------------------------------------------------------------------ */

static void expectation_gone(struct world *w, const struct sl_event *event)
{
	struct sl_expect_info info;

	sl_expect_info(w->g.engine, event->expect, &info);
	for (unsigned i = 0; i < w->expects; i++) {
		if (w->expect[i].info.id != info.id)
			continue;
		w->expect[i].gone = true;
		w->expect[i].why = event->why;
	}
}

static void on_event(struct gateway *g, const struct sl_event *event)
{
	struct world *w = g->user;

	switch (event->type) {
	case SL_EVENT_EXPECT_NEW:
		MUST(w->expects < EXPECTS_MAX);
		sl_expect_info(g->engine, event->expect, &w->expect[w->expects++].info);
		break;
	case SL_EVENT_EXPECT_DESTROY:
		expectation_gone(w, event);
		break;
	case SL_EVENT_LOG:
		w->remark = event->why;
		break;
	case SL_EVENT_DESTROY:
		w->conns_ended++;
		break;
	default:
		break;
	}
	if (w->on_event)
		w->on_event(w, event);
}

/* ---- the policy ------------------------------------------------------------------------------ */

static uint8_t no_stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

/* What leaves the client's side for the outside; what comes to the public address. */
static bool translate(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct world *w = ctx;

	range->flags = SL_NAT_MAP_ADDR;
	if (w->nat == NAT_SRC && view->hook == SL_POSTROUTING && view->out_if == 2) {
		range->min_addr = range->max_addr = w->public_addr;
		return true;
	}
	if (w->nat & (NAT_DST | NAT_IN) && view->hook == SL_PREROUTING &&
	        sl_addr_eq(&view->parsed->tuple.dst, &w->public_addr)) {
		range->min_addr = range->max_addr = w->end[1].addr;
		return true;
	}
	return false;
}

/* ---- what leaves ----------------------------------------------------------------------------- */

/* Whose packet is it? -1: not of the connection. */
static int end_of(const struct world *w, const struct sl_tuple *t)
{
	for (int i = 0; i < 2; i++)
		if (sl_addr_eq(&t->dst, &w->end[i].addr) && t->dport == w->end[i].port &&
		        t->proto == w->proto && sl_addr_eq(&t->src, &w->end[i].to) &&
		        t->sport == w->end[i].to_port)
			return i;
	return -1;
}

static void receive(struct world *w, const struct sl_packet *p)
{
	const uint8_t *l4;
	uint32_t len;
	int end;

	check_sums(p);
	w->left = true;
	w->arrived = packet_tuple(p, &l4, &len);
	w->payload_len = w->arrived.proto == SL_PROTO_TCP ? 0 : len - 8;
	memcpy(w->payload, l4 + 8,
	        w->payload_len < sizeof(w->payload) ? w->payload_len : sizeof(w->payload));
	if (w->on_leave && w->on_leave(w, p))
		return;
	end = end_of(w, &w->arrived);
	if (end < 0) {
		MUST(!w->strict);
		return;
	}
	w->end[end].packets++;
	if (w->proto == SL_PROTO_TCP)
		receiver_take_segment(&w->in[end], l4, len);
	else
		receiver_take_datagram(&w->in[end], l4, len);
}

static void on_emit(struct gateway *g, struct sl_packet *p)
{
	struct world *w = g->user;

	w->made++;
	receive(w, p);
	packet_free(g, p);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static void check_engine(struct world *w)
{
	const char *bad = sl_engine_check(w->g.engine);

	if (bad)
		must_fail("%s", bad);
}

void send_packet(struct world *w, struct sl_packet p)
{
	w->left = false;
	sl_input(w->g.engine, &p, 1, w->g.now);
	w->state = p.state;
	w->reason = p.reason;
	w->conn = p.conn;
	if (p.beyond)
		w->beyond = (enum sl_beyond)p.beyond;
	w->held += p.verdict == SL_HELD;
	w->dropped += p.verdict == SL_DROP;
	if (p.verdict == SL_ACCEPT)
		receive(w, &p);
	if (p.verdict != SL_HELD)
		packet_free(&w->g, &p);
	check_engine(w);
}

void send_segment(struct world *w, enum sl_dir dir, const struct segment *segment)
{
	struct sl_tuple t = tuple_from(w, dir);

	send_packet(w, make_segment(&w->g, &t, segment));
}

uint32_t ack_of(const struct world *w, enum sl_dir dir)
{
	return w->in[dir].isn + 1 + receiver_has(&w->in[dir]);
}

void send_part(
        struct world *w, enum sl_dir dir, uint32_t at, const void *bytes, size_t from, size_t to)
{
	struct end *me = &w->end[dir];

	send_segment(w, dir,
	        &(struct segment){.seq = at + (uint32_t)from,
	                .ack = ack_of(w, dir),
	                .flags = SL_ACK | SL_PSH,
	                .bytes = (const uint8_t *)bytes + from,
	                .len = (uint32_t)(to - from)});
	if ((int32_t)(at + (uint32_t)to - me->next) > 0)
		me->next = at + (uint32_t)to;
}

void send_flags(struct world *w, enum sl_dir dir, uint8_t flags)
{
	send_segment(w, dir,
	        &(struct segment){.seq = w->end[dir].next,
	                .ack = flags & SL_ACK ? ack_of(w, dir) : 0,
	                .flags = flags});
}

void send_ack(struct world *w, enum sl_dir dir)
{
	send_flags(w, dir, SL_ACK);
}

void send_message(struct world *w, enum sl_dir dir, const void *bytes, size_t n)
{
	struct sl_tuple t = tuple_from(w, dir);

	if (w->proto == SL_PROTO_TCP)
		send_part(w, dir, w->end[dir].next, bytes, 0, n);
	else
		send_packet(w, make_datagram(&w->g, &t, bytes, (uint32_t)n));
}

void send_text(struct world *w, enum sl_dir dir, const char *text)
{
	send_message(w, dir, text, strlen(text));
}

void send_tuple(struct world *w, const struct sl_tuple *t, const void *bytes, size_t n)
{
	if (t->proto == SL_PROTO_TCP)
		send_packet(
		        w, make_segment(&w->g, t, &(struct segment){.seq = 1000, .flags = SL_SYN}));
	else if (t->proto == SL_PROTO_UDP)
		send_packet(w, make_datagram(&w->g, t, bytes, (uint32_t)n));
	else
		send_packet(w, make_gre(&w->g, t, bytes, (uint32_t)n));
}

void send_expected(struct world *w, const struct sl_expect_info *expect, uint16_t sport)
{
	struct sl_tuple t = expect->tuple;

	if (!expect->mask.sport)
		t.sport = sport ? sport : 50001;
	send_tuple(w, &t, "data", 4);
}

void wait_ms(struct world *w, uint64_t ms)
{
	w->g.now += ms * MS;
	sl_clock(w->g.engine, w->g.now, 0);
	check_engine(w);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static const struct {
	const char *inside[2], *outside[2]; /* [0] when it is the client's side */
} hosts[2] = {
        {{"10.0.0.2", "10.0.0.3"}, {"198.51.100.9", "198.51.100.7"}},
        {{"fd00::2", "fd00::3"}, {"2001:db8::9", "2001:db8::7"}},
};

/* Numbers of a connection that begins. */
static void fresh_numbers(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		w->end[i].next = w->end[i].isn;
		receiver_init(&w->in[i], w->end[!i].isn);
		w->in[i].acked = w->end[i].isn;
	}
}

static void place_ends(struct world *w, const struct scene *scene)
{
	struct end *client = &w->end[0], *server = &w->end[1];
	unsigned v6 = w->family == SL_IPV6;
	bool in = w->nat == NAT_IN;

	w->public_addr = public_addr(w->family);
	client->addr = addr_of(in ? hosts[v6].outside[0] : hosts[v6].inside[0]);
	server->addr = addr_of(in ? hosts[v6].inside[1] : hosts[v6].outside[1]);
	client->to = w->nat & (NAT_DST | NAT_IN) ? w->public_addr : server->addr;
	server->to = w->nat == NAT_SRC ? w->public_addr : client->addr;
	client->port = server->to_port = scene->client_port ? scene->client_port : 40000;
	server->port = client->to_port = scene->server_port
	                                         ? scene->server_port
	                                         : helper_named(scene->helper)->match[0].port;
	client->isn = 0xfffffff0; /* numbers turn round soon */
	server->isn = 5000;
	fresh_numbers(w);
}

void world_place(struct world *w, const struct scene *scene, unsigned nat)
{
	memset(w, 0, offsetof(struct world, in));
	gateway_init(&w->g, false);
	w->g.user = w;
	w->g.on_event = on_event;
	w->g.on_emit = on_emit;
	w->g.mtu[1] = w->g.mtu[2] = 1500;
	w->g.prefix = 24;
	w->policy = (struct sl_policy){.stages = no_stages, .nat = translate};
	w->g.config.policy = &w->policy;
	w->g.config.policy_ctx = w;
	w->g.config.table_max = 64;
	w->nat = nat;
	w->family = scene->family;
	w->proto = scene->proto;
	place_ends(w, scene);
}

void world_start(struct world *w, const char *helper)
{
	const struct sl_helper *h = helper_named(helper);

	gateway_start(&w->g);
	if (h->match[0].port)
		MUST(sl_helper_register(w->g.engine, h, true));
	else /* its port is dynamic: the scene's */
		MUST(sl_helper_register_port(w->g.engine, h, w->end[1].port));
}

void world_init(struct world *w, const struct scene *scene, unsigned nat)
{
	world_place(w, scene, nat);
	world_start(w, scene->helper);
	world_open(w);
}

void world_open(struct world *w)
{
	if (w->proto != SL_PROTO_TCP)
		return;
	send_flags(w, SL_ORIGINAL, SL_SYN);
	w->end[0].next++;
	send_flags(w, SL_REPLY, SL_SYN | SL_ACK);
	w->end[1].next++;
	send_ack(w, SL_ORIGINAL);
}

void world_pick_up(struct world *w)
{
	w->end[0].next++;
	w->end[1].next++;
	send_ack(w, SL_ORIGINAL);
	send_ack(w, SL_REPLY);
}

void world_second_client(struct world *w)
{
	bool anything = w->in[0].anything;

	fresh_numbers(w);
	if (anything)
		world_anything(w);
	w->end[0].addr.b[15] = 4;
	if (w->nat != NAT_SRC)
		w->end[1].to = w->end[0].addr;
	w->end[0].port = 40001;
	w->end[1].to_port = 40001;
	world_open(w);
}

void world_must(struct world *w, enum sl_dir to, const void *bytes, size_t n)
{
	receiver_must(&w->in[to], bytes, n);
}

void world_must_text(struct world *w, enum sl_dir to, const char *text)
{
	world_must(w, to, text, strlen(text));
}

void world_anything(struct world *w)
{
	w->in[0].anything = w->in[1].anything = true;
}

void world_complete(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		MUST(w->in[i].anything || receiver_has(&w->in[i]) == w->in[i].must_len);
		send_ack(w, (enum sl_dir)i);
	}
	for (unsigned i = 0; i < 2; i++)
		MUST(w->in[i].acked == w->end[i].next);
}

void world_fini(struct world *w)
{
	gateway_end(&w->g);
}
