/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same gateway as kernel.c makes, out of libsluice: the same addresses, the same routes, and the
 * same clock.
 */
#define _GNU_SOURCE
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sluice/rules.h>

#include "kernel.h"
#include "prog/ruleset.h"

struct half {
	struct sl_rules *rules;
	struct sl_engine *engine;
	struct outcome made; /* what the engine emitted for the packet at hand */
	enum half_manner manner;
	uint64_t counted; /* ns, unless REAL */
	struct conns *conns;
};

enum { IN_IF = 2, OUT_IF = 3 };

static void *get(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

/* ---- the gateway ---- */

static const uint8_t inside4[4] = {192, 168, 0, 1}, outside4[4] = {203, 0, 113, 1};
static const uint8_t inside6[16] = {0xfd, 0, 0, 1, [15] = 1},
                     outside6[16] = {0x20, 1, 0x0d, 0xb8, 0xff, 0xff, [15] = 1};

static bool is_local(void *ctx, const struct sl_addr *a, enum sl_family family)
{
	struct sl_addr own[2] = {family == SL_IPV4 ? sl_addr_v4(inside4) : sl_addr_v6(inside6),
	        family == SL_IPV4 ? sl_addr_v4(outside4) : sl_addr_v6(outside6)};

	const struct sl_addr loopback = sl_addr_v6((const uint8_t[16]){[15] = 1});

	(void)ctx;
	return sl_addr_eq(a, &own[0]) || sl_addr_eq(a, &own[1]) ||
	       (family == SL_IPV4 ? a->b[12] == 127 : sl_addr_eq(a, &loopback));
}

/* 255.255.255.255, and 224.0.0.1, which every host of IPv4 hears. */
static bool is_for_all(const struct sl_addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255}, hosts[4] = {224, 0, 0, 1};

	return !memcmp(a->b + 12, broadcast, 4) || !memcmp(a->b + 12, hosts, 4);
}

static bool is_inside(const struct sl_addr *a, unsigned family)
{
	return family == SL_IPV4 ? a->b[12] == 10 : a->b[0] == 0xfd && a->b[1] == 0;
}

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *r)
{
	bool v4 = q->family == SL_IPV4, in;

	(void)ctx;
	if (is_local(NULL, &q->dst, (enum sl_family)q->family) ||
	        (v4 && q->in_if && is_for_all(&q->dst))) {
		r->kind = SL_ROUTE_LOCAL;
		r->out_if = q->in_if ? q->in_if : 1;
		r->source = q->dst;
		r->has_source = true;
		return;
	}
	in = q->first_address ? q->in_if == IN_IF
	     : q->from == SL_FROM_LOCAL || !q->in_if
	             ? q->mark == 0x77 || is_inside(&q->dst, q->family)
	             : q->in_if == OUT_IF;
	r->kind = SL_ROUTE_FORWARD;
	r->out_if = in ? IN_IF : OUT_IF;
	r->mtu = 65535;
	r->source = v4 ? sl_addr_v4(in ? inside4 : outside4) : sl_addr_v6(in ? inside6 : outside6);
	r->has_source = true;
}

static uint32_t route_if(void *ctx, const struct sl_addr *a, enum sl_family family, uint32_t in_if,
        uint32_t mark)
{
	(void)ctx, (void)in_if, (void)mark;
	if (is_local(NULL, a, family))
		return 1;
	return is_inside(a, family) ? IN_IF : OUT_IF;
}

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == IN_IF ? "in0" : index == OUT_IF ? "out0" : index == 1 ? "lo" : NULL;
}

/* ---- packets that the engine makes ---- */

static bool alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	uint8_t *data = calloc(1, len + 512);

	(void)ctx;
	if (data)
		*p = (struct sl_packet){.handle = data,
		        .data = data + 256,
		        .len = len,
		        .headroom = 256,
		        .tailroom = 256};
	return data;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	struct sl_packet copy;

	if (!alloc(ctx, &copy, p->len))
		return false;
	memcpy(copy.data, p->data, p->len);
	p->handle = copy.handle;
	p->data = copy.data;
	p->headroom = p->tailroom = 256;
	return true;
}

