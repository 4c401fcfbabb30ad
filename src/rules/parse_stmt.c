/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: statement after statement up to the end of the line. A table says which word begins
 * which statement; what begins none of them is a match. What nft knows and sluice does not is
 * refused by name: a firewall must not skip what it does not understand.
 */
#include "rules/parse.h"

#include <string.h>

static struct sl__stmt *stmt_new(struct sl__parser *p, enum sl__stmt_kind kind)
{
	struct sl__stmt *s = sl__arena_get(&p->r->arena, sizeof *s);

	s->kind = (uint8_t)kind;
	s->place = p->token.place;
	return s;
}

static void parse_object_name(struct sl__parser *p, struct sl__stmt *s, enum sl__object_kind kind)
{
	s->kind = ST_OBJECT;
	s->object = (uint8_t)kind;
	if (sl__is(p, TK_STRING) || (sl__is(p, TK_WORD) && !sl__at_field(p)))
		s->text = sl__parse_string(p, "a name");
	else
		s->a = sl__parse_value(p);
}

/* counter, limit, quota: with a state of its own, or `name` and which object. */
static bool stateful_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	static const struct {
		const char *word;
		enum sl__object_kind kind;
	} kinds[] = {{"counter", OB_COUNTER}, {"limit", OB_LIMIT}, {"quota", OB_QUOTA}};
	struct sl__token second = sl__second(p);

	for (size_t i = 0; i < 3 && sl__token_is(&second, "name"); i++) {
		if (sl__accept_word(p, kinds[i].word)) {
			sl__take(p);
			parse_object_name(p, s, kinds[i].kind);
			return true;
		}
	}
	if (!sl__parse_stateful(p, &s->state))
		return false;
	s->kind = s->state.kind;
	return true;
}

static const char *parse_log_flags(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	const char *at = p->token.text;

	if (sl__accept_word(p, "all") || sl__accept_word(p, "skuid") || sl__accept_word(p, "ether"))
		return sl__arena_text(&p->r->arena, at, p->last.end - place.at);
	if (sl__accept_word(p, "ip")) {
		sl__expect_word(p, "options");
	} else if (sl__accept_word(p, "tcp")) {
		do {
			if (!sl__accept_word(p, "sequence"))
				sl__expect_word(p, "options");
		} while (sl__accept(p, ','));
	} else {
		sl__parse_unexpected(p, "all, skuid, ether, ip options or tcp sequence,options");
	}
	return sl__arena_text(&p->r->arena, at, p->last.end - place.at);
}

static void log_level(struct sl__parser *p, struct sl__stmt *s)
{
	static const char *const levels[] = {
	        "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit", NULL};
	struct sl__place place = p->token.place;
	int i;

	s->log_level = sl__parse_string(p, "a syslog level");
	if (!strcmp(s->log_level, "warning"))
		s->log_level = "warn";
	for (i = 0; levels[i]; i++) {
		if (!strcmp(levels[i], s->log_level))
			return;
	}
	sl__parse_fail(p, place, "invalid log level");
}

static void log_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__place place = s->place;

	s->kind = ST_LOG;
	for (;;) {
		if (sl__accept_word(p, "prefix")) {
			s->text = sl__parse_string(p, "a text in quotes");
			if (strlen(s->text) > 127)
				sl__parse_fail(p, p->last, "log prefix is too long");
		} else if (sl__accept_word(p, "level")) {
			log_level(p, s);
		} else if (sl__accept_word(p, "group")) {
			s->log_group = (uint32_t)sl__parse_number(p, 65535, "a group number");
			s->log_has_group = 1;
		} else if (sl__accept_word(p, "snaplen")) {
			s->log_snaplen = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
			s->log_has_snaplen = 1;
		} else if (sl__accept_word(p, "queue-threshold")) {
			s->log_threshold = (uint32_t)sl__parse_number(p, 65535, "a number");
			s->log_has_threshold = 1;
		} else if (sl__accept_word(p, "flags")) {
			s->log_flags = parse_log_flags(p);
		} else {
			break;
		}
	}
	if (s->log_has_group && (s->log_level || s->log_flags))
		sl__parse_fail(p, sl__place_join(place, p->last),
		        "level and group are mutually exclusive");
}

