/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rates, quotas and counts, as statements, objects and elements of sets have them.
 */
#include "rules/parse.h"

#include <string.h>

static uint64_t unit_bytes(const char *unit)
{
	return !strcmp(unit, "bytes")    ? 1
	       : !strcmp(unit, "kbytes") ? 1024
	       : !strcmp(unit, "mbytes") ? 1 << 20
	                                 : 0;
}

static const char *parse_byte_unit(struct sl__parser *p, uint64_t *factor)
{
	struct sl__place place = p->token.place;
	char *unit;

	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "bytes, kbytes or mbytes");
	unit = sl__token_text(p);
	*factor = unit_bytes(unit);
	if (!*factor)
		sl__parse_fail(p, place, "Wrong rate format: expected bytes, kbytes or mbytes");
	return unit;
}

static uint64_t seconds_of(struct sl__parser *p, struct sl__place place, const char *unit)
{
	static const struct sl__symbol units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600},
	        {"day", 86400}, {"week", 604800}, {NULL, 0}};
	uint32_t seconds;

	if (!sl__symbol_value(units, unit, &seconds))
		sl__parse_fail(
		        p, place, "Wrong rate format: expected second, minute, hour, day or week");
	return seconds;
}

/* `10/second`, or `10 mbytes/second`, which is one word to the lexer. */
static void parse_rate(struct sl__parser *p, struct sl__limit *limit)
{
	struct sl__place place;
	char *word, *slash;

	limit->rate = sl__parse_number(p, UINT64_MAX / 1024 / 1024 / 1024, "a number");
	place = p->token.place;
	if (sl__accept(p, '/')) {
		place = p->token.place;
		if (!sl__is(p, TK_WORD))
			sl__parse_unexpected(p, "second, minute, hour, day or week");
		limit->unit = seconds_of(p, place, sl__token_text(p));
		return;
	}
	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "'/'");
	word = sl__token_text(p);
	slash = strchr(word, '/');
	if (slash) {
		*slash = 0;
		word[strlen(word)] = 0;
	}
	limit->rate_unit = word;
	if (!unit_bytes(word) || (!slash && !sl__accept(p, '/')))
		sl__parse_fail(p, place, "Wrong rate format");
	if (slash && slash[1]) {
		limit->unit = seconds_of(p, place, slash + 1);
	} else {
		place = p->token.place;
		limit->unit = seconds_of(
		        p, place, sl__parse_name(p, "second, minute, hour, day or week"));
	}
}

void sl__parse_limit(struct sl__parser *p, struct sl__limit *limit)
{
	struct sl__place place = p->token.place;
	uint64_t factor;

	sl__expect_word(p, "rate");
	if (sl__accept_word(p, "over"))
		limit->over = true;
	else
		sl__accept_word(p, "until");
	parse_rate(p, limit);
	if (!limit->rate)
		sl__parse_fail(p, sl__place_join(place, p->last), "Invalid rate: 0");
	limit->burst = limit->rate_unit ? 0 : 5;
	if (!sl__accept_word(p, "burst"))
		return;
	limit->burst = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
	if (!limit->rate_unit) {
		sl__expect_word(p, "packets");
		if (!limit->burst)
			sl__parse_fail(p, sl__place_join(place, p->last),
			        "packet limit burst must be > 0");
		return;
	}
	limit->burst_unit = parse_byte_unit(p, &factor);
	if (limit->burst * factor > UINT32_MAX)
		sl__parse_fail(p, p->last, "burst is too large");
	limit->burst = (uint32_t)(limit->burst * factor);
}

void sl__parse_quota(struct sl__parser *p, struct sl__quota *quota)
{
	uint64_t factor;

	if (sl__accept_word(p, "over"))
		quota->over = true;
	else
		sl__accept_word(p, "until");
	quota->bytes = sl__parse_number(p, UINT64_MAX >> 21, "a number");
	parse_byte_unit(p, &factor);
	quota->bytes *= factor;
	if (sl__accept_word(p, "used")) {
		quota->used = sl__parse_number(p, UINT64_MAX >> 21, "a number");
		parse_byte_unit(p, &factor);
		quota->used *= factor;
	}
}

void sl__parse_counter(struct sl__parser *p, struct sl__counter *counter)
{
	if (!sl__accept_word(p, "packets"))
		return;
	counter->packets = sl__parse_number(p, UINT64_MAX, "a number");
	sl__expect_word(p, "bytes");
	counter->bytes = sl__parse_number(p, UINT64_MAX, "a number");
}

static void parse_conncount(struct sl__parser *p, struct sl__conncount *c)
{
	sl__take(p);
	sl__take(p);
	c->over = sl__accept_word(p, "over");
	c->max = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
}

bool sl__parse_stateful(struct sl__parser *p, struct sl__stateful *out)
{
	struct sl__token second = sl__second(p);

	if (sl__accept_word(p, "counter")) {
		out->kind = ST_COUNTER;
		sl__parse_counter(p, &out->counter);
	} else if (sl__accept_word(p, "limit")) {
		out->kind = ST_LIMIT;
		sl__parse_limit(p, &out->limit);
	} else if (sl__accept_word(p, "quota")) {
		out->kind = ST_QUOTA;
		sl__parse_quota(p, &out->quota);
	} else if (sl__is_word(p, "ct") && sl__token_is(&second, "count")) {
		out->kind = ST_CT_COUNT;
		parse_conncount(p, &out->conncount);
	} else {
		return false;
	}
	return true;
}

void sl__parse_each(struct sl__parser *p, struct sl__stateful **each)
{
	struct sl__stateful one = {.kind = 0};
	unsigned count = 0;

	while (*each)
		each = &(*each)->next;
	while (sl__parse_stateful(p, &one)) {
		if (++count > SL_RULES_EACH_MAX)
			sl__parse_fail(p, p->last, "an element has at most %d statements",
			        SL_RULES_EACH_MAX);
		*each = sl__arena_get(&p->r->arena, sizeof **each);
		**each = one;
		each = &(*each)->next;
		memset(&one, 0, sizeof one);
	}
}
