/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading expressions for one packet (load.c); used by eval.c. */
#ifndef SL_RULES_LOAD_H
#define SL_RULES_LOAD_H

#include "rules/rules.h"

struct sl__eval {
	bool stays; /* nothing was met that could answer otherwise for the next packet (memo.c) */
	struct sl_rules *r;
	struct sl_policy_view *view;
	struct sl_nat_range *range; /* nat chains only */
};

/* The value of e in *len bytes at out (SL_RULES_KEY_MAX); false: this packet has none. */
bool sl__load(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len);
/* The element of map that fits the packet. */
struct sl__expr *sl__load_map(struct sl__eval *ev, const struct sl__expr *left, struct sl__set *set);
bool sl__load_number(struct sl__eval *ev, const struct sl__expr *e, uint64_t *number);
/* steady.c: does it say the same of every plain packet of an established connection? */
bool sl__rules_steady(const struct sl_rules *r);
uint64_t sl__eval_random(struct sl_rules *r);

/* memo.c: may this packet's answers be remembered; is this stage known to let it go on; it is. */
bool sl__memo_may(const struct sl_policy_view *view);
bool sl__memo_knows(struct sl_rules *r, const struct sl_policy_view *view);
void sl__memo_keep(struct sl_rules *r, const struct sl_policy_view *view);

#endif
