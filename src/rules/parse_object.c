/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has a name and no elements: counters, quotas, limits, helpers, timeouts, expectations and
 * flowtables.
 */
#include "rules/parse.h"

#include <string.h>

#include "track/tunables.h"

static uint8_t parse_proto(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_string(p, "tcp or udp");
	uint32_t value;

	if (!sl__symbol_value(sl__protocols, name, &value) || (value != 6 && value != 17))
		sl__parse_fail(p, place, "invalid L4 protocol, expected tcp or udp");
	return (uint8_t)value;
}

static uint8_t parse_l3proto(struct sl__parser *p)
{
	if (sl__accept_word(p, "ip"))
		return 4;
	if (sl__accept_word(p, "ip6"))
		return 6;
	if (sl__accept_word(p, "inet"))
		return 0;
	sl__parse_unexpected(p, "ip, ip6 or inet");
}

/* Helper types that Linux has. */
static bool helper_type_known(const char *name)
{
	static const char *const names[] = {"ftp", "irc", "sane", "Q.931", "H.245", "sip", "pptp",
	        "RAS", "tftp", "amanda", "netbios-ns", "snmp", "snmp_trap", NULL};
	int i;

	for (i = 0; names[i]; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static void helper_type(struct sl__parser *p, struct sl__object *o)
{
	struct sl__place place = p->token.place;
	struct sl_rules *r = p->r;
	bool here;

	o->helper = sl__parse_string(p, "the name of a helper in quotes");
	here = !r->env.has_helper || r->env.has_helper(r->env.ctx, o->helper);
	if (!helper_type_known(o->helper) && (!here || !r->env.has_helper))
		sl__parse_fail(p, place, "no helper is called '%.40s'", o->helper);
	if (!here) {
		o->helper_missing = true;
		sl__rules_report(r, place, "Warning",
		        "helper '%.40s' is not in this build: it will do nothing", o->helper);
	}
	sl__expect_word(p, "protocol");
	o->proto = parse_proto(p);
}

static void timeout_policy(struct sl__parser *p, struct sl__object *o)
{
	sl__expect(p, '=', "'='");
	sl__expect(p, '{', "{");
	sl__skip_newlines(p);
	while (!sl__is(p, '}')) {
		struct sl__policy_word *word = sl__arena_get(&p->r->arena, sizeof *word);

		word->place = p->token.place;
		word->name = sl__parse_string(p, "the name of a state");
		sl__expect(p, ':', "':'");
		word->seconds = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
		word->next = o->policy;
		o->policy = word;
		sl__skip_newlines(p);
		if (!sl__accept(p, ','))
			break;
		sl__skip_newlines(p);
	}
	sl__expect(p, '}', "',' or '}'");
}

static void ct_object_line(struct sl__parser *p, struct sl__object *o)
{
	if (sl__accept_word(p, "type") && o->kind == OB_HELPER)
		helper_type(p, o);
	else if (sl__accept_word(p, "protocol") && o->kind != OB_HELPER)
		o->proto = parse_proto(p);
	else if (sl__accept_word(p, "l3proto"))
		o->family = parse_l3proto(p);
	else if (o->kind == OB_TIMEOUT && sl__accept_word(p, "policy"))
		timeout_policy(p, o);
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "dport"))
		o->port = (uint16_t)sl__parse_number(p, 65535, "a port");
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "timeout"))
		o->timeout = sl__parse_time(p);
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "size"))
		o->size = (uint32_t)sl__parse_number(p, 255, "a number");
	else
		sl__parse_unexpected(p, "a property of this object");
}

/* In a block, what describes a counter, quota or limit needs nothing to end it. */
static void object_line(struct sl__parser *p, void *arg)
{
	struct sl__object *o = arg;

	if (sl__parse_common(p))
		return;
	if (sl__accept_word(p, "comment"))
		o->comment = sl__parse_string(p, "a comment");
	else if (o->kind == OB_COUNTER)
		sl__is_word(p, "packets") ? sl__parse_counter(p, &o->state.counter)
		                          : sl__parse_unexpected(p, "packets");
	else if (o->kind == OB_QUOTA)
		sl__parse_quota(p, &o->state.quota);
	else if (o->kind == OB_LIMIT)
		sl__parse_limit(p, &o->state.limit);
	else
		ct_object_line(p, o);
	if (o->kind >= OB_HELPER)
		sl__end_of_statement(p);
}

/* Which states those words name, now that the protocol is known. */
static void check_policy(struct sl__parser *p, struct sl__object *o)
{
	const char *const *states = sl__timeout_states(o->proto);
	const struct sl__policy_word *word;
	unsigned i;

	o->timeouts = sl__arena_get(&p->r->arena, sizeof *o->timeouts);
	for (word = o->policy; word; word = word->next) {
		for (i = 0; states[i] && strcmp(states[i], word->name); i++)
			;
		if (!states[i])
			sl__parse_fail(p, word->place, "invalid state for this protocol");
		o->seconds[i] = word->seconds;
	}
}

