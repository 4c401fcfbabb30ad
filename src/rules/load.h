/* SPDX-License-Identifier: BSD-2-Clause */
/* Evaluation, across its files: load.c, match.c, effect.c, target.c, memo.c, coming.c, steady.c, eval.c.
 */
#ifndef SL_RULES_LOAD_H
#define SL_RULES_LOAD_H

#include <string.h>

#include "rules/rules.h"
#include "track/track.h"

struct sl__eval {
	bool stays; /* nothing was met that could answer otherwise for the next packet (memo.c) */
	struct sl_rules *r;
	struct sl_policy_view *view;
	struct sl_nat_range *range; /* nat chains only */
	unsigned kinds;             /* enum sl_coming: not evaluation, but foresight (coming.c); 0: evaluation */
	uint64_t packets, bytes;    /* of foresight that came true: to be counted */
};

/* The tracker is the engine's first member. */
static inline struct sl_track *sl__eval_track(const struct sl__eval *ev)
{
	return (struct sl_track *)ev->view->engine;
}

/* What a statement, rule or chain comes to. */
enum sl__outcome {
	SL__NEXT,
	SL__NO_MATCH,
	SL__ACCEPTED,
	SL__DROPPED,
	SL__REJECTED,
	SL__RETURNED,
	SL__TRANSLATED,
	SL__JUMPED,
	SL__WENT,
	SL__UNSURE /* of foresight: not the same for all, or more than a verdict */
};

/* ---- load.c ---- */

/* The value of e in *len bytes at out (SL_RULES_KEY_MAX); false: this packet has none. */
bool sl__load(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len);
/* The element of map that fits the packet. */
struct sl__expr *sl__load_map(
        struct sl__eval *ev, const struct sl__expr *left, struct sl__set *set);
/* The object that a statement names, or that its map has for this packet; NULL: none. */
struct sl__object *sl__load_object(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__load_number(struct sl__eval *ev, const struct sl__expr *e, uint64_t *number);
uint64_t sl__eval_random(struct sl_rules *r);

/* A number, or a text of up to 15 characters, as values of fields have them; how many bytes. */
static inline unsigned sl__load_number_put(uint8_t *out, uint64_t n, unsigned bytes)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		out[bytes - 1 - i] = (uint8_t)(i < 8 ? n >> 8 * i : 0);
	return bytes;
}
static inline unsigned sl__load_text_put(uint8_t *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	memset(out, 0, 16);
	if (len)
		memcpy(out, text, len < 15 ? len : 15);
	return 16;
}

/* ---- load_header.c, load_ct.c: as sl__load() ---- */

bool sl__load_header(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len);
/* Where the header begins that a field stands in; false: this packet has none. */
bool sl__header_at(struct sl__eval *ev, const struct sl__field *f, uint32_t *at);
bool sl__load_raw(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len);
bool sl__load_option(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len);
bool sl__load_ct(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len);
/* As `meta l4proto` has it. */
uint8_t sl__transport_proto(const struct sl__eval *ev);
/* Bytes of the packet's TCP header with its options; 0: it has none that is whole. */
uint32_t sl__tcp_header(const struct sl__eval *ev);
/*
 * Where the first option of that kind stands in the packet, and its size. 0: nowhere, and the size is 0,
 * or it is not whole.
 */
uint32_t sl__tcp_option(const struct sl__eval *ev, unsigned kind, uint32_t *size);

/* ---- match.c ---- */

bool sl__matches(struct sl__eval *ev, const struct sl__stmt *s);

/* ---- run.c ---- */

/* Of a rule in a run: itself or the next one that the packet may fit; behind the run: what stands there. */
const struct sl__rule *sl__run_next(struct sl__eval *ev, const struct sl__rule *rule);

/* ---- stateful.c: false where the rule ends, as if it did not match ---- */

bool sl__stateful_passes(struct sl__eval *ev, struct sl__stateful *s);
/* What an element has, when a lookup found it or a rule put it there. */
bool sl__each_passes(struct sl__eval *ev, struct sl__expr *elem);

/* Forget which of this view's connections are gone. */
void sl__conncount_tend(
        const struct sl_rules *r, const struct sl_track *t, struct sl__conncount *c);

/* ---- share.c ---- */

/* Around a rule. */
static inline void sl__share_begin(const struct sl__eval *ev, const struct sl__rule *rule)
{
	if (rule->counts && ev->r->whole->lock.take)
		ev->r->whole->lock.take(ev->r->whole->lock.ctx);
}
static inline void sl__share_end(const struct sl__eval *ev, const struct sl__rule *rule)
{
	if (rule->counts && ev->r->whole->lock.take)
		ev->r->whole->lock.give(ev->r->whole->lock.ctx);
}
/* Before the first. */
void sl__share_start(struct sl_rules *r, uint64_t now);
/* Within a rule: the others may know of connections that count and are gone. */
void sl__share_wish(const struct sl_rules *r);

/* ---- effect.c, effect_header.c: false where the rule ends, as if it did not match ---- */

bool sl__set_meta(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__set_ct(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__set_field(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__set_mss(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__set_tcp_option(struct sl__eval *ev, const struct sl__stmt *s);
/* SL__NEXT, whether there was one or not; drops where it cannot be taken out. */
enum sl__outcome sl__strip_tcp_option(struct sl__eval *ev, const struct sl__stmt *s);
bool sl__change_set(struct sl__eval *ev, struct sl__stmt *s);

/* ---- ctobject.c ---- */

bool sl__set_ct_object(struct sl__eval *ev, struct sl__object *o);

/* ---- target.c ---- */

enum sl__outcome sl__reject(struct sl__eval *ev, const struct sl__stmt *s);
enum sl__outcome sl__rules_translate(struct sl__eval *ev, const struct sl__stmt *s);

/* ---- tell.c: only while view->tracing ---- */

void sl__tell_rule(const struct sl__eval *ev, const struct sl__rule *rule,
        const struct sl__chain *target, enum sl__outcome out);
void sl__tell_policy(const struct sl__eval *ev, const struct sl__chain *base);

/* ---- coming.c, steady.c, memo.c ---- */

/* What evaluating a match or a map would tell of packets that are yet to come (sl__stmt.coming). */
enum sl__coming {
	SL__SAME,    /* the same for all of them */
	SL__DIFFERS, /* not that; but it does nothing */
	SL__LOOKS,   /* its set counts, changes or ages, where it comes to the lookup */
	SL__ACTS,    /* it does something */
};
/* coming.c: one rule, as it will be for all packets of ev->kinds. */
enum sl__outcome sl__foresee_rule(
        struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target);
enum sl__outcome sl__verdict_outcome(const struct sl__expr *verdict);

/* steady.c: does it say the same of every plain packet of an established connection? */
enum sl_steady sl__rules_steady(const struct sl_rules *r);

/* memo.c: may this packet's answers be remembered; is this stage known to let it go on; it is. */
bool sl__memo_may(const struct sl_policy_view *view);
bool sl__memo_knows(struct sl_rules *r, const struct sl_policy_view *view);
void sl__memo_keep(struct sl_rules *r, const struct sl_policy_view *view);

#endif
