/* SPDX-License-Identifier: BSD-2-Clause */
/* The gateway of a recording: what the engine asks is answered from there, and what changed then changes now. */
#include "prog/playback.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- answers -------------------------------------------------------------------------------- */

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct sl_playback *p = sl__playback_of(ctx)->all;
	struct sl_record_route r;

	memset(answer, 0, sizeof(*answer));
	if (!sl__playback_answer(p, SL_RECORD_ROUTE, sizeof(r)))
		return;
	memcpy(&r, p->content, sizeof(r));
	if (!sl_addr_eq(&r.query.dst, &query->dst) || !sl_addr_eq(&r.query.src, &query->src))
		sl__playback_diverge(p, "the engine asks for another route than then");
	*answer = r.answer;
	sl__playback_next(p);
}

static bool is_local(void *ctx, const struct sl_addr *addr, enum sl_family family)
{
	const struct sl_playback_engine *e = ctx;

	(void)family;
	for (unsigned i = 0; i < e->n_own; i++)
		if (sl_addr_eq(&e->own[i], addr))
			return true;
	return false;
}

static uint32_t route_if(
        void *ctx, const struct sl_addr *addr, enum sl_family family, uint32_t in_if, uint32_t mark)
{
	struct sl_playback *p = ((struct sl_playback_engine *)ctx)->all;
	uint32_t answer = 0;

	(void)addr, (void)family, (void)in_if, (void)mark;
	if (!sl__playback_answer(p, SL_RECORD_ROUTE_IF, sizeof(answer)))
		return 0;
	memcpy(&answer, p->content, sizeof(answer));
	sl__playback_next(p);
	return answer;
}

static struct sl_playback_link *find_link(struct sl_playback_engine *e, uint32_t index)
{
	for (unsigned i = 0; i < e->n_links; i++)
		if (e->links[i].index == index)
			return &e->links[i];
	return NULL;
}

static const char *if_name(void *ctx, uint32_t index)
{
	const struct sl_playback_link *link = find_link(ctx, index);

	return link && link->name[0] ? link->name : NULL;
}

static bool is_outside(void *ctx, uint32_t ifindex)
{
	const struct sl_playback *p = ((const struct sl_playback_engine *)ctx)->all;
	const char *name = if_name(ctx, ifindex);

	for (unsigned i = 0; name && i < p->outside.n; i++)
		if (strcmp(p->outside.at[i], name) == 0)
			return true;
	return false;
}

static bool has_helper(void *ctx, const char *name)
{
	struct sl_playback_engine *e = ctx;

	return sl__gateway_has_helper(&e->gateway, name);
}

struct sl_playback_engine *sl__playback_of(void *embed)
{
	return (struct sl_playback_engine *)(void *)((char *)embed -
	                                             offsetof(struct sl_playback_engine, embed));
}

/* ---- the gateway ---------------------------------------------------------------------------- */

static void add_word(struct sl_playback *p)
{
	struct sl_strings *list;
	char *text;

	if (!sl__playback_has(p, 1))
		return;
	text = sl__must_alloc(p->len);
	memcpy(text, p->content + 1, p->len - 1);
	text[p->len - 1] = '\0';
	list = p->content[0] == 'h'   ? &p->opt.helpers
	       : p->content[0] == 's' ? &p->opt.sets
	                              : &p->outside;
	list->at = sl__must_grow(list->at, (list->n + 1) * sizeof(*list->at));
	list->at[list->n++] = text;
}

/* A ruleset's text as a file, for what reads files. */
static struct sl_rules *read_rules(struct sl_playback *p)
{
	int fd = memfd_create("ruleset", 0);
	struct sl_rules *rules = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, p->content, p->len) == (ssize_t)p->len)
		rules = sl__gateway_read(&p->e->gateway, path, stderr);
	if (fd >= 0)
		close(fd);
	return rules;
}

struct sl_rules *sl__playback_rules(struct sl_playback *p)
{
	struct sl_rules *first = p->engines[0].gateway.rules;

	if (p->kind == SL_RECORD_RULES)
		return read_rules(p);
	return first ? sl__gateway_share(&p->e->gateway, first) : NULL;
}

static bool make_engine(
        struct sl_playback *p, struct sl_playback_engine *e, const struct sl_record_begin *begin)
{
	struct sl_config config;

