/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sluice/netfilter2000.h>: the two halves of a helper of 2000, put together into one record.
 *
 * A `pair` is made by the first half that registers a tuple, and goes with the last; its record is
 * registered with the engine meanwhile. Whichever half is missing is not called. The connection as
 * modules see it (struct ip_conntrack) is the record's per-connection data, its tuples are written
 * anew for each call.
 *
 * Ownership. Modules own what they register; pairs are the host's, and through it the caller's
 * memory. Nothing of a module is called after its unregister functions were.
 */
#include <sluice/netfilter2000.h>

#include <sluice/helper.h>
#include <sluice/sluice.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/wire.h"

enum { IP_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8, MESSAGE_MAX = 4096, NAME_MAX = 32 };
enum { E_NOMEM = -12, E_BUSY = -16, E_INVAL = -22, E_ABI = -8 };

struct pair {
	struct sl_helper record; /* first: sl_help_record() names the pair */
	struct sl_list link;
	struct nf2000 *host;
	char name[NAME_MAX];
	struct ip_conntrack_tuple tuple, mask;
	struct ip_conntrack_helper *track;
	struct ip_nat_helper *nat;
};

/* Who asks a new related connection: filled slots are asked in order. */
enum { EXPECTS_MAX = 16 };

struct nf2000 {
	struct sl_engine *engine;
	const struct sl_mem *mem;
	struct sl_list pairs;
	struct ip_nat_expect *expects[EXPECTS_MAX];
	uint8_t packet[IP_HEADER + TCP_HEADER + MESSAGE_MAX]; /* what help functions get */
};

/* What a call of a module's function is about; ct->call points to it meanwhile. */
struct call {
	struct sl_help *help;
	struct sl_message *message;
	struct sl_related *related; /* in an expected function */
	unsigned headers;           /* bytes before the message */
};

/* ---- tuples ---------------------------------------------------------------------------------- */

/* What stands in memory as these bytes in network order. */
static uint32_t net32(const uint8_t *bytes)
{
	uint32_t v;

	memcpy(&v, bytes, sizeof(v));
	return v;
}

static uint16_t net16(uint16_t v)
{
	uint8_t bytes[2];

	sl_put16(bytes, v);
	memcpy(&v, bytes, sizeof(v));
	return v;
}

/* Its own inverse. */
static uint16_t host16(uint16_t v)
{
	return net16(v);
}

static struct sl_addr address(uint32_t ip)
{
	uint8_t bytes[4];

	memcpy(bytes, &ip, sizeof(bytes));
	return sl_addr_v4(bytes);
}

static void to_2000(const struct sl_tuple *t, struct ip_conntrack_tuple *out)
{
	memset(out, 0, sizeof(*out));
	out->src.ip = net32(t->src.b + 12);
	out->src.u.all = net16(t->sport);
	out->dst.ip = net32(t->dst.b + 12);
	out->dst.u.all = net16(t->dport);
	out->dst.protonum = t->proto;
}

static bool same(const struct ip_conntrack_tuple *a, const struct ip_conntrack_tuple *b)
{
	return a->src.ip == b->src.ip && a->src.u.all == b->src.u.all && a->dst.ip == b->dst.ip &&
	       a->dst.u.all == b->dst.u.all && a->dst.protonum == b->dst.protonum;
}

static struct ip_conntrack *connection(struct sl_help *help, struct call *call)
{
	struct ip_conntrack *ct = sl_help_data(help);
	struct sl_tuple t;

	for (unsigned dir = 0; dir < 2; dir++) {
		sl_help_tuple(help, (enum sl_dir)dir, &t);
		to_2000(&t, &ct->tuplehash[dir].tuple);
	}
	ct->nat.info.initialized = 1;
	ct->call = call;
	return ct;
}