static void reject_code(struct sl__parser *p, struct sl__stmt *s, const struct sl__type *type)
{
	struct sl__place place;
	uint32_t code;
	char *word;

	sl__accept_word(p, "type");
	place = p->token.place;
	if (sl__is(p, TK_NUMBER)) {
		s->code = (uint8_t)sl__parse_number(p, 255, "a code");
		return;
	}
	word = sl__parse_string(p, "a code");
	if (!sl__symbol_value(type->symbols, word, &code))
		sl__parse_fail(p, place, "Could not parse %s", type->words);
	s->code = (uint8_t)code;
}

static void reject_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->kind = ST_REJECT;
	s->op = REJECT_DEFAULT;
	if (!sl__accept_word(p, "with"))
		return;
	if (sl__accept_word(p, "tcp")) {
		sl__expect_word(p, "reset");
		s->op = REJECT_RESET;
	} else if (sl__accept_word(p, "icmp")) {
		s->op = REJECT_ICMP;
		reject_code(p, s, &sl__ty_icmp_code);
	} else if (sl__accept_word(p, "icmpv6")) {
		s->op = REJECT_ICMPV6;
		reject_code(p, s, &sl__ty_icmpv6_code);
	} else if (sl__accept_word(p, "icmpx")) {
		s->op = REJECT_ICMPX;
		reject_code(p, s, &sl__ty_icmpx_code);
	} else {
		sl__parse_unexpected(p, "icmp, icmpv6, icmpx or tcp reset");
	}
}

static void notrack_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	(void)p;
	s->kind = ST_NOTRACK;
}

static void flow_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->kind = ST_FLOW;
	if (!sl__accept_word(p, "offload"))
		sl__expect_word(p, "add");
	sl__expect(p, '@', "@");
	s->text = sl__parse_name(p, "the name of a flowtable");
}

/* key [timeout t] [statements] [: data] } */
static void parse_change(struct sl__parser *p, struct sl__stmt *s)
{
	s->kind = ST_SET_CHANGE;
	sl__expect(p, '{', "{");
	s->a = sl__parse_value(p);
	while (sl__is_word(p, "timeout") || sl__is_word(p, "comment")) {
		if (sl__accept_word(p, "timeout"))
			s->timeout = sl__parse_time(p);
		else if (sl__accept_word(p, "comment"))
			sl__parse_string(p, "a comment");
	}
	sl__parse_each(p, &s->each);
	if (sl__accept(p, ':'))
		s->b = sl__parse_value(p);
	sl__expect(p, '}', "}");
}

/* add @set { ... } */
static void set_change(struct sl__parser *p, struct sl__stmt *s, unsigned op)
{
	s->op = (uint8_t)op;
	sl__expect(p, '@', "@");
	s->text = sl__parse_name(p, "the name of a set");
	parse_change(p, s);
}

/* meter NAME [size N] { key [timeout t] statements }: a set that the rule makes. */
static void meter_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__set *set = sl__arena_get(&p->r->arena, sizeof *set);

	s->meter = true;
	set->place = p->token.place;
	set->name = s->text = sl__parse_name(p, "the name of a meter");
	set->size = 65535;
	if (sl__accept_word(p, "size"))
		set->size = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
	parse_change(p, s);
	if (!s->each || s->b)
		sl__parse_fail(p, sl__place_join(set->place, p->last),
		        "a meter needs a limit, counter, quota or ct count for each element");
	s->op = s->timeout ? 1 : 0;
	set->meter = true;
	s->set = set;
}

/* The older notation: set add KEY @name. */
static void set_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	if (!sl__is_word(p, "add") && !sl__is_word(p, "update") && !sl__is_word(p, "delete"))
		sl__parse_unexpected(p, "add, update or delete");
	s->kind = ST_SET_CHANGE;
	s->op = sl__is_word(p, "add") ? 0 : sl__is_word(p, "update") ? 1 : 2;
	sl__take(p);
	s->a = sl__parse_value(p);
	if (sl__accept_word(p, "timeout"))
		s->timeout = sl__parse_time(p);
	sl__expect(p, '@', "@");
	s->text = sl__parse_name(p, "the name of a set");
}