	sl_config_init(&config);
	config.table_max = begin->table_max;
	config.expect_max = begin->expect_max;
	config.fragment_memory = begin->fragment_memory;
	config.stream_memory = begin->stream_memory;
	config.start = begin->start;
	config.forward_ttl = begin->forward_ttl;
	config.shards = begin->shards;
	config.shard = begin->shard;
	config.policy = e->gateway.policy;
	config.policy_ctx = e->gateway.policy_ctx;
	sl__embed_init(&e->embed, &p->opt, NULL, false);
	e->embed.env.route = route;
	e->embed.env.event = sl__playback_event;
	e->embed.env.trace = p->opt.explain ? sl__playback_trace : NULL;
	memcpy(e->embed.env.seed, begin->seed, sizeof(begin->seed));
	e->engine = sl_engine_create(&config, &e->embed.env);
	return e->engine && sl__gateway_start(&e->gateway, &p->opt, e->engine);
}

static void change_link(struct sl_playback *p)
{
	struct sl_playback_engine *e = p->e;
	uint32_t index;
	struct sl_playback_link *link;

	if (!sl__playback_has(p, sizeof(index)))
		return;
	memcpy(&index, p->content, sizeof(index));
	link = find_link(e, index);
	if (!link) {
		e->links = sl__must_grow(e->links, (e->n_links + 1) * sizeof(*e->links));
		link = &e->links[e->n_links++];
	}
	link->index = index;
	snprintf(link->name, sizeof(link->name), "%.*s", (int)(p->len - sizeof(index)),
	        (const char *)p->content + sizeof(index));
}

static void change_addr(struct sl_playback *p)
{
	struct sl_playback_engine *e = p->e;
	struct sl_record_addr change;
	unsigned i = 0;

	if (!sl__playback_has(p, sizeof(change)))
		return;
	memcpy(&change, p->content, sizeof(change));
	while (i < e->n_own && !sl_addr_eq(&e->own[i], &change.addr))
		i++;
	if (change.gone && i < e->n_own)
		e->own[i] = e->own[--e->n_own];
	if (change.gone || i < e->n_own)
		return;
	e->own = sl__must_grow(e->own, (e->n_own + 1) * sizeof(*e->own));
	e->own[e->n_own++] = change.addr;
}

/* Does the record tell of interfaces and addresses? Then it is done. */
bool sl__playback_surroundings(struct sl_playback *p)
{
	if (p->kind == SL_RECORD_LINK)
		change_link(p);
	else if (p->kind == SL_RECORD_ADDR)
		change_addr(p);
	else
		return false;
	return true;
}

static void look_around(struct sl_playback_engine *e)
{
	e->rules_env = (struct sl_rules_env){.ctx = e,
	        .if_name = if_name,
	        .has_helper = has_helper,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper,
	        .log = sl__gateway_log};
	e->look = (struct sl_gateway_look){
	        .command = "sluice replay", .env = &e->rules_env, .is_outside = is_outside};
}

/* Everything before its first packet. */
static bool begin_engine(struct sl_playback *p)
{
	struct sl_playback_engine *e = p->e;
	struct sl_record_begin head;

	if (p->kind != SL_RECORD_BEGIN || !sl__playback_has(p, sizeof(head)) ||
	        e != &p->engines[p->n_engines])
		return false;
	memcpy(&head, p->content, sizeof(head));
	e->all = p;
	p->n_engines++;
	p->opt.masquerade = head.masquerade;
	p->opt.checksum = head.checksum;
	for (sl__playback_next(p); p->kind == SL_RECORD_OPTION; sl__playback_next(p))
		add_word(p);
	for (; sl__playback_surroundings(p); sl__playback_next(p))
		;
	look_around(e);
	if (!sl__gateway_init(&e->gateway, &p->opt, &e->look))
		return false;
	if (p->kind == SL_RECORD_RULES || p->kind == SL_RECORD_SHARED) {
		struct sl_rules *rules = sl__playback_rules(p);

		if (!rules)
			return false;
		sl__gateway_use(&e->gateway, rules);
		sl__playback_next(p);
	}
	return make_engine(p, e, &head); /* p->e may be the next one already */
}

bool sl__playback_begin(struct sl_playback *p)
{
	sl__playback_next(p);
	do
		if (!begin_engine(p))
			return false;
	while (p->kind == SL_RECORD_BEGIN);
	return true;
}
