/* SPDX-License-Identifier: BSD-2-Clause */
/* Which helper a connection gets, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "help/registry.h"
#include "tests/lib/memory.h"

static enum sl_help_result pass(struct sl_help *help, struct sl_message *message)
{
	(void)help, (void)message;
	return SL_PASS;
}

#define RECORD(called, ...)                                                                        \
	{                                                                                          \
		SL_HELPER_HEADER, .name = called, .match = {__VA_ARGS__},                          \
		                  .framing = SL_FRAME_LINE, .message = {                           \
			                  [SL_ORIGINAL] = pass                                     \
		                  }                                                                \
	}

static const struct sl_helper one = RECORD("one", {.proto = SL_PROTO_TCP, .port = 100});
static const struct sl_helper wide =
        RECORD("wide", {.proto = SL_PROTO_TCP, .port = 96, .port_mask = 0xfff0});
static const struct sl_helper six =
        RECORD("six", {.family = SL_IPV6, .proto = SL_PROTO_UDP, .port = 200});
static const struct sl_helper twin = RECORD("one", {.proto = SL_PROTO_TCP, .port = 300});
static const struct sl_helper rival = RECORD("rival", {.proto = SL_PROTO_TCP, .port = 100});

static struct sl_tuple reply_from(uint8_t family, uint8_t proto, uint16_t port)
{
	return (struct sl_tuple){.family = family, .proto = proto, .sport = port, .dport = 40000};
}

static const char *match(const struct sl_registry *r, uint8_t family, uint8_t proto, uint16_t port)
{
	struct sl_tuple t = reply_from(family, proto, port);
	const struct sl_helper *h = sl__registry_match(r, &t);

	return h ? h->name : "none";
}

static void most_bits_win(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_registry r;

	(void)state;
	sl__registry_init(&r, &mem);
	assert_true(sl__registry_add(&r, &wide, true, 0));
	assert_true(sl__registry_add(&r, &one, true, 0));
	assert_true(sl__registry_add(&r, &six, true, 0));
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 100), "one");
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 101), "wide");
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 112), "none");
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_UDP, 100), "none");
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_UDP, 200), "none");
	assert_string_equal(match(&r, SL_IPV6, SL_PROTO_UDP, 200), "six");
	assert_ptr_equal(sl__registry_by_name(&r, "wide"), &wide);
	assert_null(sl__registry_by_name(&r, "nobody"));
	assert_true(sl__registry_remove(&r, &one));
	assert_false(sl__registry_remove(&r, &one));
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 100), "wide");
	sl__registry_fini(&r);
	assert_int_equal(m.held, 0);
}

static void other_ports_and_by_name_only(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_registry r;

	(void)state;
	sl__registry_init(&r, &mem);
	assert_true(sl__registry_add(&r, &one, false, 0)); /* known, but attached by name only */
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 100), "none");
	assert_ptr_equal(sl__registry_by_name(&r, "one"), &one);
	assert_true(sl__registry_add(&r, &one, true, 2100));
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 2100), "one");
	assert_string_equal(match(&r, SL_IPV4, SL_PROTO_TCP, 100), "none");
	sl__registry_fini(&r);
	assert_int_equal(m.held, 0);
}

static void contradictions_are_refused(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_helper other;
	struct sl_registry r;

	(void)state;
	sl__registry_init(&r, &mem);
	assert_true(sl__registry_add(&r, &one, true, 0));
	assert_false(sl__registry_add(&r, &one, true, 0));   /* twice */
	assert_false(sl__registry_add(&r, &twin, true, 0));  /* its name is taken */
	assert_false(sl__registry_add(&r, &rival, true, 0)); /* its port is */
	other = wide;
	other.abi = SL_HELPER_ABI + 1;
	assert_false(sl__registry_add(&r, &other, true, 0));
	other = wide;
	other.size--;
	assert_false(sl__registry_add(&r, &other, true, 0));
	other = wide;
	other.name = NULL;
	assert_false(sl__registry_add(&r, &other, true, 0));
	m.fail_at = m.calls + 1;
	assert_false(sl__registry_add(&r, &wide, true, 0));
	assert_true(sl__registry_add(&r, &wide, true, 0));
	sl__registry_fini(&r);
	assert_int_equal(m.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(most_bits_win),
	        cmocka_unit_test(other_ports_and_by_name_only),
	        cmocka_unit_test(contradictions_are_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
