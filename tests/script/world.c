/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedder: a gateway between in0 (inside) and out0 (outside).
 *
 *	10.0.0.0/8, 172.16.0.0/12,   in0 [10.0.0.1, fd00::1]
 *	192.168.0.0/16, fc00::/7   ---- gateway ----  everything else
 *	                             out0 [203.0.113.1, 2001:db8:ffff::1]
 *
 * Every packet is an allocation of its own that ends where the packet ends (and its tail room), so
 * that a byte read too far is seen. Memory and packets are counted; any call can be told to fail.
 *
 * With several shards this is also the router between them: a packet goes to the engine that
 * sl_home() names, and on SL_HANDOVER, unchanged, to the one that engine names.
 */
#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "tests/model/model.h"

#include <sluice/helper.h>

#include "base/wire.h"

#define MOST_HOPS    4 /* engines that see a packet: it is handed over three times at most */
#define MOST_PASSING 16

/* ---- memory ------------------------------------------------------------------------------ */

static void *get(void *ctx, size_t size, size_t align)
{
	struct world *w = ctx;
	void *p;

	w->allocs++;
	if (w->fail_at && w->allocs >= w->fail_at && w->allocs < w->fail_at + w->fail_for)
		return NULL;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	if (!p)
		abort();
	memset(p, 0xa5, size);
	w->held += size;
	return p;
}

static void give(void *ctx, void *p, size_t size)
{
	struct world *w = ctx;

	w->held -= size;
	free(p);
}

static bool fails(struct world *w, unsigned op)
{
	return ++w->op_calls[op] == w->op_fail_at[op];
}

/* ---- packets ----------------------------------------------------------------------------- */

static void make_room(
        struct sl_packet *p, const void *bytes, uint32_t len, uint32_t head, uint32_t tail)
{
	uint8_t *room = malloc((size_t)head + len + tail + 1);

	if (!room)
		abort();
	memset(room, 0xa5, (size_t)head + len + tail);
	if (len && bytes)
		memcpy(room + head, bytes, len);
	p->handle = room;
	p->data = room + head;
	p->len = len;
	p->headroom = head;
	p->tailroom = tail;
}

static bool contiguous(void *ctx, struct sl_packet *p, uint32_t len)
{
	return !fails(ctx, OP_CONTIGUOUS) && len <= p->len;
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	void *old = p->handle;

	if (fails(ctx, OP_GROW))
		return false;
	make_room(p, p->data, p->len, headroom, tailroom);
	free(old);
	return true;
}

static bool fresh(void *ctx, struct sl_packet *p, uint32_t len)
{
	struct world *w = ctx;

	if (fails(w, OP_ALLOC))
		return false;
	memset(p, 0, sizeof(*p));
	make_room(p, NULL, len, 64, 64);
	w->live++;
	return true;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	(void)p;
	return !fails(ctx, OP_KEEP);
}

static void release(void *ctx, struct sl_packet *p)
{
	((struct world *)ctx)->live--;
	free(p->handle);
	p->handle = NULL;
}

/* To which outcome does what is caused by `packet` belong? */
static struct outcome *outcome_of(struct world *w, const struct sl_packet *packet)
{
	if (!packet && w->batch && w->batch_n != 1) {
		snprintf(w->bad, sizeof(w->bad),
		        "something without a cause happened within a batch");
		return w->outcomes;
	}
	if (!packet)
		return w->outcomes;
	for (unsigned i = 0; i < w->batch_n; i++)
		if (packet == &w->batch[i])
			return &w->outcomes[i];
	snprintf(w->bad, sizeof(w->bad), "a cause is none of the packets put in");
	return w->outcomes;
}

static struct seen_packet copy_of(const void *data, uint32_t len)
{
	struct seen_packet s = {malloc(len + 1), len};

	if (!s.data)
		abort();
	memcpy(s.data, data, len);
	return s;
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct world *w = ctx;
	struct outcome *o = outcome_of(w, cause);

