/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet has: the values of fields, masks, concatenations and maps for one packet, as
 * bytes in network order. Headers are load_header.c's, connections load_ct.c's. A field that the packet lacks (ports of ICMP, anything behind a later
 * fragment's header, the mark of a connection where there is none) makes the match fail,
 * whatever its operator; that is also what makes "tcp dport" imply TCP.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

static const char *if_name(struct sl__eval *ev, uint32_t index)
{
	return index && ev->r->env.if_name ? ev->r->env.if_name(ev->r->env.ctx, index) : NULL;
}

static bool load_meta(struct sl__eval *ev, unsigned key, uint8_t *out, unsigned *len)
{
	const struct sl_policy_view *v = ev->view;
	bool ip6 = v->parsed->tuple.family == SL_IPV6;

	switch (key) {
	case META_IIFNAME:
	case META_IIF:
		*len = sl__load_text_put(out, if_name(ev, v->in_if));
		return true;
	case META_OIFNAME:
	case META_OIF:
		*len = sl__load_text_put(out, if_name(ev, v->out_if));
		return true;
	case META_L4PROTO:
		*len = sl__load_number_put(out, sl__transport_proto(ev), 1);
		return true;
	case META_NFPROTO:
		*len = sl__load_number_put(out, ip6 ? 10 : 2, 1);
		return true;
	case META_PROTOCOL:
		*len = sl__load_number_put(out, ip6 ? 0x86dd : 0x0800, 2);
		return true;
	case META_MARK:
		*len = sl__load_number_put(out, v->packet->mark, 4);
		return true;
	case META_LENGTH:
		*len = sl__load_number_put(out, v->parsed->len, 4);
		return true;
	case META_PKTTYPE:
		*len = sl__load_number_put(out, v->packet->cast, 1);
		return true;
	}
	return false;
}

static bool is_local(struct sl__eval *ev, const struct sl_addr *a, enum sl_family family)
{
	return ev->r->env.is_local && ev->r->env.is_local(ev->r->env.ctx, a, family);
}

static unsigned address_type(struct sl__eval *ev, const struct sl_addr *a, enum sl_family family)
{
	static const uint8_t ones[4] = {255, 255, 255, 255};
	uint8_t first = family == SL_IPV4 ? a->b[12] : a->b[0];

	if (is_local(ev, a, family))
		return 2;
	if (family == SL_IPV4 && !memcmp(a->b + 12, ones, 4))
		return 3;
	if (family == SL_IPV4 ? first >= 224 && first < 240 : first == 0xff)
		return 5;
	return 1;
}

static bool load_fib(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	const uint8_t *data = ev->view->packet->data;
	enum sl_family family = (enum sl_family)ev->view->parsed->tuple.family;
	bool src = e->arg[ARG_FLAGS] & FIB_SADDR;
	struct sl_addr a = family == SL_IPV4 ? sl_addr_v4(data + (src ? 12 : 16))
	                                     : sl_addr_v6(data + (src ? 8 : 24));
	uint32_t in_if = e->arg[ARG_FLAGS] & FIB_IIF ? ev->view->in_if : 0, found;
	uint32_t mark = e->arg[ARG_FLAGS] & FIB_MARK ? ev->view->packet->mark : 0;

	if (e->field->key == FIB_TYPE) {
		*len = sl__load_number_put(out, address_type(ev, &a, family), 4);
		return true;
	}
	found = ev->r->env.route_if
	                ? ev->r->env.route_if(ev->r->env.ctx, &a, family, in_if, mark)
	                : 0;
	if ((in_if && found != in_if) || is_local(ev, &a, family)) /* as Linux answers */
		found = 0;
	if (ev->view->hook == SL_PREROUTING && ev->view->packet->from == SL_FROM_LOCAL)
		found = ev->view->in_if; /* the loopback interface, whatever the routes say */
	if (e->field->key == FIB_RESULT_OIF)
		*len = sl__load_number_put(out, found != 0, 1);
	else
		*len = sl__load_text_put(out, if_name(ev, found));
	return true;
}

uint64_t sl__eval_random(struct sl_rules *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random * 0x2545f4914f6cdd1du >> 32;
}

static bool load_numgen(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	struct sl__expr *state =
	        (struct sl__expr *)(uintptr_t)e; /* the generator's count is its own */
	uint64_t n;

	if (e->arg[ARG_FLAGS] & GEN_RANDOM) {
		n = (sl__eval_random(ev->r) & 0xffffffff) * e->arg[ARG_MOD] >> 32;
	} else {
		n = state->expires;
		state->expires = n + 1 < e->arg[ARG_MOD] ? n + 1 : 0;
	}
	*len = sl__load_number_put(out, n + e->arg[ARG_OFFSET], 4);
	return true;
}

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint32_t word_at(const uint8_t *p, unsigned len)
{
	uint32_t v = 0;
	unsigned i;

	for (i = 0; i < len && i < 4; i++)
		v |= (uint32_t)p[i] << 8 * i;
	return v;
}

/* Bob Jenkins' lookup3 hash (public domain, burtleburtle.net/bob/c/lookup3.c), as jhash uses it. */
static uint32_t jenkins(const uint8_t *p, unsigned len, uint32_t seed)
{
	static const uint8_t mix[6] = {4, 6, 8, 16, 19, 4}, final[7] = {14, 11, 25, 16, 4, 14, 24};
	uint32_t v[3];
	unsigned i;

	v[0] = v[1] = v[2] = 0xdeadbeef + len + seed;
	for (; len > 12; len -= 12, p += 12) {
		for (i = 0; i < 3; i++)
			v[i] += word_at(p + 4 * i, 4);
		for (i = 0; i < 6; i++) {
			uint32_t *x = &v[i % 3], *y = &v[(i + 2) % 3], *z = &v[(i + 1) % 3];

			*x -= *y;
			*x ^= rotate(*y, mix[i]);
			*y += *z;
		}
	}
	if (!len)
		return v[2];
	for (i = 0; i < 3; i++)
		v[i] += len > 4 * i ? word_at(p + 4 * i, len - 4 * i) : 0;
	for (i = 0; i < 7; i++) {
		uint32_t *x = &v[(i + 2) % 3], *y = &v[(i + 1) % 3];

		*x ^= *y;
		*x -= rotate(*y, final[i]);
	}
	return v[2];
}

static bool load_jhash(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	const struct sl__expr *part = e->a->kind == EX_CONCAT ? e->a->items : e->a;
	uint8_t key[2 * SL_RULES_KEY_MAX] = {0};
	unsigned at = 0, n = 0;
	uint32_t hash;

	for (; part; part = e->a->kind == EX_CONCAT ? part->next : NULL) {
		if (at + 16 > SL_RULES_KEY_MAX || !sl__load(ev, part, key + at, &n))
			return false;
		at += e->a->kind == EX_CONCAT ? (n + 3) & ~3u : n;
	}
	hash = jenkins(key, at, e->arg[ARG_SEED]);
	*len = sl__load_number_put(out, ((uint64_t)hash * e->arg[ARG_MOD] >> 32) + e->arg[ARG_OFFSET], 4);
	return true;
}

static bool load_field(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	switch (e->field->where) {
	case IN_NET:
	case IN_TRANSPORT:
		return sl__load_header(ev, e->field, out, len);
	case IN_RAW:
		return sl__load_raw(ev, e->field, out, len);
	case IN_META:
		return load_meta(ev, e->field->key, out, len);
	case IN_CT:
		return sl__load_ct(ev, e, out, len);
	case IN_FIB:
		return load_fib(ev, e, out, len);
	case IN_NUMGEN:
		return load_numgen(ev, e, out, len);
	case IN_JHASH:
		return load_jhash(ev, e, out, len);
	default:
		return sl__load_option(ev, e->field, out, len);
	}
}

static void shift(uint8_t *v, unsigned len, unsigned op, uint64_t by)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < len; i++)
		n = n << 8 | v[i];
	sl__load_number_put(v, by > 63 ? 0 : op == OP_LSHIFT ? n << by : n >> by, len);
}

