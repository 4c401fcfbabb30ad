/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ruleset as `nft list ruleset` writes it: values in their type's usual form, elements
 * sorted by key, matches that a later field implies left out. Reading the result again gives
 * the same ruleset. Elements that rules added at run time are not part of it. Here tables, chains
 * and objects; rules in print_stmt.c, sets in print_set.c, values in print_value.c.
 */
#include "rules/print.h"

static void put_priority(struct sl__printer *p, int priority, unsigned hook)
{
	int rest = 0;
	const char *name = sl__priority_name(priority, hook, &rest);

	if (!name)
		sl__put(p, "%d", priority);
	else if (rest)
		sl__put(p, "%s %c %d", name, rest < 0 ? '-' : '+', rest < 0 ? -rest : rest);
	else
		sl__put(p, "%s", name);
}

static void put_chain(struct sl__printer *p, const struct sl__chain *c)
{
	static const char *const hooks[] = {
	        "prerouting", "input", "forward", "output", "postrouting"};
	const struct sl__rule *rule;

	sl__put(p, "\tchain %s {\n", c->name);
	if (c->comment)
		sl__put(p, "\t\tcomment \"%s\"\n", c->comment);
	if (c->base) {
		sl__put(p, "\t\ttype %s hook %s priority ", c->type, hooks[c->hook]);
		put_priority(p, c->priority, c->hook);
		sl__put(p, "; policy %s;\n", c->policy_drop ? "drop" : "accept");
	}
	for (rule = c->rules; rule; rule = rule->next)
		sl__put_rule(p, rule, c->table->family);
	sl__put(p, "\t}\n");
}

static const char *l3_word(const struct sl__object *o)
{
	return o->family == 4 ? "ip" : o->family == 6 ? "ip6" : "inet";
}

static void put_timeout_object(struct sl__printer *p, const struct sl__object *o)
{
	const char *const *states = sl__timeout_states(o->proto), *between = "";
	unsigned i;

	sl__put(p, "\t\tprotocol %s\n\t\tl3proto %s\n\t\tpolicy = { ",
	        o->proto == 6 ? "tcp" : "udp", l3_word(o));
	for (i = 0; states[i]; i++) {
		if (!o->seconds[i])
			continue;
		sl__put(p, "%s%s : %u", between, states[i], o->seconds[i]);
		between = ", ";
	}
	sl__put(p, " }\n");
}

static void put_object(struct sl__printer *p, const struct sl__object *o)
{
	static const char *const words[] = {
	        "", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation"};
	const char *proto = o->proto == 6 ? "tcp" : "udp";

	sl__put(p, "\t%s %s {\n", words[o->kind], o->name);
	if (o->comment)
		sl__put(p, "\t\tcomment \"%s\"\n", o->comment);
	switch (o->kind) {
	case OB_COUNTER:
		sl__put(p, "\t\tpackets %llu bytes %llu\n",
		        (unsigned long long)o->state.counter.packets,
		        (unsigned long long)o->state.counter.bytes);
		break;
	case OB_QUOTA:
		sl__put(p, "\t\t");
		sl__put_quota(p, &o->state.quota);
		sl__put(p, "\n");
		break;
	case OB_LIMIT:
		sl__put(p, "\t\t");
		sl__put_limit(p, &o->state.limit);
		sl__put(p, "\n");
		break;
	case OB_HELPER:
		sl__put(p, "\t\ttype \"%s\" protocol %s\n\t\tl3proto %s\n", o->helper, proto,
		        l3_word(o));
		break;
	case OB_TIMEOUT:
		put_timeout_object(p, o);
		break;
	default:
		sl__put(p, "\t\tprotocol %s\n\t\tdport %u\n\t\ttimeout ", proto, o->port);
		sl__put_time(p, o->timeout);
		sl__put(p, "\n\t\tsize %u\n\t\tl3proto %s\n", o->size, l3_word(o));
	}
	sl__put(p, "\t}\n");
}

static void put_flowtable(struct sl__printer *p, const struct sl__flowtable *f)
{
	const struct sl__expr *e;

	sl__put(p, "\tflowtable %s {\n\t\thook ingress priority ", f->name);
	put_priority(p, f->priority, SL_FORWARD);
	sl__put(p, "\n");
	if (f->devices) {
		sl__put(p, "\t\tdevices = { ");
		for (e = f->devices->items; e; e = e->next)
			sl__put(p, "%s%s", e->a ? e->a->text : e->text, e->next ? ", " : "");
		sl__put(p, " }\n");
	}
	if (f->counter)
		sl__put(p, "\t\tcounter\n");
	sl__put(p, "\t}\n");
}

static void put_table(struct sl__printer *p, const struct sl__table *t)
{
	static const char *const families[] = {"", "ip", "ip6", "inet"};
	const struct sl__object *o;
	const struct sl__set *s;
	const struct sl__flowtable *f;
	const struct sl__chain *c;
	const char *gap = "";

	sl__put(p, "table %s %s {\n", families[t->family], t->name);
	if (t->comment)
		sl__put(p, "\tcomment \"%s\"\n", t->comment);
	if (t->dormant)
		sl__put(p, "\tflags dormant\n");
	for (o = t->objects; o; o = o->next, gap = "\n") {
		sl__put(p, "%s", gap);
		put_object(p, o);
	}
	for (s = t->sets; s; s = s->next) {
		if (!s->name || s->meter)
			continue;
		sl__put(p, "%s", gap);
		sl__put_named_set(p, s);
		gap = "\n";
	}
	for (f = t->flowtables; f; f = f->next, gap = "\n") {
		sl__put(p, "%s", gap);
		put_flowtable(p, f);
	}
	for (c = t->chains; c; c = c->next, gap = "\n") {
		sl__put(p, "%s", gap);
		put_chain(p, c);
	}
	sl__put(p, "}\n");
}

void sl_rules_print(
        const struct sl_rules *r, void (*write)(void *ctx, const char *text, size_t len), void *ctx)
{
	struct sl__printer p = {write, ctx};
	const struct sl__table *t;

	for (t = r->tables; t; t = t->next)
		put_table(&p, t);
}