static void check_object(struct sl__parser *p, struct sl__object *o)
{
	bool good = o->kind == OB_HELPER        ? o->helper && o->proto
	            : o->kind == OB_TIMEOUT     ? o->proto && o->policy
	            : o->kind == OB_EXPECTATION ? o->proto && o->port && o->timeout && o->size
	            : o->kind == OB_QUOTA       ? o->state.quota.bytes
	            : o->kind == OB_LIMIT       ? o->state.limit.rate
	                                        : true;

	if (!good)
		sl__parse_fail(p, o->place, "this object lacks something that it needs");
	if (o->kind == OB_TIMEOUT)
		check_policy(p, o);
	if (o->kind == OB_EXPECTATION && !o->family && p->table->family == FAM_INET)
		sl__parse_fail(p, o->place,
		        "Could not process rule: Address family not supported by protocol: say "
		        "l3proto ip or ip6");
	if (p->table->family != FAM_INET && !o->family && o->kind >= OB_HELPER)
		o->family = p->table->family == FAM_IP ? 4 : 6;
}

static void parse_object(struct sl__parser *p, enum sl__object_kind kind, bool create)
{
	struct sl__object *o = sl__arena_get(&p->r->arena, sizeof *o), *old;

	o->kind = (uint8_t)kind;
	o->state.kind = kind == OB_COUNTER ? ST_COUNTER
	                : kind == OB_QUOTA ? ST_QUOTA
	                : kind == OB_LIMIT ? ST_LIMIT
	                                   : 0;
	o->place = p->token.place;
	o->name = sl__parse_name(p, "a name");
	if (sl__is(p, '{'))
		sl__parse_block(p, object_line, o);
	else if (kind != OB_COUNTER || !sl__at_end_of_rule(p))
		object_line(p, o);
	check_object(p, o);
	old = sl__object_find(p->table, o->kind, o->name);
	if (old && create)
		sl__parse_fail(p, o->place, "Could not process rule: File exists");
	if (old) { /* stays as it is; a quota gets its new size, as in the kernel */
		if (kind == OB_QUOTA) {
			old->state.quota.bytes = o->state.quota.bytes;
			old->state.quota.over = o->state.quota.over;
		}
		return;
	}
	*p->table->objects_end = o;
	p->table->objects_end = &o->next;
}

static void flowtable_line(struct sl__parser *p, void *arg)
{
	struct sl__flowtable *f = arg;

	if (sl__accept_word(p, "hook")) {
		sl__expect_word(p, "ingress");
		sl__expect_word(p, "priority");
		f->priority = sl__parse_priority(p, SL_FORWARD);
	} else if (sl__accept_word(p, "devices")) {
		sl__expect(p, '=', "'='");
		f->devices = sl__parse_rhs(p);
	} else if (sl__accept_word(p, "counter")) {
		f->counter = true;
	} else if (sl__is_word(p, "flags")) {
		sl__parse_unsupported(p, p->token.place, "flags of a flowtable");
	} else {
		sl__parse_unexpected(p, "hook, devices or counter");
	}
	sl__end_of_statement(p);
}

void sl__parse_flowtable(struct sl__parser *p)
{
	struct sl__flowtable *f = sl__arena_get(&p->r->arena, sizeof *f);

	f->name = sl__parse_name(p, "a name");
	sl__parse_block(p, flowtable_line, f);
	f->next = p->table->flowtables;
	p->table->flowtables = f;
}

/* counter, quota, limit, ct helper ...: what may stand in a table, and behind `add`. */
bool sl__parse_object_kind(struct sl__parser *p, bool create, void (*owner)(struct sl__parser *p))
{
	static const struct {
		const char *word;
		enum sl__object_kind kind;
	} kinds[] = {{"counter", OB_COUNTER}, {"quota", OB_QUOTA}, {"limit", OB_LIMIT}};
	static const struct {
		const char *word;
		enum sl__object_kind kind;
	} cts[] = {{"helper", OB_HELPER}, {"timeout", OB_TIMEOUT}, {"expectation", OB_EXPECTATION}};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (sl__accept_word(p, kinds[i].word)) {
			owner(p);
			parse_object(p, kinds[i].kind, create);
			return true;
		}
	}
	if (sl__is_word(p, "synproxy") || sl__is_word(p, "secmark"))
		sl__parse_unsupported(p, p->token.place, "synproxy and secmark objects");
	if (!sl__accept_word(p, "ct"))
		return false;
	for (i = 0; i < 3; i++) {
		if (sl__accept_word(p, cts[i].word)) {
			owner(p);
			parse_object(p, cts[i].kind, create);
			return true;
		}
	}
	sl__parse_unexpected(p, "helper, timeout or expectation");
}