static bool load_binary(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	uint8_t b[SL_RULES_KEY_MAX];
	unsigned n, i;

	if (!sl__load(ev, e->a, out, len) || !sl__load(ev, e->b, b, &n))
		return false;
	if (e->op == OP_LSHIFT || e->op == OP_RSHIFT) {
		shift(out, *len, e->op,
		        n >= 4 ? (uint64_t)b[n - 1] | (uint64_t)b[n - 2] << 8 : b[n - 1]);
		return true;
	}
	for (i = 0; i < *len && i < n; i++)
		out[i] = (uint8_t)(e->op == OP_AND  ? out[i] & b[i]
		                   : e->op == OP_OR ? out[i] | b[i]
		                                    : out[i] ^ b[i]);
	return true;
}

static struct sl__expr *look_up(
        struct sl__eval *ev, const struct sl__expr *left, struct sl__set *set)
{
	uint8_t key[SL_RULES_KEY_MAX] = {0};
	unsigned len = 0;

	if (!sl__load(ev, left, key, &len) || len != set->key_len)
		return NULL;
	return sl__set_find(set, key, ev->view->now);
}

struct sl__expr *sl__load_map(struct sl__eval *ev, const struct sl__expr *left, struct sl__set *set)
{
	struct sl__expr *found = look_up(ev, left, set);

	return found && (!found->each || sl__each_passes(ev, found)) ? found : NULL;
}

struct sl__object *sl__load_object(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__expr *found;

	if (!s->a)
		return s->ref;
	found = look_up(ev, s->a->a, s->a->set);
	return found ? found->b->object : NULL;
}

static bool load_concat(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	const struct sl__expr *part;
	uint8_t one[SL_RULES_KEY_MAX];
	unsigned n;

	*len = 0;
	for (part = e->items; part; part = part->next) {
		if (!sl__load(ev, part, one, &n) || *len + n > SL_RULES_KEY_MAX)
			return false;
		memcpy(out + *len, one, n);
		*len += n;
	}
	return true;
}

bool sl__load(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	struct sl__expr *found;

	switch (e->kind) {
	case EX_VALUE:
		memcpy(out, e->value, sizeof e->value);
		*len = e->len;
		return true;
	case EX_FIELD:
		return load_field(ev, e, out, len);
	case EX_BINARY:
		return load_binary(ev, e, out, len);
	case EX_CONCAT:
		return load_concat(ev, e, out, len);
	case EX_MAP:
		found = sl__load_map(ev, e->a, e->set);
		return found && found->b && sl__load(ev, found->b, out, len);
	default:
		return false;
	}
}

bool sl__load_number(struct sl__eval *ev, const struct sl__expr *e, uint64_t *number)
{
	uint8_t v[SL_RULES_KEY_MAX];
	unsigned len, i;

	if (!sl__load(ev, e, v, &len))
		return false;
	for (*number = 0, i = 0; i < len; i++)
		*number = *number << 8 | v[i];
	return true;
}
