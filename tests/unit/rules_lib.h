/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ruleset and one packet for it, without an engine: counted memory, what was reported written
 * down, and the packet 10.0.0.1:1000 -> 10.0.0.2:22, TCP SYN, 44 bytes, in by in0, out by out0.
 */
#ifndef TESTS_UNIT_RULES_LIB_H
#define TESTS_UNIT_RULES_LIB_H

#include <stdio.h>

#include "rules/load.h"
#include "tests/lib/memory.h"
#include "track/parse.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define SECOND      UINT64_C(1000000000)

static struct memory rules_memory;
static char said[8192]; /* mistakes */

static void rules_report(void *ctx, const char *text)
{
	(void)ctx;
	strncat(said, text, sizeof said - strlen(said) - 1);
}

static const char *rules_if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == 1 ? "in0" : index == 2 ? "out0" : NULL;
}

/* NULL: there were mistakes. */
static inline struct sl_rules *rules_try(const char *text)
{
	struct sl_rules_env env = {.mem = {memory_get, memory_give, &rules_memory},
	        .report = rules_report,
	        .if_name = rules_if_name};

	said[0] = 0;
	return sl_rules_read(&env, "t.nft", text, strlen(text));
}

static inline struct sl_rules *rules_of(const char *text)
{
	struct sl_rules *r = rules_try(text);

	if (!r)
		fail_msg("%s\n%s", text, said);
	return r;
}

static inline void rules_end(struct sl_rules *r)
{
	sl_rules_destroy(r);
	assert_int_equal(rules_memory.held, 0);
}

/* ---- a packet -------------------------------------------------------------------------------- */

struct asked {
	uint8_t bytes[44];
	struct sl_packet packet;
	struct sl_parsed parsed;
	struct sl_policy_view view;
	struct sl__eval ev;
};

static inline void ask_begin(struct asked *a, struct sl_rules *r)
{
	static const uint8_t syn[44] = {0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10,
	        0, 0, 2, 0x03, 0xe8, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0,
	        0, 2, 4, 0x05, 0xb4};

	memset(a, 0, sizeof *a);
	memcpy(a->bytes, syn, sizeof syn);
	a->packet = (struct sl_packet){
	        .data = a->bytes, .len = sizeof a->bytes, .in_if = 1, .out_if = 2};
	assert_int_equal(sl__parse(&a->packet, &a->parsed), SL_WHY_NONE);
	a->view = (struct sl_policy_view){.packet = &a->packet,
	        .state = SL_CT_INVALID,
	        .hook = SL_FORWARD,
	        .stage = SL_BEFORE_NAT,
	        .in_if = 1,
	        .out_if = 2,
	        .now = SECOND,
	        .parsed = &a->parsed};
	a->ev = (struct sl__eval){.r = r, .view = &a->view};
}

#endif