	if (p->verdict == SL_HANDOVER) { /* another shard's: do_packets() passes it over */
		if (w->passing_n < MOST_PASSING)
			w->passing[w->passing_n++] = *p;
		else
			snprintf(w->bad, sizeof(w->bad), "too many packets between shards");
		return;
	}
	o->emitted = realloc(o->emitted, (o->emitted_n + 1) * sizeof(*o->emitted));
	o->emitted[o->emitted_n++] = copy_of(p->data, p->len);
	if (!*w->bad && p->csum != SL_CSUM_PARTIAL && fields_sums(p->data, p->len))
		snprintf(w->bad, sizeof(w->bad), "emitted: %s", fields_sums(p->data, p->len));
	w->live--;
	free(p->handle);
}

/* ---- routes and events ------------------------------------------------------------------- */

static bool in_prefix(const struct sl_addr *a, const struct sl_addr *net, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a->b[i / 8] ^ net->b[i / 8]) & 0x80u >> i % 8)
			return false;
	return true;
}

bool world_is_own(const struct sl_addr *a)
{
	static const char *const own[] = {
	        "203.0.113.1", "10.0.0.1", "2001:db8:ffff::1", "fd00::1", "127.0.0.1", "::1"};
	enum sl_family family;
	struct sl_addr addr;

	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (sl_addr_parse(own[i], &addr, &family) && sl_addr_eq(a, &addr))
			return true;
	return false;
}

bool world_is_inside(const struct sl_addr *a)
{
	static const struct {
		const char *net;
		unsigned bits;
	} inside[] = {{"10.0.0.0", 104}, {"172.16.0.0", 108}, {"192.168.0.0", 112}, {"fc00::", 7}};
	enum sl_family family;
	struct sl_addr addr;

	for (unsigned i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (sl_addr_parse(inside[i].net, &addr, &family) &&
		        in_prefix(a, &addr, inside[i].bits))
			return true;
	return false;
}

/* Multicast, and 255.255.255.255: for the gateway, as far as it is concerned. */
static bool is_group(const struct sl_addr *a)
{
	static const struct {
		const char *net;
		unsigned bits;
	} groups[] = {{"224.0.0.0", 100}, {"255.255.255.255", 128}, {"ff00::", 8}};
	enum sl_family family;
	struct sl_addr addr;

	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (sl_addr_parse(groups[i].net, &addr, &family) &&
		        in_prefix(a, &addr, groups[i].bits))
			return true;
	return false;
}

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	struct world *w = ctx;
	enum sl_family family;
	const char *source;

	answer->kind =
	        world_is_own(&q->dst) || is_group(&q->dst) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
	answer->out_if = world_is_inside(&q->dst) ? IN0 : OUT0;
	answer->mtu = w->set->mtu[answer->out_if];
	for (unsigned i = 0; i < w->set->routes_n; i++) {
		const struct route_rule *r = &w->set->routes[i];

		if (!in_prefix(&q->dst, &r->addr, r->bits) || (r->has_mark && q->mark != r->mark))
			continue;
		answer->kind = (unsigned)r->kind;
		answer->out_if = r->out_if;
		answer->mtu = r->mtu ? r->mtu : w->set->mtu[r->out_if];
		answer->prefix = r->prefix;
	}
	if (answer->out_if == IN0)
		source = q->family == SL_IPV4 ? "10.0.0.1" : "fd00::1";
	else
		source = q->family == SL_IPV4 ? "203.0.113.1" : "2001:db8:ffff::1";
	answer->has_source = sl_addr_parse(source, &answer->source, &family);
	answer->inside = answer->out_if == IN0;
}

static void event(void *ctx, const struct sl_event *happened)
{
	struct world *w = ctx;
	struct outcome *o = w->outcomes ? outcome_of(w, happened->packet) : NULL;
	struct sl_engine *e = w->engine[w->working];

	if (o) { /* else a look at something found that its time was over */
		o->events = realloc(o->events, (o->events_n + 1) * sizeof(*o->events));
		o->events[o->events_n++] = tell_event(e, happened);
	}
	if (w->model && !*w->bad) {
		const char *why = model_event(w->model, e, happened);

		if (why)
			snprintf(w->bad, sizeof(w->bad), "the model disagrees: %s", why);
	}
	if (happened->type != SL_EVENT_EXPECT_NEW)
		return;
	sl_expect_info(e, happened->expect, &w->newest);
	w->expected_port = w->newest.tuple.dport;
	w->expected = (struct endpoint){.addr = w->newest.tuple.dst,
	        .port = w->newest.tuple.dport,
	        .family = w->newest.tuple.family,
	        .has_port = true};
}