/* reset tcp option NAME */
static void reset_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->kind = ST_STRIP;
	sl__expect_word(p, "tcp");
	sl__expect_word(p, "option");
	s->code = (uint8_t)sl__parse_tcp_option_kind(p, &s->text);
}

static void add_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	set_change(p, s, 0);
}

static void update_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	set_change(p, s, 1);
}

static void delete_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	set_change(p, s, 2);
}

static const struct {
	const char *word;
	void (*parse)(struct sl__parser *p, struct sl__stmt *s);
} statements[] = {
        {"log", log_stmt},
        {"reject", reject_stmt},
        {"reset", reset_stmt},
        {"snat", sl__snat_stmt},
        {"dnat", sl__dnat_stmt},
        {"masquerade", sl__masquerade_stmt},
        {"redirect", sl__redirect_stmt},
        {"notrack", notrack_stmt},
        {"flow", flow_stmt},
        {"add", add_stmt},
        {"update", update_stmt},
        {"delete", delete_stmt},
        {"meter", meter_stmt},
        {"set", set_stmt},
};
static const char *const refused[] = {
        "queue", "tproxy", "dup", "fwd", "synproxy", "xt", "map", "secmark", NULL};

static void refuse_unsupported(struct sl__parser *p)
{
	int i;

	for (i = 0; refused[i]; i++) {
		if (sl__is_word(p, refused[i])) {
			struct sl__place place = p->token.place;

			sl__parse_unsupported(p, place, refused[i]);
		}
	}
}

/* ---- what begins with a field: a match, a vmap, or setting it ---- */

static enum sl__op relation(struct sl__parser *p)
{
	static const struct {
		int kind;
		const char *word;
		enum sl__op op;
	} ops[] = {{TK_EQ, "eq", OP_EQ}, {TK_NE, "ne", OP_NE}, {'<', "lt", OP_LT},
	        {'>', "gt", OP_GT}, {TK_LE, "le", OP_LE}, {TK_GE, "ge", OP_GE},
	        {'!', "not", OP_NOT}};
	size_t i;

	for (i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (sl__accept(p, ops[i].kind) || sl__accept_word(p, ops[i].word))
			return ops[i].op;
	}
	return OP_NONE;
}

static void match_stmt(struct sl__parser *p, struct sl__stmt *s, struct sl__expr *left)
{
	s->kind = ST_MATCH;
	s->a = left;
	s->op = (uint8_t)relation(p);
	if (sl__at_end_of_rule(p))
		sl__parse_unexpected(p, "a value to compare with");
	s->b = sl__parse_rhs(p);
	if (sl__accept(p, '/'))
		s->c = sl__parse_list(p);
	s->place = sl__place_join(left->place, p->last);
}

static void ct_object(struct sl__parser *p, struct sl__stmt *s, enum sl__object_kind kind)
{
	s->object = (uint8_t)kind;
	s->place = sl__place_join(s->place, p->last);
	s->kind = ST_CT_OBJECT;
	sl__take(p);
	sl__expect_word(p, "set");
	if (sl__is(p, TK_STRING) || (sl__is(p, TK_WORD) && !sl__at_field(p)))
		s->text = sl__parse_string(p, "a name");
	else
		s->a = sl__parse_value(p);
	s->place = sl__place_join(s->place, p->last);
}

static bool ct_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__token second = sl__second(p);
	struct sl__token third;
	uint32_t at = second.place.end;

	third = sl__lex(p->source, &at);
	if (!sl__token_is(&third, "set"))
		return false;
	sl__take(p);
	if (sl__is_word(p, "helper"))
		ct_object(p, s, OB_HELPER);
	else if (sl__is_word(p, "timeout"))
		ct_object(p, s, OB_TIMEOUT);
	else if (sl__is_word(p, "expectation"))
		ct_object(p, s, OB_EXPECTATION);
	else if (sl__is_word(p, "event") || sl__is_word(p, "label") || sl__is_word(p, "secmark"))
		sl__parse_unsupported(
		        p, sl__place_join(s->place, p->token.place), "setting this ct key");
	else
		return false;
	return true;
}

