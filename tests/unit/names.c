/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that others rely on: reasons, tunables. Each is there, and there once.
 * Tests: src/track/reason.c src/track/tunables.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/sluice.h>

#include "track/tunables.h"

static void each_reason_has_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < SL_WHY_COUNT; i++) {
		const char *name = sl_reason_name((enum sl_reason)i),
		           *text = sl_reason_text((enum sl_reason)i);

		if (!name || !text || !*text)
			fail_msg("reason %d has no name or no text", i);
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name));
		for (int n = 0; n < i; n++)
			if (!strcmp(name, sl_reason_name((enum sl_reason)n)))
				fail_msg("two reasons are called %s", name);
	}
	assert_string_equal(sl_reason_name((enum sl_reason)SL_WHY_COUNT), "unknown");
	assert_string_equal(sl_reason_text((enum sl_reason) - 1), "unknown");
}

static void each_difference_from_linux_has_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < SL_BEYOND_COUNT; i++)
		if (!sl_beyond_name((enum sl_beyond)i) ||
		        !strcmp(sl_beyond_name((enum sl_beyond)i), "unknown"))
			fail_msg("difference %d has no name", i);
	assert_string_equal(sl_beyond_name((enum sl_beyond)SL_BEYOND_COUNT), "unknown");
}

/* Two names of one number: Linux gathers IPv6 fragments in two places, we do in one. */
static bool same_tunable(unsigned a, unsigned b)
{
	const char *one = sl__tunables_name(a), *two = sl__tunables_name(b);

	if (!strcmp(one, "ip6frag_time"))
		return !strcmp(two, "nf_conntrack_frag6_timeout");
	return a == b || (!strcmp(two, "ip6frag_time") && same_tunable(b, a));
}

static void each_tunable_keeps_what_it_is_given(void **state)
{
	struct sl_tunables set;
	uint32_t before[100], value;
	unsigned n = 0;

	(void)state;
	sl__tunables_init(&set);
	for (; sl__tunables_name(n); n++) {
		assert_true(n < 100);
		assert_true(sl__tunables_get(&set, sl__tunables_name(n), &before[n]));
	}
	assert_true(n > 20);
	for (unsigned i = 0; i < n; i++) {
		uint32_t other = before[i] ? 0 : 1;

		assert_true(sl__tunables_set(&set, sl__tunables_name(i), other));
		for (unsigned k = 0; k < n; k++) { /* and no other one changes */
			assert_true(sl__tunables_get(&set, sl__tunables_name(k), &value));
			if (value != (k == i || same_tunable(k, i) ? other : before[k]))
				fail_msg("%s changes %s", sl__tunables_name(i),
				        sl__tunables_name(k));
		}
		assert_true(sl__tunables_set(&set, sl__tunables_name(i), before[i]));
	}
	assert_false(sl__tunables_set(&set, "nf_conntrack_tcp_loose", 2));
	assert_false(sl__tunables_set(&set, "nf_conntrack_udp_timeout", UINT32_MAX));
	assert_false(sl__tunables_set(&set, "nf_conntrack_nonsense", 1));
	assert_false(sl__tunables_get(&set, "", &value));
}

/* The defaults are those of Linux. */
static void defaults(void **state)
{
	static const struct {
		const char *name;
		uint32_t value;
	} linux_[] = {{"nf_conntrack_tcp_timeout_established", 432000},
	        {"nf_conntrack_tcp_timeout_syn_sent", 120},
	        {"nf_conntrack_tcp_timeout_syn_recv", 60},
	        {"nf_conntrack_tcp_timeout_fin_wait", 120},
	        {"nf_conntrack_tcp_timeout_close_wait", 60},
	        {"nf_conntrack_tcp_timeout_last_ack", 30},
	        {"nf_conntrack_tcp_timeout_time_wait", 120}, {"nf_conntrack_tcp_timeout_close", 10},
	        {"nf_conntrack_tcp_timeout_max_retrans", 300},
	        {"nf_conntrack_tcp_timeout_unacknowledged", 300}, {"nf_conntrack_udp_timeout", 30},
	        {"nf_conntrack_udp_timeout_stream", 120}, {"nf_conntrack_icmp_timeout", 30},
	        {"nf_conntrack_icmpv6_timeout", 30}, {"nf_conntrack_generic_timeout", 600},
	        {"nf_conntrack_gre_timeout", 30}, {"nf_conntrack_gre_timeout_stream", 180},
	        {"nf_conntrack_tcp_loose", 1}, {"nf_conntrack_tcp_be_liberal", 0},
	        {"nf_conntrack_tcp_max_retrans", 3}, {"nf_conntrack_checksum", 1}};
	struct sl_tunables set;
	uint32_t value;

	(void)state;
	sl__tunables_init(&set);
	for (unsigned i = 0; i < sizeof(linux_) / sizeof(linux_[0]); i++) {
		assert_true(sl__tunables_get(&set, linux_[i].name, &value));
		if (value != linux_[i].value)
			fail_msg("%s is %u", linux_[i].name, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_reason_has_its_name),
	        cmocka_unit_test(each_difference_from_linux_has_its_name),
	        cmocka_unit_test(each_tunable_keeps_what_it_is_given), cmocka_unit_test(defaults)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
