/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modules of examples/foo-2000 as shared objects: loaded and unloaded in either order, alone
 * and together, with a connection and its expectation alive.
 *
 *	client 10.0.0.2:40000 ---- engine ---- server 198.51.100.7:111
 *	                      203.0.113.1
 *
 * usage: test-netfilter2000 ip_conntrack_foo.so ip_nat_foo.so
 */
#include <dlfcn.h>

#include "tests/lib/unit.h"

#include <sluice/netfilter2000.h>

#define CLIENT "10.0.0.2"
#define SERVER "198.51.100.7"

enum { TRACK, NAT };

static const char *paths[2];

struct world {
	struct gateway g;
	struct nf2000 *host;
	void *handle[2];
	const struct nf2000_module *module[2];
	uint32_t next; /* what the client sends next */
};

static void load(struct world *w, unsigned which)
{
	w->handle[which] = dlopen(paths[which], RTLD_NOW | RTLD_LOCAL);
	if (!w->handle[which])
		fail_msg("%s", dlerror());
	w->module[which] = dlsym(w->handle[which], "nf2000_module");
	assert_non_null(w->module[which]);
	assert_int_equal(sl_nf2000_load(w->host, w->module[which]), 0);
}

static void unload(struct world *w, unsigned which)
{
	w->module[which]->fini();
	dlclose(w->handle[which]);
	w->handle[which] = NULL;
	assert_null(sl_engine_check(w->g.engine));
}

static void world_init(struct world *w, bool nat)
{
	memset(w, 0, sizeof(*w));
	gateway_init(&w->g, nat);
	gateway_start(&w->g);
	w->host = sl_nf2000_create(w->g.engine, &w->g.env.mem);
	assert_non_null(w->host);
}

static void world_fini(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		if (w->handle[i])
			unload(w, i);
	sl_nf2000_destroy(w->host);
	gateway_end(&w->g);
}

static void open_control(struct world *w)
{
	const char *back = w->g.config.policy ? "203.0.113.1" : CLIENT;

	put_in_once(&w->g, make_tcp(&w->g, CLIENT, 40000, SERVER, 111, SL_SYN, 100, 0, NULL, 0));
	put_in_once(&w->g,
	        make_tcp(&w->g, SERVER, 111, back, 40000, SL_SYN | SL_ACK, 500, 101, NULL, 0));
	w->next = 101;
}

/* What the server gets when the client says this; "" when it was dropped. */
static const char *say(struct world *w, const char *line)
{
	static char got[128];
	struct sl_packet p = make_tcp(&w->g, CLIENT, 40000, SERVER, 111, SL_ACK | SL_PSH, w->next,
	        501, line, (uint32_t)strlen(line));

	w->next += (uint32_t)strlen(line);
	put_in(&w->g, &p);
	got[0] = '\0';
	if (p.verdict == SL_ACCEPT) {
		assert_true(p.len - 40 < sizeof(got));
		memcpy(got, p.data + 40, p.len - 40);
		got[p.len - 40] = '\0';
	}
	if (p.verdict != SL_HELD)
		packet_free(&w->g, &p);
	return got;
}

static unsigned expected(struct world *w)
{
	struct sl_stats stats;

	sl_stats(w->g.engine, &stats);
	return stats.expects;
}

/* The server connects; is that RELATED, and where does it go? */
static void check_related(
        struct world *w, const char *to, uint16_t port, const char *really, bool related)
{
	struct sl_packet p = make_tcp(&w->g, SERVER, 2000, to, port, SL_SYN, 7, 0, NULL, 0);
	struct sl_addr dst = addr_of(really);

	put_in(&w->g, &p);
	assert_int_equal(p.state == SL_CT_RELATED, related);
	if (related) {
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_memory_equal(p.data + 16, dst.b + 12, 4);
		assert_int_equal(sl_get16(p.data + 22), 4711);
	}
	packet_free(&w->g, &p);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void both_in_either_order(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 4; order++) {
		unsigned first = order & 1, last = order >> 1;
		struct world w;

		world_init(&w, true);
		load(&w, first);
		load(&w, !first);
		open_control(&w);
		assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 203.0.113.1 4711\r\n");
		assert_int_equal(expected(&w), 1);
		check_related(&w, "203.0.113.1", 4711, CLIENT, true);
		assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 203.0.113.1 4711\r\n");
		unload(&w, last);
		unload(&w, !last);
		assert_int_equal(expected(&w), 0); /* nothing of theirs is left */
		assert_string_equal(say(&w, "HERE 10.0.0.2 4712\r\n"), "HERE 10.0.0.2 4712\r\n");
		world_fini(&w);
	}
}

static void without_nat_half(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	load(&w, TRACK);
	open_control(&w);
	assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 10.0.0.2 4711\r\n");
	check_related(&w, CLIENT, 4711, CLIENT, true);
	world_fini(&w);

	/* Translated, but nobody translates the payload: tracked all the same. */
	world_init(&w, true);
	load(&w, TRACK);
	open_control(&w);
	assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 10.0.0.2 4711\r\n");
	assert_int_equal(expected(&w), 1);
	check_related(&w, "203.0.113.1", 4711, CLIENT, false);
	world_fini(&w);
}

static void without_tracking_half(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	load(&w, NAT);
	open_control(&w);
	assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 10.0.0.2 4711\r\n");
	assert_int_equal(expected(&w), 0);
	load(&w, TRACK); /* from now on it is understood */
	assert_string_equal(say(&w, "HERE 10.0.0.2 4711\r\n"), "HERE 203.0.113.1 4711\r\n");
	assert_int_equal(expected(&w), 1);
	world_fini(&w);
}

static void nothing_for_others(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	load(&w, TRACK);
	load(&w, NAT);
	open_control(&w);
	assert_string_equal(
	        say(&w, "HERE 10.0.0.3 4711\r\n"), "HERE 10.0.0.3 4711\r\n"); /* another host */
	assert_string_equal(say(&w, "HERE 10.0.0.2 23\r\n"), "HERE 10.0.0.2 23\r\n");
	assert_string_equal(say(&w, "THERE 10.0.0.2 4711\r\n"), "THERE 10.0.0.2 4711\r\n");
	assert_int_equal(expected(&w), 0);
	world_fini(&w);
}

static void in_two_segments(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	load(&w, NAT);
	load(&w, TRACK);
	open_control(&w);
	assert_string_equal(say(&w, "HERE 10.0."), "");
	assert_string_equal(say(&w, "0.2 4711\r\n"), "HERE 203.0.113.1 4711\r\n");
	check_related(&w, "203.0.113.1", 4711, CLIENT, true);
	world_fini(&w);
}

static void refused(void **state)
{
	struct nf2000_module other;
	struct world w;

	(void)state;
	world_init(&w, true);
	load(&w, TRACK);
	assert_int_not_equal(w.module[TRACK]->init(), 0); /* somebody has its tuple: itself */
	other = *w.module[TRACK];
	other.abi++;
	assert_int_equal(sl_nf2000_load(w.host, &other), -8);
	world_fini(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_in_either_order),
	        cmocka_unit_test(without_nat_half),
	        cmocka_unit_test(without_tracking_half),
	        cmocka_unit_test(nothing_for_others),
	        cmocka_unit_test(in_two_segments),
	        cmocka_unit_test(refused),
	};

	if (argc != 3)
		return 2;
	paths[TRACK] = argv[1];
	paths[NAT] = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