/* ---- rules ------------------------------------------------------------------------------- */

static void report(void *ctx, const char *text)
{
	(void)ctx;
	printf("%s", text);
}

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == IN0 ? "in0" : index == OUT0 ? "out0" : NULL;
}

static bool is_local(void *ctx, const struct sl_addr *addr, enum sl_family family)
{
	(void)ctx, (void)family;
	return world_is_own(addr);
}

static uint32_t route_if(
        void *ctx, const struct sl_addr *addr, enum sl_family family, uint32_t in_if, uint32_t mark)
{
	(void)ctx, (void)family, (void)in_if;
	return mark == 99 ? 0 : world_is_inside(addr) ? IN0 : OUT0; /* 99 leads nowhere */
}

/* Several shards have views of one ruleset. */
static struct sl_rules *read_text(struct world *w, const char *text, struct sl_rules *whole)
{
	struct sl_rules_env env = {.mem = {get, give, w},
	        .ctx = w,
	        .report = report,
	        .if_name = if_name,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper};

	return whole ? sl_rules_share(whole, &env, NULL)
	             : sl_rules_read(&env, "rules", text, strlen(text));
}

static bool read_rules(struct world *w, unsigned i, struct sl_config *config)
{
	w->rules[i] = read_text(w, w->set->rules, i ? w->rules[0] : NULL);
	/* What `helper` names is attached without a rule's word. */
	w->policy = sl_rules_policy;
	w->policy.automatic_helper = NULL;
	config->policy = &w->policy;
	config->policy_ctx = w->rules[i];
	return w->rules[i] != NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

static const struct sl_helper *helper_called(const char *name, size_t len)
{
	const struct sl_helper *const *all = sl_helpers_builtin();

	for (; *all; all++) {
		const char *own = (*all)->name;

		if (strlen(own) == len && !strncmp(own, name, len))
			return *all;
	}
	wrong("no helper is called %.*s", (int)len, name);
}

static bool attach_helper(struct sl_engine *e, const char *text)
{
	const char *equals = strchr(text, '=');
	const struct sl_helper *helper =
	        helper_called(text, equals ? (size_t)(equals - text) : strlen(text));

	return equals ? sl_helper_register_port(e, helper, (uint16_t)atoi(equals + 1))
	              : sl_helper_register(e, helper, true);
}

static bool make_engine(struct world *w, unsigned i)
{
	struct sl_env env = {.mem = {get, give, w},
	        .ctx = w,
	        .route = route,
	        .contiguous = contiguous,
	        .grow = grow,
	        .alloc = fresh,
	        .keep = keep,
	        .free = release,
	        .emit = emit,
	        .event = event};
	struct sl_config config = w->set->config;

	memset(env.seed, w->set->seed, sizeof(env.seed));
	config.shards = (uint16_t)w->shards;
	config.shard = (uint16_t)i;
	if (w->absent[OP_KEEP])
		env.keep = NULL;
	if (w->absent[OP_GROW])
		env.grow = NULL;
	if (w->absent[OP_ALLOC])
		env.alloc = NULL;
	if (w->absent[OP_CONTIGUOUS])
		env.contiguous = NULL;
	if (w->absent[OP_EMIT])
		env.emit = NULL;
	if (w->set->masquerade) {
		config.policy = &sl_policy_masquerade;
		config.policy_ctx = &w->masquerade;
	} else if (w->set->rules && !read_rules(w, i, &config)) {
		return false;
	}
	w->engine[i] = sl_engine_create(&config, &env);
	if (!w->engine[i])
		return false;
	for (unsigned n = 0; n < w->set->helpers_n; n++)
		if (!attach_helper(w->engine[i], w->set->helpers[n]))
			return false;
	for (unsigned n = 0; n < w->set->tunables_n; n++)
		if (!sl_tunable_set(
		            w->engine[i], w->set->tunables[n].name, w->set->tunables[n].value))
			wrong("set %s: no such tunable, or out of range", w->set->tunables[n].name);
	return true;
}

bool world_init(struct world *w, const struct setting *set, unsigned shards)
{
	w->set = set;
	w->shards = shards;
	w->now = set->config.start;
	w->masquerade = (struct sl_policy_masquerade){OUT0};
	for (unsigned i = 0; i < shards; i++)
		if (!make_engine(w, i))
			return false;
	return true;
}

const char *world_fini(struct world *w)
{
	const char *bad = *w->bad ? w->bad : NULL;

	for (unsigned i = 0; i < w->shards; i++) {
		sl_engine_destroy(w->engine[i]);
		sl_rules_destroy(w->rules[i]);
		w->engine[i] = NULL;
		w->rules[i] = NULL;
	}
	model_destroy(w->model);
	w->model = NULL;
	if (!bad && w->held)
		bad = "memory was left behind";
	if (!bad && w->live)
		bad = "packets were left behind, or given back twice";
	return bad;
}

const char *world_check(struct world *w)
{
	const char *bad = *w->bad ? w->bad : NULL;

	for (unsigned i = 0; !bad && i < w->shards; i++)
		bad = sl_engine_check(w->engine[i]);
	return bad;
}

uint64_t world_deadline(struct world *w)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < w->shards; i++) {
		uint64_t at = sl_deadline(w->engine[i]);

		first = at < first ? at : first;
	}
	return first;
}

