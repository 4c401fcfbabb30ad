/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains: what they are hooked to, in which order, their policy, and their rules. A chain may be
 * opened several times: what is new is added.
 */
#include "rules/parse.h"

#include <string.h>

static void parse_hook(struct sl__parser *p, struct sl__chain *c)
{
	static const char *const hooks[] = {
	        "prerouting", "input", "forward", "output", "postrouting"};
	struct sl__place place = p->token.place;
	char *name;

	sl__expect_word(p, "hook");
	place = p->token.place;
	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "the name of a hook");
	name = sl__token_text(p);
	for (c->hook = 0; c->hook < SL_HOOK_COUNT; c->hook++) {
		if (!strcmp(hooks[c->hook], name))
			return;
	}
	if (!strcmp(name, "ingress") || !strcmp(name, "egress"))
		sl__parse_unsupported(p, place, "hooks ingress and egress");
	sl__parse_fail(p, place, "unknown chain hook");
}

int sl__parse_priority(struct sl__parser *p, unsigned hook)
{
	struct sl__place place = p->token.place;
	int value = 0, sign = 1;
	uint64_t n;

	if (sl__is(p, '$')) {
		struct sl__expr *e = sl__parse_list(p);
		const char *text = e->kind == EX_SYMBOL ? e->text : "";

		if (sl__priority_value(text, hook, &value))
			return value;
		sign = *text == '-' ? -1 : 1;
		text += *text == '-';
		if (!sl__read_number(text, strlen(text), &n) || n > INT32_MAX)
			sl__parse_fail(p, e->place, "this is no priority");
		return sign * (int)n;
	}
	if (sl__is(p, TK_WORD)) {
		char *name = sl__token_text(p);

		if (!sl__priority_value(name, hook, &value))
			sl__parse_fail(
			        p, place, "'%.40s' is invalid priority in this context", name);
		if (!sl__is(p, '-') && !sl__is(p, '+') && !sl__is(p, TK_BAD))
			return value;
	}
	if (sl__accept(p, '-'))
		sign = -1;
	else if (sl__is(p, TK_BAD) && p->token.len && *p->token.text == '+')
		sl__take(p);
	return value + sign * (int)sl__parse_number(p, INT32_MAX / 2, "a priority");
}

/* type T hook H priority P */
static void parse_base(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	struct sl__chain was = *c;

	if (!sl__is(p, TK_WORD) ||
	        !(sl__is_word(p, "filter") || sl__is_word(p, "nat") || sl__is_word(p, "route")))
		sl__parse_fail(p, place, "unknown chain type, expected filter, nat or route");
	c->type = sl__token_text(p);
	parse_hook(p, c);
	if (sl__is_word(p, "device") || sl__is_word(p, "devices"))
		sl__parse_unsupported(p, p->token.place, "devices of a chain");
	sl__expect_word(p, "priority");
	c->priority = sl__parse_priority(p, c->hook);
	c->base = true;
	place = sl__place_join(place, p->last);
	if (was.base &&
	        (was.hook != c->hook || was.priority != c->priority || strcmp(was.type, c->type)))
		sl__parse_fail(p, place, "this chain exists with another hook or priority");
	if (!was.base && was.rules)
		sl__parse_fail(p, place, "this chain exists and is no base chain");
	if (!strcmp(c->type, "nat") && (c->hook == SL_FORWARD || c->priority <= -200))
		sl__parse_fail(p, place, "chain of type nat is not supported at this %s",
		        c->hook == SL_FORWARD ? "hook" : "priority");
	if (!strcmp(c->type, "route") && c->hook != SL_OUTPUT)
		sl__parse_fail(p, place, "chain of type route is only possible at hook output");
	sl__end_of_statement(p);
}

static void parse_policy(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	char *word = sl__parse_string(p, "accept or drop");

	if (!strcmp(word, "drop"))
		c->policy_drop = true;
	else if (!strcmp(word, "accept"))
		c->policy_drop = false;
	else
		sl__parse_fail(p, place, "syntax error, expected accept or drop");
	sl__end_of_statement(p);
}

void sl__add_rule(struct sl__chain *c, struct sl__rule *rule, bool first)
{
	rule->chain = c;
	if (first) {
		rule->next = c->rules;
		c->rules = rule;
		if (c->rules_end == &c->rules)
			c->rules_end = &rule->next;
	} else {
		*c->rules_end = rule;
		c->rules_end = &rule->next;
	}
}

static void chain_line(struct sl__parser *p, void *arg)
{
	struct sl__chain *c = arg;

	if (sl__parse_common(p))
		return;
	if (sl__accept_word(p, "type")) {
		parse_base(p, c);
	} else if (sl__accept_word(p, "policy")) {
		parse_policy(p, c);
	} else if (sl__accept_word(p, "comment")) {
		c->comment = sl__parse_string(p, "a comment");
		sl__end_of_statement(p);
	} else if (sl__is_word(p, "flags")) {
		sl__parse_unsupported(p, p->token.place, "flags of a chain");
	} else {
		struct sl__rule *rule = sl__parse_rule(p);

		sl__end_of_statement(p);
		sl__add_rule(c, rule, false);
	}
}

static struct sl__chain *get_chain(
        struct sl__parser *p, struct sl__table *t, const char *name, struct sl__place place)
{
	struct sl__chain *c = sl__chain_find(t, name);

	if (c)
		return c;
	c = sl__arena_get(&p->r->arena, sizeof *c);
	c->name = name;
	c->place = place;
	c->table = t;
	c->rules_end = &c->rules;
	c->made = ++p->r->chains_made;
	*t->chains_end = c;
	t->chains_end = &c->next;
	return c;
}

void sl__parse_chain(struct sl__parser *p, bool create)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a chain");
	struct sl__chain *c;

	if (create && sl__chain_find(p->table, name))
		sl__parse_fail(p, place, "Could not process rule: File exists");
	c = get_chain(p, p->table, name, place);
	if (sl__is(p, '{'))
		sl__parse_block(p, chain_line, c);
}
