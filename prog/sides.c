/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules, in order:
 *   - with --inside, what lies in a prefix is inside and all else outside;
 *   - without it, the first address to open a flow is inside and its peer outside, as far as
 *     they have no side yet. A SYN/ACK between two unknown addresses is an answer: its
 *     receiver opened the flow;
 *   - two addresses on one side: within their flow, who opened it counts as inside.
 */
#include "prog/sides.h"

#include <stdlib.h>
#include <string.h>

struct address {
	struct sl_addr addr;
	uint8_t family;
};

struct known {
	enum sl_side side;
	uint32_t order; /* from 0 */
};

struct end {
	struct sl_addr addr;
	uint16_t port;
};

struct flow {
	struct end low, high;
	uint8_t family, proto;
};

bool sl__prefix_parse(struct sl_prefix *prefix, const char *text)
{
	char addr[SL_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	enum sl_family family;
	char *end;
	long bits;

	*prefix = (struct sl_prefix){0};
	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (!sl_addr_parse(addr, &prefix->addr, &family))
		return false;
	prefix->family = (uint8_t)family;
	prefix->bits = family == SL_IPV4 ? 32 : 128;
	if (!slash)
		return true;
	bits = strtol(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > prefix->bits)
		return false;
	prefix->bits = (uint8_t)bits;
	return true;
}

bool sl__prefix_has(const struct sl_prefix *prefix, enum sl_family family, const struct sl_addr *a)
{
	unsigned bits = prefix->bits + (family == SL_IPV4 ? 96u : 0u);
	unsigned bytes = bits / 8;

	if (prefix->family != family || memcmp(prefix->addr.b, a->b, bytes) != 0)
		return false;
	return bits % 8 == 0 || (prefix->addr.b[bytes] ^ a->b[bytes]) >> (8 - bits % 8) == 0;
}

void sl__sides_init(struct sl_sides *sides, const struct sl_prefix *inside, unsigned n)
{
	*sides = (struct sl_sides){.inside = inside, .n_inside = n};
	sl__map_init(&sides->of, sizeof(struct address), sizeof(struct known));
	sl__map_init(&sides->openers, sizeof(struct flow), sizeof(struct end));
}

void sl__sides_fini(struct sl_sides *sides)
{
	sl__map_fini(&sides->of);
	sl__map_fini(&sides->openers);
}

static struct known *find(const struct sl_sides *sides, uint8_t family, const struct sl_addr *a)
{
	struct address key;

	memset(&key, 0, sizeof(key));
	key.addr = *a;
	key.family = family;
	return sl__map_find(&sides->of, &key);
}

static void set(struct sl_sides *sides, uint8_t family, const struct sl_addr *a, enum sl_side side)
{
	struct address key;
	struct known *known;
	bool fresh;

	memset(&key, 0, sizeof(key));
	key.addr = *a;
	key.family = family;
	known = sl__map_put(&sides->of, &key, &fresh);
	known->side = side;
	if (fresh)
		known->order = (uint32_t)sides->of.used - 1;
}

static enum sl_side by_prefix(const struct sl_sides *sides, uint8_t family, const struct sl_addr *a)
{
	for (unsigned i = 0; i < sides->n_inside; i++)
		if (sl__prefix_has(&sides->inside[i], (enum sl_family)family, a))
			return SL_SIDE_IN;
	return SL_SIDE_OUT;
}

static enum sl_side other(enum sl_side side)
{
	return side == SL_SIDE_IN ? SL_SIDE_OUT : SL_SIDE_IN;
}

static void settle(
        struct sl_sides *sides, uint8_t family, const struct sl_addr *opener, const struct sl_addr *peer)
{
	const struct known *k;

	if (!find(sides, family, opener)) {
		k = find(sides, family, peer);
		set(sides, family, opener, k ? other(k->side) : SL_SIDE_IN);
	}
	if (!find(sides, family, peer))
		set(sides, family, peer, other(find(sides, family, opener)->side));
}

static int end_order(const struct end *a, const struct end *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : (int)a->port - (int)b->port;
}

/* The flow's key, and the packet's two ends. */
static void flow_of(const struct sl_view *v, struct flow *key, struct end ends[2])
{
	bool swapped;

	memset(key, 0, sizeof(*key));
	memset(ends, 0, 2 * sizeof(*ends));
	ends[0].addr = v->src;
	ends[0].port = v->sport;
	ends[1].addr = v->dst;
	ends[1].port = v->dport;
	swapped = end_order(&ends[0], &ends[1]) > 0;
	memcpy(&key->low, &ends[swapped], sizeof(key->low));
	memcpy(&key->high, &ends[!swapped], sizeof(key->high));
	key->family = v->family;
	key->proto = v->proto;
}

void sl__sides_learn(struct sl_sides *sides, const struct sl_view *v)
{
	bool answer = v->tcp && (v->flags & (SL_VIEW_SYN | SL_VIEW_ACK)) == (SL_VIEW_SYN | SL_VIEW_ACK) &&
	              !find(sides, v->family, &v->src) && !find(sides, v->family, &v->dst);
	struct end ends[2], *opener;
	struct flow key;
	bool fresh;

	if (sides->n_inside) {
		set(sides, v->family, &v->src, by_prefix(sides, v->family, &v->src));
		set(sides, v->family, &v->dst, by_prefix(sides, v->family, &v->dst));
	} else {
		settle(sides, v->family, answer ? &v->dst : &v->src, answer ? &v->src : &v->dst);
	}
	flow_of(v, &key, ends);
	opener = sl__map_put(&sides->openers, &key, &fresh);
	if (fresh)
		memcpy(opener, &ends[answer], sizeof(*opener));
}

enum sl_side sl__sides_of(const struct sl_sides *sides, enum sl_family family, const struct sl_addr *a)
{
	const struct known *known = find(sides, (uint8_t)family, a);

	return known ? known->side : SL_SIDE_NONE;
}

enum sl_side sl__sides_of_packet(const struct sl_sides *sides, const struct sl_view *v)
{
	enum sl_side src = sl__sides_of(sides, (enum sl_family)v->family, &v->src);
	const struct end *opener;
	struct end ends[2];
	struct flow key;

	if (src != sl__sides_of(sides, (enum sl_family)v->family, &v->dst))
		return src;
	flow_of(v, &key, ends);
	opener = sl__map_find(&sides->openers, &key);
	return !opener || end_order(opener, &ends[0]) == 0 ? SL_SIDE_IN : SL_SIDE_OUT;
}

unsigned sl__sides_count(const struct sl_sides *sides)
{
	return (unsigned)sides->of.used;
}

void sl__sides_each(const struct sl_sides *sides,
        void (*visit)(void *ctx, enum sl_family family, const struct sl_addr *a, enum sl_side side),
        void *ctx)
{
	size_t n = sides->of.used, at = 0;
	const struct address **order = sl__must_alloc(n * sizeof(*order));
	const struct known *known;
	const void *key;

	while ((known = sl__map_next(&sides->of, &at, &key)))
		order[known->order] = key;
	for (size_t i = 0; i < n; i++)
		visit(ctx, (enum sl_family)order[i]->family, &order[i]->addr,
		        find(sides, order[i]->family, &order[i]->addr)->side);
	free(order);
}
