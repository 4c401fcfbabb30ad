/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ruleset tells to who traces a packet: each rule whose statements all held, as it was
 * written, with its place in the file and what a verdict map in it came to; and the policy of a
 * base chain that nothing else ended.
 *
 *	home-router.nft:22 inet filter forward: ct state vmap { ... } -> accept
 */
#include "rules/load.h"

#include <string.h>

#include <sluice/text.h>

#define TELL_MAX 250 /* bytes of a line; a longer rule is cut */

static void put_chain(struct sl_out *o, const struct sl__chain *c)
{
	static const char *const families[] = {
	        [FAM_IP] = "ip ", [FAM_IP6] = "ip6 ", [FAM_INET] = "inet "};

	sl_text_put_str(o, families[c->table->family]);
	sl_text_put_str(o, c->table->name);
	sl_text_put_char(o, ' ');
	sl_text_put_str(o, c->name);
	sl_text_put_str(o, ": ");
}

/* The rule's own words; what is white between them is one space. */
static void put_written(struct sl_out *o, const struct sl__place *place)
{
	bool white = false;

	for (uint32_t i = place->at; i < place->end && i < place->source->len && !o->full; i++) {
		char c = place->source->text[i];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
			white = true;
			continue;
		}
		if (white)
			sl_text_put_char(o, ' ');
		sl_text_put_char(o, c);
		white = false;
	}
}

static const char *mapped_to(const struct sl__rule *rule, enum sl__outcome out)
{
	static const char *const words[] = {[SL__ACCEPTED] = " -> accept",
	        [SL__DROPPED] = " -> drop",
	        [SL__RETURNED] = " -> return",
	        [SL__JUMPED] = " -> jump ",
	        [SL__WENT] = " -> goto "};

	for (const struct sl__stmt *s = rule->stmts; s; s = s->next)
		if (s->kind == ST_VMAP)
			return out < sizeof words / sizeof *words ? words[out] : NULL;
	return NULL;
}

void sl__tell_rule(const struct sl__eval *ev, const struct sl__rule *rule,
        const struct sl__chain *target, enum sl__outcome out)
{
	const char *mapped = mapped_to(rule, out);
	char text[TELL_MAX];
	struct sl_out o = sl_out_of(text, sizeof text);

	if (out == SL__NO_MATCH)
		return;
	if (rule->place.source) {
		sl_text_put_str(&o, rule->place.source->name);
		sl_text_put_char(&o, ':');
		sl_text_put_uint(&o, sl__place_line(rule->place));
		sl_text_put_char(&o, ' ');
	}
	put_chain(&o, rule->chain);
	if (rule->place.source)
		put_written(&o, &rule->place);
	if (mapped)
		sl_text_put_str(&o, mapped);
	if (mapped && (out == SL__JUMPED || out == SL__WENT))
		sl_text_put_str(&o, target->name);
	sl_policy_trace(ev->view, "rule", text, sl_out_len(&o));
}

void sl__tell_policy(const struct sl__eval *ev, const struct sl__chain *base)
{
	char text[TELL_MAX];
	struct sl_out o = sl_out_of(text, sizeof text);

	put_chain(&o, base);
	sl_text_put_str(&o, base->policy_drop ? "policy drop" : "policy accept");
	sl_policy_trace(ev->view, "rule", text, sl_out_len(&o));
}