/* ---- doing ------------------------------------------------------------------------------- */

static void take_outcome(struct world *w, struct outcome *o, struct sl_packet *p, bool sums_right)
{
	o->verdict = p->verdict;
	o->state = p->state;
	o->dir = p->dir;
	o->reason = p->reason;
	o->beyond = p->beyond;
	o->to = p->to;
	if (p->verdict == SL_ACCEPT) {
		o->out = copy_of(p->data, p->len);
		if (!*w->bad && sums_right && p->csum != SL_CSUM_PARTIAL &&
		        fields_sums(p->data, p->len))
			snprintf(w->bad, sizeof(w->bad), "%s", fields_sums(p->data, p->len));
	}
	if (!*w->bad && p->verdict == SL_DROP && p->reason == SL_WHY_NONE)
		snprintf(w->bad, sizeof(w->bad), "dropped without a reason");
	if (!*w->bad && (p->verdict == SL_NONE || p->verdict > SL_HANDOVER))
		snprintf(w->bad, sizeof(w->bad), "no verdict");
	if (p->verdict != SL_QUEUED && p->verdict != SL_HELD && p->verdict != SL_TAKEN) {
		w->live--;
		free(p->handle);
	}
}

static void lend(struct world *w, struct sl_packet *p, const struct step *s)
{
	*p = s->meta;
	make_room(p, s->in.data, s->in.len, w->room, w->room);
	w->live++;
}

static void ask_model_before(struct world *w, const struct sl_packet *p)
{
	if (w->model)
		model_before(w->model, p, w->now);
}

static void ask_model_after(struct world *w, const struct sl_packet *p)
{
	const char *why = w->model ? model_after(w->model, w->engine[0], p) : NULL;

	if (why && !*w->bad)
		snprintf(w->bad, sizeof(w->bad), "the model disagrees: %s", why);
}

/* To engine w->working, and on as the engines say. */
static void put_to(struct world *w, struct sl_packet *p)
{
	for (unsigned hop = 0; hop < MOST_HOPS; hop++) {
		if (w->working >= w->shards) {
			snprintf(
			        w->bad, sizeof(w->bad), "handed over to a shard that is not there");
			return;
		}
		sl_input(w->engine[w->working], p, 1, w->now);
		if (p->verdict != SL_HANDOVER)
			return;
		w->working = p->shard;
	}
	snprintf(w->bad, sizeof(w->bad), "handed over from shard to shard");
}

/* A fragment that waits at home, until those that had waited elsewhere came: it has their fate. */
static void share_fate(struct sl_packet *cause, const struct sl_packet *p)
{
	if (cause->verdict != SL_QUEUED || p->verdict != SL_TAKEN)
		return;
	cause->verdict = p->verdict;
	cause->state = p->state;
	cause->dir = p->dir;
	cause->reason = p->reason;
	cause->to = p->to;
}

