/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's own helpers: the list ends, each is named once, all can be attached beside each
 * other, and no tunable or port is two helpers'.
 * Tests: src/engine/builtin.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

static struct gateway g;

static unsigned count(void)
{
	const struct sl_helper *const *all = sl_helpers_builtin();
	unsigned n = 0;

	while (all[n])
		n++;
	return n;
}

/* What the manual names (docs/sluice.1). */
static void each_is_there_once(void **unused)
{
	static const char *const names[] = {"amanda", "dhcpv6", "foo", "ftp", "H.245", "irc",
	        "mdns", "netbios-ns", "pptp", "Q.931", "RAS", "rpc", "rsh", "rtsp", "sane", "sip",
	        "slp", "snmp", "snmp_trap", "ssdp", "talk", "tftp", "tns", "wsd"};
	const struct sl_helper *const *all = sl_helpers_builtin();

	(void)unused;
	assert_ptr_equal(all, sl_helpers_builtin());
	assert_int_equal(count(), sizeof(names) / sizeof(names[0]));
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned found = 0;

		for (unsigned k = 0; all[k]; k++)
			found += !strcmp(all[k]->name, names[i]);
		if (found != 1)
			fail_msg("%s: %u times", names[i], found);
	}
}

/* Does it say what a helper must say? */
static void check(const struct sl_helper *h)
{
	assert_int_equal(h->abi, SL_HELPER_ABI);
	assert_int_equal(h->size, sizeof(*h));
	assert_true(h->message[SL_ORIGINAL] || h->message[SL_REPLY]);
	assert_int_equal(h->framing == SL_FRAME_OWN, h->frame != NULL);
	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++)
		assert_true(h->match[i].port || h->by_request); /* H.245's port is dynamic */
	for (unsigned i = 0; i < SL_HELPER_OPTIONS && h->options[i].name; i++) {
		assert_non_null(h->options[i].what);
		assert_true(h->options[i].value <= h->options[i].max);
	}
}

/*
 * All at once, as the program has them: no two want the same port or name. A second time none is taken. Those on
 * request (two of them want the same port) are there by name, and by their ports one at a time.
 */
static void all_beside_each_other(void **unused)
{
	const struct sl_helper *const *all = sl_helpers_builtin();

	(void)unused;
	gateway_init(&g, true);
	gateway_start(&g);
	for (unsigned i = 0; all[i]; i++) {
		check(all[i]);
		if (!sl_helper_register(g.engine, all[i], !all[i]->by_request))
			fail_msg("%s: its port or name is another's", all[i]->name);
	}
	for (unsigned i = 0; all[i]; i++)
		if (!all[i]->by_request)
			assert_false(sl_helper_register(g.engine, all[i], true));
	/* each one's options can be found by their names, and are its own */
	for (unsigned i = 0; all[i]; i++)
		for (unsigned k = 0; k < SL_HELPER_OPTIONS && all[i]->options[k].name; k++) {
			uint32_t value;

			assert_true(sl_tunable_get(g.engine, all[i]->options[k].name, &value));
			assert_int_equal(value, all[i]->options[k].value);
			assert_false(sl_tunable_set(
			        g.engine, all[i]->options[k].name, all[i]->options[k].max + 1));
		}
	for (unsigned i = 0; all[i]; i++)
		sl_helper_unregister(g.engine, all[i]);
	for (unsigned i = 0; all[i]; i++) {
		assert_true(sl_helper_register(g.engine, all[i], true));
		if (all[i]->by_request)
			sl_helper_unregister(g.engine, all[i]);
	}
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_is_there_once),
	        cmocka_unit_test(all_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
