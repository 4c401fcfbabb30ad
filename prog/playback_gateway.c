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
	struct sl_playback *p = ctx;
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
	const struct sl_playback *p = ctx;

	(void)family;
	for (unsigned i = 0; i < p->n_own; i++)
		if (sl_addr_eq(&p->own[i], addr))
			return true;
	return false;
}

static uint32_t route_if(void *ctx, const struct sl_addr *addr, enum sl_family family,
        uint32_t in_if, uint32_t mark)
{
	struct sl_playback *p = ctx;
	uint32_t answer = 0;

	(void)addr, (void)family, (void)in_if, (void)mark;
	if (!sl__playback_answer(p, SL_RECORD_ROUTE_IF, sizeof(answer)))
		return 0;
	memcpy(&answer, p->content, sizeof(answer));
	sl__playback_next(p);
	return answer;
}

static struct sl_playback_link *find_link(struct sl_playback *p, uint32_t index)
{
	for (unsigned i = 0; i < p->n_links; i++)
		if (p->links[i].index == index)
			return &p->links[i];
	return NULL;
}

static const char *if_name(void *ctx, uint32_t index)
{
	const struct sl_playback_link *link = find_link(ctx, index);

	return link && link->name[0] ? link->name : NULL;
}

static bool is_outside(void *ctx, uint32_t ifindex)
{
	const struct sl_playback *p = ctx;
	const char *name = if_name(ctx, ifindex);

	for (unsigned i = 0; name && i < p->outside.n; i++)
		if (strcmp(p->outside.at[i], name) == 0)
			return true;
	return false;
}

static bool has_helper(void *ctx, const char *name)
{
	struct sl_playback *p = ctx;

	return sl__gateway_has_helper(&p->gateway, name);
}

static void route_embed(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct sl_embed *embed = ctx;

	route((char *)embed - offsetof(struct sl_playback, embed), query, answer);
}

struct sl_playback *sl__playback_of(void *embed)
{
	return (struct sl_playback *)(void *)((char *)embed - offsetof(struct sl_playback, embed));
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
struct sl_rules *sl__playback_rules(struct sl_playback *p)
{
	int fd = memfd_create("ruleset", 0);
	struct sl_rules *rules = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, p->content, p->len) == (ssize_t)p->len)
		rules = sl__gateway_read(&p->gateway, path, stderr);
	if (fd >= 0)
		close(fd);
	return rules;
}

static bool make_engine(struct sl_playback *p, const struct sl_record_begin *begin)
{
	struct sl_config config;

	sl_config_init(&config);
	config.table_max = begin->table_max;
	config.expect_max = begin->expect_max;
	config.fragment_memory = begin->fragment_memory;
	config.stream_memory = begin->stream_memory;
	config.start = begin->start;
	config.forward_ttl = begin->forward_ttl;
	config.policy = p->gateway.policy;
	config.policy_ctx = p->gateway.policy_ctx;
	sl__embed_init(&p->embed, &p->opt, NULL, false);
	p->embed.env.route = route_embed;
	p->embed.env.event = sl__playback_event;
	p->embed.env.trace = p->opt.explain ? sl__playback_trace : NULL;
	memcpy(p->embed.env.seed, begin->seed, sizeof(begin->seed));
	p->engine = sl_engine_create(&config, &p->embed.env);
	return p->engine && sl__gateway_start(&p->gateway, &p->opt, p->engine);
}

static void change_link(struct sl_playback *p)
{
	uint32_t index;
	struct sl_playback_link *link;

	if (!sl__playback_has(p, sizeof(index)))
		return;
	memcpy(&index, p->content, sizeof(index));
	link = find_link(p, index);
	if (!link) {
		p->links = sl__must_grow(p->links, (p->n_links + 1) * sizeof(*p->links));
		link = &p->links[p->n_links++];
	}
	link->index = index;
	snprintf(link->name, sizeof(link->name), "%.*s", (int)(p->len - sizeof(index)),
	        (const char *)p->content + sizeof(index));
}

static void change_addr(struct sl_playback *p)
{
	struct sl_record_addr change;
	unsigned i = 0;

	if (!sl__playback_has(p, sizeof(change)))
		return;
	memcpy(&change, p->content, sizeof(change));
	while (i < p->n_own && !sl_addr_eq(&p->own[i], &change.addr))
		i++;
	if (change.gone && i < p->n_own)
		p->own[i] = p->own[--p->n_own];
	if (change.gone || i < p->n_own)
		return;
	p->own = sl__must_grow(p->own, (p->n_own + 1) * sizeof(*p->own));
	p->own[p->n_own++] = change.addr;
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

/* Everything before the first packet. */
bool sl__playback_begin(struct sl_playback *p)
{
	struct sl_record_begin head;

	sl__playback_next(p);
	if (p->kind != SL_RECORD_BEGIN || !sl__playback_has(p, sizeof(head)))
		return false;
	memcpy(&head, p->content, sizeof(head));
	p->opt.masquerade = head.masquerade;
	p->opt.checksum = head.checksum;
	for (sl__playback_next(p); p->kind == SL_RECORD_OPTION; sl__playback_next(p))
		add_word(p);
	for (; sl__playback_surroundings(p); sl__playback_next(p))
		;
	p->rules_env = (struct sl_rules_env){.ctx = p,
	        .if_name = if_name,
	        .has_helper = has_helper,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper,
	        .log = sl__gateway_log};
	p->look = (struct sl_gateway_look){
	        .command = "sluice replay", .env = &p->rules_env, .is_outside = is_outside};
	if (!sl__gateway_init(&p->gateway, &p->opt, &p->look))
		return false;
	if (p->kind == SL_RECORD_RULES) {
		struct sl_rules *rules = sl__playback_rules(p);

		if (!rules)
			return false;
		sl__gateway_use(&p->gateway, rules);
		sl__playback_next(p);
	}
	return make_engine(p, &head);
}