/* What engines emitted for each other meanwhile. */
static void pass_on(struct world *w, struct sl_packet *cause)
{
	for (unsigned i = 0; i < w->passing_n; i++) {
		struct sl_packet p = w->passing[i];

		w->batch = &p;
		w->working = p.shard;
		put_to(w, &p);
		if (p.verdict == SL_ACCEPT)
			emit(w, &p, &p);
		else if (p.verdict == SL_DROP)
			release(w, &p);
		share_fate(cause, &p);
		w->batch = cause;
	}
	w->passing_n = 0;
}

/* One packet, to the engine that it belongs to. */
static void put_routed(struct world *w, struct sl_packet *p)
{
	bool inside = p->in_if == IN0 || p->from == SL_FROM_LOCAL;

	w->working = sl_home(p, (uint16_t)w->shards, inside);
	p->inside = p->in_if == IN0;
	put_to(w, p);
	pass_on(w, p);
}
static void do_packets(struct world *w, struct step *s, unsigned n)
{
	struct sl_packet *p = calloc(n, sizeof(*p));
	struct outcome *o = calloc(n, sizeof(*o));
	bool *right = calloc(n, sizeof(*right));

	if (!p || !o || !right)
		abort();
	for (unsigned i = 0; i < n; i++) {
		right[i] = !fields_sums(s[i].in.data, s[i].in.len);
		lend(w, &p[i], &s[i]);
	}
	w->batch = p;
	w->batch_n = n;
	w->outcomes = o;
	if (w->shards > 1) {
		put_routed(w, p);
	} else {
		w->working = 0;
		ask_model_before(w, p);
		sl_input(w->engine[0], p, n, w->now);
		ask_model_after(w, p);
	}
	w->batch = NULL;
	w->outcomes = NULL;
	for (unsigned i = 0; i < n; i++) {
		take_outcome(w, &o[i], &p[i], right[i]);
		s[i].outcome = o[i];
	}
	free(right);
	free(p);
	free(o);
}

static void do_clock(struct world *w, struct step *s)
{
	w->outcomes = &s->outcome;
	for (w->working = 0; w->working < w->shards; w->working++) {
		(void)sl_clock(w->engine[w->working], w->now, 0);
		if (w->rules[w->working])
			(void)sl_rules_tend(w->rules[w->working], w->engine[w->working], w->now);
	}
	if (w->model && !*w->bad && model_clock(w->model, w->now))
		snprintf(w->bad, sizeof(w->bad), "the model disagrees: %s",
		        model_clock(w->model, w->now));
	w->outcomes = NULL;
}

/* A reload: what cannot be read (or held in memory) changes nothing. */
static void replace_rules(struct world *w, const char *text)
{
	struct sl_rules *old = w->rules[w->working],
	                *rules = read_text(w, text, w->working ? w->rules[0] : NULL);

	if (!rules)
		return;
	w->rules[w->working] = rules;
	sl_engine_set_policy(w->engine[w->working], &w->policy, rules);
	sl_rules_destroy(old);
}

static void do_other(struct world *w, struct step *s)
{
	w->outcomes = &s->outcome;
	for (w->working = 0; w->working < w->shards; w->working++) {
		struct sl_engine *e = w->engine[w->working];
		struct sl_conn *conn;
		enum sl_dir dir;

		if (s->kind == STEP_TUNABLE) {
			if (!sl_tunable_set(e, s->name, s->value))
				snprintf(w->bad, sizeof(w->bad), "set %s: refused", s->name);
		} else if (s->kind == STEP_KILL) {
			conn = sl_conn_find(e, &s->tuple, s->zone, &dir);
			if (conn)
				sl_conn_kill(e, conn, SL_WHY_FLUSHED);
		} else if (s->kind == STEP_RULES) {
			replace_rules(w, w->set->later[s->value]);
		} else if (s->kind == STEP_UNREGISTER) {
			sl_helper_unregister(e, helper_called(s->name, strlen(s->name)));
		} else {
			sl_routes_changed(e);
		}
	}
	w->outcomes = NULL;
}

void world_do(struct world *w, struct step *s, unsigned n)
{
	w->now = s->now;
	if (s->kind == STEP_PACKET)
		do_packets(w, s, n);
	else if (s->kind == STEP_CLOCK)
		do_clock(w, s);
	else
		do_other(w, s);
}
