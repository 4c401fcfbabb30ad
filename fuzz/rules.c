/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a ruleset: no crash, no hang, nothing kept. What is read is printed and read again,
 * and the second printing must be the first; then a packet goes through its chains.
 * The first byte of the input is the number of the allocation that fails (0: none).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/rules.h>

#include "fuzz/fuzz.h"
#include "track/parse.h"


struct memory {
	size_t held;
	unsigned calls, fail_at;
};

struct text {
	char *bytes;
	size_t len;
};

static void *get(void *ctx, size_t size, size_t align)
{
	struct memory *m = ctx;

	(void)align;
	if (m->fail_at && ++m->calls == m->fail_at)
		return NULL;
	m->held += size;
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	((struct memory *)ctx)->held -= size;
	free(p);
}

static void add(void *ctx, const char *bytes, size_t len)
{
	struct text *t = ctx;
	char *more = realloc(t->bytes, t->len + len + 1);

	if (!more)
		abort();
	t->bytes = more;
	memcpy(more + t->len, bytes, len);
	t->len += len;
}

static void broken(const char *what, const struct text *a, const struct text *b)
{
	fprintf(stderr, "broken: %s\n%.*s\n---\n%.*s\n", what, (int)a->len, a->bytes, (int)b->len, b->bytes);
	abort();
}

static void pass_packet(struct sl_rules *r)
{
	static const uint8_t syn[44] = {0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x03, 0xe8, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0xb4};
	uint8_t *bytes = malloc(sizeof syn);
	struct sl_packet p = {.data = bytes, .len = sizeof syn, .in_if = 1, .mtu = 1280};
	struct sl_parsed parsed;
	struct sl_nat_range range = {0};
	struct sl_policy_view v = {.packet = &p, .state = SL_CT_INVALID, .parsed = &parsed, .now = 1};

	if (!bytes)
		abort();
	memcpy(bytes, syn, sizeof syn);
	if (sl__parse(&p, &parsed) != SL_WHY_NONE)
		abort();
	for (unsigned hook = 0; hook < SL_HOOK_COUNT; hook++) {
		v.hook = (enum sl_hook)hook;
		for (unsigned stage = 0; stage < SL_STAGE_COUNT; stage++) {
			v.stage = (enum sl_stage)stage;
			sl_rules_policy.decide(r, &v);
		}
		sl_rules_policy.nat(r, &v, &range);
	}
	free(bytes);
}

/* Any name or text of a ruleset that is read, kept and printed may be the one. */
static void plant_words(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->bytes[i] > ' ' && (i == 0 || t->bytes[i - 1] <= ' ' || t->bytes[i - 1] == '"'))
			fuzz_plant(t->bytes + i, t->len - i);
}

static void print_again(const struct sl_rules_env *env, struct sl_rules *r)
{
	struct text first = {0}, second = {0};
	struct sl_rules *again;

	sl_rules_print(r, add, &first);
	again = sl_rules_read(env, "again", first.bytes ? first.bytes : "", first.len);
	if (!again)
		broken("what is printed cannot be read", &first, &second);
	sl_rules_print(again, add, &second);
	if (first.len != second.len || (first.len && memcmp(first.bytes, second.bytes, first.len)))
		broken("printed differently the second time", &first, &second);
	sl_rules_destroy(again);
	plant_words(&first); /* last: libFuzzer looks at the newest comparisons */
	free(first.bytes);
	free(second.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = {0};
	struct sl_rules_env env = {.mem = {get, give, &memory}};
	struct sl_rules *r;

	if (!size)
		return 0;
	memory.fail_at = data[0];
	r = sl_rules_read(&env, "fuzz", (const char *)data + 1, size - 1);
	memory.fail_at = 0;
	if (r) {
		pass_packet(r);
		print_again(&env, r);
	}
	sl_rules_destroy(r);
	if (memory.held)
		abort();
	return 0;
}