/* One value; flags may be several, with commas between them. */
static struct sl__expr *new_value(struct sl__parser *p, const struct sl__type *type)
{
	struct sl__expr *e = sl__parse_value(p), *list;

	if (type->kind != TY_BITMASK || !sl__is(p, ','))
		return e;
	list = sl__expr_new(p, EX_LIST, e->place);
	sl__expr_add(list, e);
	while (sl__accept(p, ','))
		sl__expr_add(list, sl__parse_value(p));
	return list;
}

static void set_field(struct sl__parser *p, struct sl__stmt *s, struct sl__expr *field)
{
	const struct sl__field *f = field->field;

	s->a = field;
	if (f->where == IN_META && f->key == META_MARK)
		s->kind = ST_META_SET;
	else if (f->where == IN_CT && (f->key == CT_MARK || f->key == CT_ZONE))
		s->kind = ST_CT_SET;
	else if (f->where == IN_TCPOPT && f->key == 2 && f->at == 16 && f->bits == 16)
		s->kind = ST_MSS;
	else if (sl__field_settable(f) || (f->where == IN_TCPOPT && f->bits == 32))
		s->kind = ST_FIELD_SET;
	else
		sl__parse_unsupported(
		        p, sl__place_join(field->place, p->last), "setting this field");
	if (s->kind == ST_MSS && sl__is_word(p, "rt")) {
		sl__take(p);
		sl__expect_word(p, "mtu");
	} else {
		s->b = new_value(p, field->type);
	}
	s->place = sl__place_join(field->place, p->last);
}

static void field_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__expr *left;

	if (sl__is_word(p, "ct")) {
		struct sl__place start = p->token.place;

		if (ct_stmt(p, s))
			return;
		/* "ct" may be taken already: then the key stands next and is read as a field. */
		if (p->last.at == start.at && p->last.source == start.source) {
			p->at = start.at;
			sl__take(p);
			p->last = start;
		}
	}
	left = sl__parse_lhs(p);
	if (sl__accept_word(p, "vmap")) {
		s->kind = ST_VMAP;
		s->a = left;
		s->b = sl__parse_set_or_ref(p);
		s->place = sl__place_join(left->place, p->last);
	} else if (left->kind == EX_FIELD && sl__accept_word(p, "set")) {
		set_field(p, s, left);
	} else {
		match_stmt(p, s, left);
	}
}

static struct sl__stmt *parse_stmt(struct sl__parser *p)
{
	struct sl__stmt *s = stmt_new(p, ST_MATCH);
	size_t i;

	if (sl__at_verdict(p)) {
		s->kind = ST_VERDICT;
		s->a = sl__parse_verdict(p);
		s->place = s->a->place;
		return s;
	}
	refuse_unsupported(p);
	if (stateful_stmt(p, s)) {
		s->place = sl__place_join(s->place, p->last);
		return s;
	}
	for (i = 0; i < sizeof statements / sizeof *statements; i++) {
		if (sl__accept_word(p, statements[i].word)) {
			statements[i].parse(p, s);
			s->place = sl__place_join(s->place, p->last);
			return s;
		}
	}
	field_stmt(p, s);
	return s;
}

struct sl__rule *sl__parse_rule(struct sl__parser *p)
{
	struct sl__rule *rule = sl__arena_get(&p->r->arena, sizeof *rule);
	struct sl__stmt **end = &rule->stmts;
	unsigned count = 0;

	rule->place = p->token.place;
	while (!sl__at_end_of_rule(p)) {
		if (sl__accept_word(p, "comment")) {
			rule->comment = sl__parse_string(p, "a comment");
			if (strlen(rule->comment) > 128)
				sl__parse_fail(p, p->last, "a comment has at most 128 characters");
			if (!sl__at_end_of_rule(p))
				sl__parse_unexpected(p, "the end of the rule");
			break;
		}
		if (++count > 256)
			sl__parse_fail(p, p->token.place, "too many statements in one rule");
		*end = parse_stmt(p);
		end = &(*end)->next;
	}
	rule->place = sl__place_join(rule->place, p->last);
	return rule;
}