static bool is_translated(const struct ip_conntrack *ct)
{
	const struct ip_conntrack_tuple *there = &ct->tuplehash[0].tuple,
	                                *back = &ct->tuplehash[1].tuple;

	return there->src.ip != back->dst.ip || there->dst.ip != back->src.ip ||
	       there->src.u.all != back->dst.u.all || there->dst.u.all != back->src.u.all;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* The message as a packet, as its sender would have sent it; returns the bytes of its headers. */
static unsigned make_packet(
        struct nf2000 *host, const struct sl_message *m, const struct sl_tuple *t)
{
	size_t n = sl_text_left(&m->text);
	unsigned headers = IP_HEADER + (t->proto == SL_PROTO_TCP ? TCP_HEADER : UDP_HEADER);
	uint8_t *d = host->packet;

	memset(d, 0, headers);
	d[0] = 0x45;
	sl_put16(d + 2, (uint16_t)(headers + n));
	d[8] = 64;
	d[9] = t->proto;
	memcpy(d + 12, t->src.b + 12, 4);
	memcpy(d + 16, t->dst.b + 12, 4);
	sl_put16(d + IP_HEADER, t->sport);
	sl_put16(d + IP_HEADER + 2, t->dport);
	if (t->proto == SL_PROTO_TCP)
		d[IP_HEADER + 12] = TCP_HEADER / 4 << 4;
	else
		sl_put16(d + IP_HEADER + 4, (uint16_t)(UDP_HEADER + n));
	memcpy(d + headers, m->text.at, n);
	return headers;
}

static enum sl_help_result help_with(struct sl_help *help, struct sl_message *m)
{
	const struct pair *pair = (const struct pair *)(const void *)sl_help_record(help);
	enum ip_conntrack_info info = m->dir == SL_REPLY ? IP_CT_IS_REPLY : IP_CT_ESTABLISHED;
	struct call call = {.help = help, .message = m};
	struct nf2000 *host = pair->host;
	struct sk_buff skb, *pskb = &skb;
	struct ip_conntrack *ct;
	struct sl_tuple own;
	size_t n = sl_text_left(&m->text);
	unsigned verdict = NF_ACCEPT;

	if (n > MESSAGE_MAX)
		return SL_PASS;
	sl_help_tuple(help, m->dir, &own);
	call.headers = make_packet(host, m, &own);
	ct = connection(help, &call);
	skb = (struct sk_buff){
	        .data = host->packet, .len = call.headers + (unsigned)n, .message = &call};
	skb.nh.raw = host->packet;
	if (pair->track && pair->track->help(skb.nh.iph, skb.len, ct, info) == NF_DROP)
		verdict = NF_DROP;
	if (verdict == NF_ACCEPT && pair->nat && is_translated(ct))
		verdict = pair->nat->help(ct, &ct->nat.info, info, NF_IP_POST_ROUTING, &pskb);
	ct->call = NULL;
	return verdict == NF_DROP ? sl_refuse(help, SL_WHY_HELPER_DROP) : SL_PASS;
}

static int mangle(
        struct sk_buff *skb, unsigned offset, unsigned len, const char *bytes, unsigned size)
{
	struct call *call = skb->message;

	return call && call->message &&
	       sl_replace(call->help, call->message, offset, len, bytes, size);
}

/* ---- expectations ---------------------------------------------------------------------------- */

static void ones(struct sl_addr *a, bool wanted)
{
	memset(a->b, 0xff, wanted ? 16 : 12);
}

static int expect_related(struct ip_conntrack *ct, const struct ip_conntrack_tuple *t)
{
	struct sl_expectation e = {.reason = "as a module of 2000 wants it"};
	struct call *call = ct->call;

	if (!call || !t->dst.ip || !t->dst.u.all || !t->dst.protonum || t->dst.protonum > 255)
		return E_INVAL;
	e.tuple = (struct sl_tuple){.src = address(t->src.ip),
	        .dst = address(t->dst.ip),
	        .sport = host16(t->src.u.all),
	        .dport = host16(t->dst.u.all),
	        .proto = (uint8_t)t->dst.protonum,
	        .family = SL_IPV4};
	e.mask = (struct sl_tuple){.sport = t->src.u.all ? 0xffff : 0,
	        .dport = 0xffff,
	        .proto = 0xff,
	        .family = SL_IPV4};
	ones(&e.mask.src, t->src.ip);
	ones(&e.mask.dst, true);
	return sl_expect_related(call->help, &e) == SL_WHY_NONE ? 0 : E_BUSY;
}

/* Only what the hook manipulates is taken: the destination before routing, the source after. */
static unsigned setup_info(
        struct ip_conntrack *ct, const struct ip_nat_multi_range *range, unsigned hooknum)
{
	const struct ip_nat_range *r = &range->range[0];
	struct call *call = ct->call;
	struct sl_endpoint *end;

	if (!call || !call->related || range->rangesize < 1)
		return NF_DROP;
	end = hooknum == NF_IP_POST_ROUTING ? &call->related->src : &call->related->dst;
	if (r->flags & IP_NAT_RANGE_MAP_IPS)
		end->addr = address(r->min_ip);
	if (r->flags & IP_NAT_RANGE_PROTO_SPECIFIED)
		end->port = host16(r->min.all);
	if (hooknum == NF_IP_POST_ROUTING)
		call->related->src_nat = true;
	else
		call->related->dst_nat = true;
	ct->nat.info.initialized = 1;
	return NF_ACCEPT;
}

/* One hook: who wants the connection? */
static unsigned ask(
        struct nf2000 *host, unsigned hooknum, struct ip_conntrack *ct, struct ip_conntrack *master)
{
	struct sk_buff none = {.len = 0}, *pskb = &none;
	unsigned verdict = NF_ACCEPT;

	for (unsigned i = 0; i < EXPECTS_MAX; i++)
		if (host->expects[i] && host->expects[i]->expect(&pskb, hooknum, ct, &ct->nat.info,
		                                master, &master->nat.info, &verdict))
			return verdict;
	return NF_ACCEPT;
}

static enum sl_reason expected(struct sl_help *help, struct sl_related *related)
{
	const struct pair *pair = (const struct pair *)(const void *)sl_help_record(help);
	struct call call = {.help = help, .related = related};
	struct ip_conntrack *master = connection(help, &call), ct = {.call = &call};
	unsigned verdict = NF_ACCEPT;

	to_2000(&related->tuple, &ct.tuplehash[IP_CT_DIR_ORIGINAL].tuple);
	ct.tuplehash[IP_CT_DIR_REPLY].tuple.src.ip = ct.tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.ip;
	ct.tuplehash[IP_CT_DIR_REPLY].tuple.src.u = ct.tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u;
	ct.tuplehash[IP_CT_DIR_REPLY].tuple.dst.ip = ct.tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.ip;
	ct.tuplehash[IP_CT_DIR_REPLY].tuple.dst.u = ct.tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u;
	ct.tuplehash[IP_CT_DIR_REPLY].tuple.dst.protonum = related->tuple.proto;
	if (is_translated(master)) {
		verdict = ask(pair->host, NF_IP_PRE_ROUTING, &ct, master);
		if (verdict == NF_ACCEPT)
			verdict = ask(pair->host, NF_IP_POST_ROUTING, &ct, master);
	}
	master->call = NULL;
	return verdict == NF_DROP ? SL_WHY_HELPER_DROP : SL_WHY_NONE;
}

/* ---- registering ----------------------------------------------------------------------------- */

static struct pair *find(struct nf2000 *host, const struct ip_conntrack_tuple *tuple,
        const struct ip_conntrack_tuple *mask)
{
	SL_LIST_EACH(it, &host->pairs)
	{
		struct pair *pair = SL_CONTAINER(it, struct pair, link);

		if (same(&pair->tuple, tuple) && same(&pair->mask, mask))
			return pair;
	}
	return NULL;
}

static void put_name(struct pair *pair, const char *name)
{
	struct sl_out out = sl_out_of(pair->name, NAME_MAX - 1);

	if (name) {
		sl_text_put_bytes(
		        &out, name, strlen(name) < NAME_MAX ? strlen(name) : NAME_MAX - 1);
	} else {
		sl_text_put_str(&out, "nf2000-");
		sl_text_put_uint(&out, host16(pair->tuple.dst.u.all));
	}
	pair->name[sl_out_len(&out)] = '\0';
}

static int make_pair(struct nf2000 *host, const char *name, const struct ip_conntrack_tuple *tuple,
        const struct ip_conntrack_tuple *mask, struct pair **out)
{
	struct pair *pair;

	if (!tuple->dst.protonum || tuple->dst.protonum > 255 || !tuple->dst.u.all)
		return E_INVAL;
	pair = sl__alloc(host->mem, sizeof(*pair));
	if (!pair)
		return E_NOMEM;
	pair->host = host;
	pair->tuple = *tuple;
	pair->mask = *mask;
	put_name(pair, name);
	pair->record = (struct sl_helper){SL_HELPER_HEADER, .name = pair->name,
	        .match = {{.family = SL_IPV4,
	                .proto = (uint8_t)tuple->dst.protonum,
	                .port = host16(tuple->dst.u.all),
	                .port_mask = host16(mask->dst.u.all)}},
	        .classes = {{.name = "related", .max = 1, .timeout = 300}},
	        .framing = tuple->dst.protonum == SL_PROTO_TCP ? SL_FRAME_LINE : SL_FRAME_DATAGRAM,
	        .message_max = MESSAGE_MAX, .data_size = sizeof(struct ip_conntrack),
	        .message = {help_with, help_with}, .expected = expected};
	if (!sl_helper_register(host->engine, &pair->record, true)) {
		sl__free(host->mem, pair, sizeof(*pair));
		return E_BUSY;
	}
	sl__list_append(&host->pairs, &pair->link);
	*out = pair;
	return 0;
}

static void drop_pair(struct pair *pair)
{
	sl_helper_unregister(pair->host->engine, &pair->record);
	sl__list_remove(&pair->link);
	sl__free(pair->host->mem, pair, sizeof(*pair));
}

/* The pair that these tuples name, made if neither half is there yet. */
static int pair_of(struct nf2000 *host, const char *name, const struct ip_conntrack_tuple *tuple,
        const struct ip_conntrack_tuple *mask, struct pair **out)
{
	*out = find(host, tuple, mask);
	return *out ? 0 : make_pair(host, name, tuple, mask, out);
}

static void drop_if_empty(struct pair *pair)
{
	if (!pair->track && !pair->nat)
		drop_pair(pair);
}

static int helper_register(struct nf2000 *host, struct ip_conntrack_helper *helper)
{
	struct pair *pair;
	int error = pair_of(host, helper->name, &helper->tuple, &helper->mask, &pair);

	if (error)
		return error;
	if (pair->track)
		return E_BUSY;
	pair->track = helper;
	return 0;
}

static void helper_unregister(struct nf2000 *host, struct ip_conntrack_helper *helper)
{
	struct pair *pair = find(host, &helper->tuple, &helper->mask);

	if (!pair || pair->track != helper)
		return;
	pair->track = NULL;
	drop_if_empty(pair);
}

static int nat_register(struct nf2000 *host, struct ip_nat_helper *helper)
{
	struct pair *pair;
	int error = pair_of(host, helper->name, &helper->tuple, &helper->mask, &pair);

	if (error)
		return error;
	if (pair->nat)
		return E_BUSY;
	pair->nat = helper;
	return 0;
}

static void nat_unregister(struct nf2000 *host, struct ip_nat_helper *helper)
{
	struct pair *pair = find(host, &helper->tuple, &helper->mask);

	if (!pair || pair->nat != helper)
		return;
	pair->nat = NULL;
	drop_if_empty(pair);
}

static int expect_register(struct nf2000 *host, struct ip_nat_expect *expect)
{
	for (unsigned i = 0; i < EXPECTS_MAX; i++) {
		if (host->expects[i])
			continue;
		host->expects[i] = expect;
		return 0;
	}
	return E_NOMEM;
}

static void expect_unregister(struct nf2000 *host, struct ip_nat_expect *expect)
{
	for (unsigned i = 0; i < EXPECTS_MAX; i++)
		if (host->expects[i] == expect)
			host->expects[i] = NULL;
}

static const struct nf2000_ops ops = {
        .helper_register = helper_register,
        .helper_unregister = helper_unregister,
        .nat_register = nat_register,
        .nat_unregister = nat_unregister,
        .expect_register = expect_register,
        .expect_unregister = expect_unregister,
        .expect_related = expect_related,
        .setup_info = setup_info,
        .mangle = mangle,
};

/* ---- hosts ----------------------------------------------------------------------------------- */

struct nf2000 *sl_nf2000_create(struct sl_engine *engine, const struct sl_mem *mem)
{
	struct nf2000 *host = sl__alloc(mem, sizeof(*host));

	if (!host)
		return NULL;
	host->engine = engine;
	host->mem = mem;
	sl__list_init(&host->pairs);
	return host;
}

void sl_nf2000_destroy(struct nf2000 *host)
{
	if (!host)
		return;
	SL_LIST_EACH_SAFE(it, &host->pairs)
		drop_pair(SL_CONTAINER(it, struct pair, link));
	sl__free(host->mem, host, sizeof(*host));
}

int sl_nf2000_load(struct nf2000 *host, const struct nf2000_module *module)
{
	struct nf2000_link *link;

	if (module->abi != NF2000_ABI || module->size != sizeof(*module))
		return E_ABI;
	link = module->link();
	link->ops = &ops;
	link->host = host;
	return module->init();
}