static void release(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct outcome *made = &((struct half *)ctx)->made;

	if (cause && p->len <= OUT_MAX - made->len) {
		made->fate = p->to == SL_TO_LOCAL ? FATE_LOCAL : FATE_FORWARDED;
		made->where = p->to == SL_TO_LOCAL ? FROM_LOCAL
		              : p->out_if == IN_IF ? FROM_IN
		                                   : FROM_OUT;
		made->mark = p->mark;
		memcpy(made->data + made->len, p->data, p->len);
		made->len += p->len;
		made->pieces++;
	}
	release(ctx, p);
}

/* ---- life ---- */

static FILE *complaints;

/* As kernel.c sets it. */
static const struct {
	const char *name;
	uint32_t value;
} unlimited[] = {{"icmp_ratelimit", 0}, {"icmpv6_ratelimit", 0}, {"icmp_msgs_per_sec", 1000000},
        {"icmp_msgs_burst", 1000000}};

static uint64_t now(const struct half *h)
{
	struct timespec t;

	if (h->manner != HALF_REAL)
		return h->counted;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void ignore(void *ctx, const struct sl_trace *trace)
{
	(void)ctx, (void)trace;
}

static bool start(struct half *h)
{
	struct sl_env env = {.mem = {get, give, NULL},
	        .ctx = h,
	        .seed = {7},
	        .route = route,
	        .alloc = alloc,
	        .keep = keep,
	        .free = release,
	        .emit = emit,
	        .trace = h->manner == HALF_ASKED ? ignore : NULL};
	struct sl_config config;

	sl_config_init(&config);
	config.table_max = CONNS_MAX;
	config.forward_ttl = true;
	config.start = now(h);
	config.policy = &sl_rules_policy;
	config.policy_ctx = h->rules;
	h->engine = sl_engine_create(&config, &env);
	for (unsigned i = 0; h->engine && i < sizeof unlimited / sizeof *unlimited; i++)
		sl_tunable_set(h->engine, unlimited[i].name, unlimited[i].value);
	for (const struct sl_helper *const *helper = sl_helpers_builtin(); h->engine && *helper;
	        helper++)
		sl_helper_register(h->engine, *helper, false);
	return h->engine;
}

/* sl__ruleset_load() reports to stderr: caught in a file. */
static struct sl_rules *load(const char *file, char *said, size_t size)
{
	static const struct sl_ruleset_options none;
	static const struct sl_rules_env env = {.if_name = if_name,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper};
	struct sl_rules *rules;
	int err = dup(2);
	size_t n;

	if (!complaints)
		complaints = tmpfile();
	fflush(stderr);
	rewind(complaints);
	if (ftruncate(fileno(complaints), 0) == 0)
		dup2(fileno(complaints), 2);
	rules = sl__ruleset_load(file, &none, &env);
	fflush(stderr);
	dup2(err, 2);
	close(err);
	rewind(complaints);
	n = fread(said, 1, size - 1, complaints);
	said[n] = 0;
	return rules;
}

struct half *half_create(const char *file, enum half_manner manner, char *said, size_t size)
{
	struct half *h = calloc(1, sizeof *h);

	h->manner = manner;
	h->counted = 1000000000;
	h->rules = load(file, said, size);
	if (!h->rules || !start(h)) {
		free(h);
		return NULL;
	}
	return h;
}

void half_destroy(struct half *h)
{
	const char *bad = sl_engine_check(h->engine);

	if (bad)
		fprintf(stderr, "the engine's own check: %s\n", bad);
	sl_engine_destroy(h->engine);
	sl_rules_destroy(h->rules);
	free(h);
}

void half_wait(struct half *h, unsigned ms)
{
	h->counted += (uint64_t)ms * 1000000;
	sl_clock(h->engine, now(h), 0);
}

static uint8_t class_of(const struct sl_packet *p)
{
	switch (p->state) {
	case SL_CT_INVALID:
		return CLASS_INVALID;
	case SL_CT_UNTRACKED:
		return CLASS_UNTRACKED;
	case SL_CT_NEW:
		return (uint8_t)(CLASS_FIRST + p->dir);
	case SL_CT_ESTABLISHED:
		return (uint8_t)(CLASS_FIRST + 2 + p->dir);
	case SL_CT_RELATED:
		return (uint8_t)(CLASS_FIRST + 4 + p->dir);
	default:
		return CLASS_NONE;
	}
}

void half_put(
        struct half *h, enum place from, const uint8_t *data, uint32_t len, struct outcome *out)
{
	static uint8_t room[PACKET_MAX + 512];
	struct sl_packet p = {.data = room + 256,
	        .len = len,
	        .headroom = 256,
	        .tailroom = 256 + PACKET_MAX - len,
	        .in_if = from == FROM_IN    ? IN_IF
	                 : from == FROM_OUT ? OUT_IF
	                                    : 0,
	        .from = from == FROM_LOCAL ? SL_FROM_LOCAL : SL_FROM_WIRE,
	        .mark = from == FROM_LOCAL ? OWN_MARK : 0};

	memset(out, 0, offsetof(struct outcome, data));
	memcpy(p.data, data, len);
	memset(&h->made, 0, offsetof(struct outcome, data));
	h->counted += 1000;
	sl_input(h->engine, &p, 1, now(h));
	out->ct = class_of(&p);
	out->why = p.reason ? sl_reason_name((enum sl_reason)p.reason) : NULL;
	if (p.verdict == SL_ACCEPT) {
		out->fate = p.to == SL_TO_LOCAL ? FATE_LOCAL : FATE_FORWARDED;
		out->where = p.out_if == IN_IF ? FROM_IN : FROM_OUT;
		out->mark = p.mark;
		out->pieces = 1;
		out->len = p.len;
		memcpy(out->data, p.data, p.len);
	} else if (h->made.pieces) { /* its pieces, or an answer */
		out->fate = p.verdict == SL_TAKEN ? h->made.fate : FATE_NONE;
		out->answered = p.verdict == SL_DROP;
		out->where = h->made.where;
		out->mark = out->answered ? 0 : h->made.mark;
		out->pieces = h->made.pieces;
		out->len = h->made.len;
		memcpy(out->data, h->made.data, h->made.len);
	}
}

/* ---- what there is in the end ---- */

static void put_end(const struct sl_tuple *t, struct end *e)
{
	bool v6 = t->family == SL_IPV6;

	memcpy(e->src, t->src.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	memcpy(e->dst, t->dst.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	e->sport = t->sport;
	e->dport = t->dport;
}

static void visit(void *ctx, struct sl_conn *conn)
{
	struct half *h = ctx;
	struct conn *c = &h->conns->at[h->conns->count];
	struct sl_conn_info i;

	if (h->conns->count == CONNS_MAX)
		return;
	h->conns->count++;
	memset(c, 0, sizeof *c);
	sl_conn_info(h->engine, conn, &i);
	c->family = i.tuple[0].family == SL_IPV6 ? 6 : 4;
	c->proto = i.tuple[0].proto;
	c->tcp_state = c->proto == SL_PROTO_TCP ? i.l4_state : 0;
	for (unsigned dir = 0; dir < 2; dir++) {
		put_end(&i.tuple[dir], &c->tuple[dir]);
		c->zone[dir] = i.zone_dirs >> dir & 1 ? i.zone : 0;
		c->packets[dir] = i.packets[dir];
		c->bytes[dir] = i.bytes[dir];
	}
	c->status = i.status;
	c->timeout = i.timeout;
	c->mark = i.mark;
	c->has_master = i.has_master;
	if (i.helper)
		snprintf(c->helper, sizeof c->helper, "%s", i.helper);
}

void half_conns(struct half *h, struct conns *out)
{
	uint64_t cursor = 0;

	h->conns = out;
	out->count = 0;
	while (sl_conn_walk(h->engine, &cursor, 4096, visit, h))
		;
}

static struct {
	char text[8 << 20];
	size_t len;
} listing;

static void append(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	if (len > sizeof listing.text - 1 - listing.len)
		len = sizeof listing.text - 1 - listing.len;
	memcpy(listing.text + listing.len, text, len);
	listing.len += len;
}

const char *half_list(struct half *h)
{
	listing.len = 0;
	sl_rules_print(h->rules, append, NULL);
	listing.text[listing.len] = 0;
	return listing.text;
}
