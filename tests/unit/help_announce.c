/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Announcements: which are refused and why, what the peer is shown instead, rows of ports, what is
 * said again; and expectations of the general form, removed and refreshed.
 * Tests: src/help/announce.c
 */
#include "helper_lib.h"

static struct gateway g;

/* ---- one announcement and what becomes of it ------------------------------------------------- */

static struct sl_announcement announcement;
static struct sl_endpoint seen;
static enum sl_reason answer;

static enum sl_help_result announce(struct sl_help *help, struct sl_message *message)
{
	memset(&seen, 0, sizeof(seen));
	answer = sl_expect_announced(help, message, &announcement, &seen);
	return SL_PASS;
}

static unsigned expects_alive(void)
{
	struct sl_stats stats;

	sl_stats(g.engine, &stats);
	return stats.expects;
}

static void say(const char *addr, uint16_t port, uint8_t ports)
{
	struct sl_packet p;

	announcement.written = (struct sl_endpoint){
	        .addr = addr_of(addr), .port = port, .family = SL_IPV4, .proto = SL_PROTO_UDP};
	announcement.ports = ports;
	p = say_udp(&g, true, "x", announce);
	assert_int_equal(acted, 1);
	done(&g, &p);
}

static const struct row {
	const char *name, *addr;
	uint16_t port;
	uint8_t ports, class_id, allow;
	enum sl_reason why;
	/* under NAT: what the peer is shown */
	uint16_t shown_least, shown_most;
} rows[] = {
        {"its own address", CLIENT, 5000, 0, 0, 0, SL_WHY_NONE, 5000, 5000},
        {"the highest port", CLIENT, 65535, 1, 0, 0, SL_WHY_NONE, 65535, 65535},
        {"the lowest port", CLIENT, 1024, 1, 0, 0, SL_WHY_NONE, 1024, 1024},
        {"a low port", CLIENT, 1023, 1, 0, 0, SL_WHY_HELPER_PORT, 0, 0},
        {"a low port that is meant", CLIENT, 1023, 1, 0, SL_ALLOW_LOW_PORT, SL_WHY_NONE, 1023,
                1023},
        {"port 0, whatever is meant", CLIENT, 0, 1, 0, SL_ALLOW_LOW_PORT, SL_WHY_HELPER_PORT, 0, 0},
        {"another host", "10.0.0.3", 5000, 1, 0, 0, SL_WHY_HELPER_ADDRESS, 0, 0},
        {"another host that is meant", "10.0.0.3", 5000, 1, 0, SL_ALLOW_OTHER_HOST, SL_WHY_NONE,
                5000, 5000},
        {"the peer's own address", SERVER, 5000, 1, 0, 0, SL_WHY_HELPER_ADDRESS, 0, 0},
        {"two ports", CLIENT, 5000, 2, 0, 0, SL_WHY_NONE, 5000, 5000},
        {"two ports from the last one", CLIENT, 65535, 2, 0, 0, SL_WHY_HELPER_RANGE, 0, 0},
        {"eight ports", CLIENT, 5001, 8, 1, 0, SL_WHY_NONE, 5001, 5001},
        {"nine ports", CLIENT, 5001, 9, 1, 0, SL_WHY_HELPER_RANGE, 0, 0},
        {"a class that is none", CLIENT, 5000, 1, 2, 0, SL_WHY_EXPECT_LIMIT, 0, 0},
        {"a class far off", CLIENT, 5000, 1, 200, 0, SL_WHY_EXPECT_LIMIT, 0, 0},
        {"its own end of this connection", CLIENT, 4000, 1, 0, 0, SL_WHY_NONE, 4000, 4000},
};

static void each_announcement(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const struct row *r = &rows[i];
			struct sl_addr shown;

			helper_begin(&g, nat);
			announcement = (struct sl_announcement){
			        .class_id = r->class_id, .allow = r->allow, .reason = "test"};
			say(r->addr, r->port, r->ports);
			if (answer != r->why)
				fail_msg("%s: %s", r->name, sl_reason_name(answer));
			assert_int_equal(expects_alive(), r->why ? 0 : r->ports ? r->ports : 1);
			if (r->why == SL_WHY_NONE) {
				shown = addr_of(nat ? PUBLIC : r->addr);
				assert_true(sl_addr_eq(&seen.addr, &shown));
				assert_in_range(seen.port, r->shown_least, r->shown_most);
				assert_int_equal(seen.proto, SL_PROTO_UDP);
			}
			gateway_end(&g);
		}
}

/* The other family cannot be made true. */
static void another_family(void **unused)
{
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, true);
	announcement = (struct sl_announcement){.written = {.addr = addr_of("2001:db8:1::2"),
	                                                .port = 5000,
	                                                .family = SL_IPV6,
	                                                .proto = SL_PROTO_UDP}};
	p = say_udp(&g, true, "x", announce);
	assert_int_equal(answer, SL_WHY_HELPER_ADDRESS);
	done(&g, &p);
	gateway_end(&g);
}

/* ---- who may come, and where to -------------------------------------------------------------- */

static enum sl_ctstate comes(const char *src, uint16_t sport, uint16_t dport, struct sl_addr *to)
{
	struct sl_packet p = make_udp(&g, src, sport, g.config.policy ? PUBLIC : CLIENT, dport, 4);
	enum sl_ctstate state;

	put_in(&g, &p);
	state = p.verdict == SL_ACCEPT ? (enum sl_ctstate)p.state : SL_CT_NONE;
	if (p.verdict == SL_ACCEPT && to)
		*to = sl_addr_v4(p.data + 16);
	done(&g, &p);
	return state;
}

static void whom_it_invites(void **unused)
{
	static const struct {
		uint8_t from;
		uint16_t from_port;
		const char *src;
		uint16_t sport;
		bool related;
	} of[] = {
	        {SL_FROM_PEER, 0, SERVER, 1, true},
	        {SL_FROM_PEER, 0, "192.0.2.10", 1, false},
	        {SL_FROM_PEER, 20, SERVER, 20, true},
	        {SL_FROM_PEER, 20, SERVER, 21, false},
	        {SL_FROM_ANYONE, 0, "198.51.100.77", 1, true},
	        {SL_FROM_ANYONE, 0, SERVER, 1, true},
	};

	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++)
		for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
			struct sl_addr to, client = addr_of(CLIENT);

			helper_begin(&g, nat);
			announcement = (struct sl_announcement){
			        .from = of[i].from, .from_port = of[i].from_port, .reason = "test"};
			say(CLIENT, 5000, 1);
			assert_int_equal(answer, SL_WHY_NONE);
			assert_int_equal(
			        comes(of[i].src, of[i].sport, seen.port, &to) == SL_CT_RELATED,
			        of[i].related);
			if (of[i].related)
				assert_true(sl_addr_eq(&to, &client));
			gateway_end(&g);
		}
}

/* Any host of the peer's network, if the route knows how wide that is. */
static void of_a_prefix(void **unused)
{
	(void)unused;
	for (uint8_t prefix = 0; prefix <= 24; prefix += 24) {
		helper_begin(&g, false);
		g.prefix = prefix;
		announcement = (struct sl_announcement){.from = SL_FROM_PREFIX, .reason = "test"};
		say(CLIENT, 5000, 1);
		/* the test's routes know prefixes inside only: the server's is not one */
		assert_int_equal(answer, SL_WHY_HELPER_ADDRESS);
		gateway_end(&g);
	}
}

/* ---- ports that are taken -------------------------------------------------------------------- */

/* Two clients announce the same port: the second is shown another one, and both are reached. */
static void port_is_somebody_elses(void **unused)
{
	struct sl_addr to, first = addr_of(CLIENT), second = addr_of("10.0.0.3");
	struct sl_tuple t = tuple_of("10.0.0.3", 4001, SERVER, 7777, SL_PROTO_UDP);
	struct sl_packet p;
	uint16_t shown;

	(void)unused;
	helper_begin(&g, true);
	announcement = (struct sl_announcement){.class_id = 0, .reason = "test"};
	say(CLIENT, 5000, 2);
	shown = seen.port;
	assert_int_equal(shown, 5000);
	announcement.written.addr = second;
	p = make_datagram(&g, &t, "x", 1);
	act = announce;
	put_in(&g, &p);
	done(&g, &p);
	assert_int_equal(answer, SL_WHY_NONE);
	assert_int_not_equal(seen.port, shown);
	assert_int_equal(seen.port % 2, 0); /* RTP stays even */
	assert_int_equal(comes(SERVER, 1, shown, &to), SL_CT_RELATED);
	assert_true(sl_addr_eq(&to, &first));
	assert_int_equal(comes(SERVER, 1, seen.port, &to), SL_CT_RELATED);
	assert_true(sl_addr_eq(&to, &second));
	gateway_end(&g);
}

/* Said again, before and after it was met: the same answer. */
static void said_again(void **unused)
{
	(void)unused;
	for (unsigned met = 0; met < 2; met++) {
		uint16_t shown;

		helper_begin(&g, true);
		announcement = (struct sl_announcement){.reason = "test"};
		say(CLIENT, 5000, 1);
		shown = seen.port;
		if (met)
			assert_int_equal(comes(SERVER, 1, shown, NULL), SL_CT_RELATED);
		say(CLIENT, 5000, 1);
		assert_int_equal(answer, SL_WHY_NONE);
		assert_int_equal(seen.port, shown);
		gateway_end(&g);
	}
}

/* More than are remembered: the answers stay true, and nothing grows. */
static void much_is_said(void **unused)
{
	(void)unused;
	helper_begin(&g, true);
	announcement = (struct sl_announcement){.class_id = 1, .reason = "test"};
	for (unsigned round = 0; round < 3; round++)
		for (uint16_t i = 0; i < 30; i++) {
			struct sl_addr to, client = addr_of(CLIENT);

			say(CLIENT, (uint16_t)(5000 + i), 1);
			assert_int_equal(answer, SL_WHY_NONE);
			if (round == 2) {
				assert_int_equal(comes(SERVER, (uint16_t)(100 + i), seen.port, &to),
				        SL_CT_RELATED);
				assert_true(sl_addr_eq(&to, &client));
			}
		}
	gateway_end(&g);
}

/* Ports of a shard's own slices alone, rows within one slice. */
static void ports_of_our_shard(void **unused)
{
	(void)unused;
	for (uint16_t shard = 0; shard < 3; shard++)
		for (uint8_t ports = 1; ports <= 8; ports++) {
			gateway_init(&g, true);
			g.room = 128;
			g.config.shards = 3;
			g.config.shard = shard;
			gateway_start(&g);
			assert_true(sl_helper_register(g.engine, &test_udp, true));
			announcement = (struct sl_announcement){.class_id = 1, .reason = "test"};
			/* a client that is at home here */
			for (uint8_t host = 2; host < 100; host++) {
				struct sl_addr addr = sl_addr_v4((uint8_t[4]){10, 0, 0, host});
				char text[SL_ADDR_TEXT];
				struct sl_packet p;
				struct sl_tuple t;

				if (sl_home_of_address(&addr, 3) != shard)
					continue;
				sl_addr_text(&addr, SL_IPV4, text);
				t = tuple_of(text, 4000, SERVER, 7777, SL_PROTO_UDP);
				announcement.written = (struct sl_endpoint){.addr = addr,
				        .port = 5000,
				        .family = SL_IPV4,
				        .proto = SL_PROTO_UDP};
				announcement.ports = ports;
				p = make_datagram(&g, &t, "x", 1);
				p.inside = true;
				act = announce;
				acted = 0;
				put_in(&g, &p);
				done(&g, &p);
				assert_int_equal(acted, 1);
				assert_int_equal(answer, SL_WHY_NONE);
				assert_int_equal(sl__port_owner(seen.port, 3), shard);
				assert_int_equal(
				        sl__port_owner((uint16_t)(seen.port + ports - 1), 3),
				        shard);
				break;
			}
			gateway_end(&g);
		}
}

/* ---- the general form, removed and refreshed ------------------------------------------------- */

static enum sl_help_result expect_three(struct sl_help *help, struct sl_message *message)
{
	struct sl_expectation e = {
	        .tuple = tuple_of(SERVER, 0, CLIENT, 6000, SL_PROTO_UDP), .reason = "test"};

	(void)message;
	memset(&e.mask.src, 0xff, 16);
	memset(&e.mask.dst, 0xff, 16);
	e.mask.dport = 0xffff;
	e.mask.proto = 0xff;
	e.mask.family = e.tuple.family;
	for (uint16_t i = 0; i < 3; i++) {
		e.tuple.dport = (uint16_t)(6000 + i);
		e.class_id = 1;
		e.cookie = i;
		e.flags = i == 2 ? SL_EXPECT_INACTIVE : 0;
		assert_int_equal(sl_expect_related(help, &e), SL_WHY_NONE);
	}
	e.class_id = 3;
	assert_int_equal(sl_expect_related(help, &e), SL_WHY_EXPECT_LIMIT);
	return SL_PASS;
}

static struct sl_which which;
static unsigned changed;
static bool refresh;

static enum sl_help_result change(struct sl_help *help, struct sl_message *message)
{
	(void)message;
	changed = refresh ? sl_expect_refresh(help, &which, 5) : sl_expect_remove(help, &which);
	return SL_PASS;
}

static const struct sl_endpoint at_6001 = {.port = 6001, .family = SL_IPV4, .proto = SL_PROTO_UDP};

static void which_are_meant(void **unused)
{
	static const struct {
		const char *name;
		uint8_t classes;
		bool inactive, written;
		uint32_t cookie;
		unsigned n;
	} of[] = {
	        {"all", 0, false, false, 0, 3},
	        {"of the class", 1 << 1, false, false, 0, 3},
	        {"of another class", 1 << 0, false, false, 0, 0},
	        {"the inactive one", 0, true, false, 0, 1},
	        {"one cookie", 0, false, false, 1, 1},
	        {"one endpoint", 0, false, true, 0, 1},
	        {"one endpoint with another cookie", 0, false, true, 2, 0},
	};

	(void)unused;
	for (unsigned again = 0; again < 2; again++)
		for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
			struct sl_endpoint written = at_6001;
			struct sl_packet p;

			written.addr = addr_of(CLIENT);
			helper_begin(&g, false);
			p = say_udp(&g, true, "x", expect_three);
			done(&g, &p);
			assert_int_equal(expects_alive(), 3);
			which = (struct sl_which){.classes = of[i].classes,
			        .inactive = of[i].inactive,
			        .cookie = of[i].cookie,
			        .written = of[i].written ? &written : NULL};
			refresh = again;
			p = say_udp(&g, true, "x", change);
			done(&g, &p);
			if (changed != of[i].n)
				fail_msg("%s: %u", of[i].name, changed);
			assert_int_equal(expects_alive(), again ? 3 : 3 - of[i].n);
			if (again) { /* those end in 5 seconds now, the others later */
				g.now += 6 * SECOND;
				while (sl_clock(g.engine, g.now, 0))
					;
				assert_int_equal(expects_alive(), 3 - of[i].n);
			}
			gateway_end(&g);
		}
}

/* ---- a helper that decides where a related connection goes ----------------------------------- */

static struct sl_related asked; /* what it was proposed */
static uint16_t decided_port;   /* it goes there; 0: as proposed */
static enum sl_reason decided;

static enum sl_reason decide(struct sl_help *help, struct sl_related *related)
{
	(void)help;
	asked = *related;
	if (decided_port)
		related->dst.port = decided_port;
	return decided;
}

static const struct sl_helper deciding = {SL_HELPER_HEADER, .name = "deciding",
        .match = {{.proto = SL_PROTO_UDP, .port = 7777}}, .classes = TEST_CLASSES,
        .framing = SL_FRAME_DATAGRAM, .message = {test_message, test_message}, .expected = decide};

/* The announced port 5000 is met at the public address; where the packet goes, 0: nowhere. */
static uint16_t meets(enum sl_reason *why)
{
	struct sl_packet p;
	uint16_t to = 0;

	p = make_udp(&g, SERVER, 20, g.config.policy ? PUBLIC : CLIENT, seen.port, 4);
	put_in(&g, &p);
	*why = (enum sl_reason)p.reason;
	if (p.verdict == SL_ACCEPT) {
		assert_int_equal(p.state, SL_CT_RELATED);
		to = sl_get16(p.data + 22);
	}
	done(&g, &p);
	return to;
}

static void begin_deciding(bool nat)
{
	gateway_init(&g, nat);
	g.room = 128;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, &deciding, true));
	announcement = (struct sl_announcement){.class_id = 1, .cookie = 77, .reason = "test"};
	decided_port = 0;
	decided = SL_WHY_NONE;
	memset(&asked, 0, sizeof(asked));
	say(CLIENT, 5000, 1);
	assert_int_equal(answer, SL_WHY_NONE);
}

static void the_helper_decides(void **unused)
{
	struct sl_addr client = addr_of(CLIENT);
	enum sl_reason why;

	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++) {
		begin_deciding(nat);
		assert_int_equal(meets(&why), 5000); /* as proposed */
		assert_int_equal(asked.class_id, 1);
		assert_int_equal(asked.cookie, 77);
		assert_int_equal(asked.from, SL_REPLY);
		assert_true(sl_addr_eq(&asked.announced.addr, &client));
		assert_int_equal(asked.announced.port, 5000);
		assert_int_equal(asked.tuple.sport, 20);
		assert_int_equal(asked.dst_nat, nat);
		gateway_end(&g);

		begin_deciding(nat);
		decided = SL_WHY_HELPER_PORT; /* refused: it is dropped, and that is why */
		assert_int_equal(meets(&why), 0);
		assert_int_equal(why, SL_WHY_HELPER_PORT);
		gateway_end(&g);
	}
	begin_deciding(true);
	decided_port = 6000; /* elsewhere */
	assert_int_equal(meets(&why), 6000);
	gateway_end(&g);
}

/* A row of which a later port is somebody else's goes elsewhere as a whole. */
static void a_row_stays_together(void **unused)
{
	struct sl_tuple t = tuple_of("10.0.0.3", 4001, SERVER, 7777, SL_PROTO_UDP);
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, true);
	announcement = (struct sl_announcement){.class_id = 1, .reason = "test"};
	say(CLIENT, 5001, 1);
	announcement.written = (struct sl_endpoint){.addr = addr_of("10.0.0.3"),
	        .port = 5000,
	        .family = SL_IPV4,
	        .proto = SL_PROTO_UDP};
	announcement.ports = 2;
	p = make_datagram(&g, &t, "x", 1);
	act = announce;
	put_in(&g, &p);
	done(&g, &p);
	assert_int_equal(answer, SL_WHY_NONE);
	assert_int_equal(seen.port, 5002);
	assert_int_equal(expects_alive(), 3);
	gateway_end(&g);
}

/* Each allocation fails once: refused, and nothing is half expected. */
static void without_memory(void **unused)
{
	bool failed = true;

	(void)unused;
	for (unsigned long n = 1; failed; n++) {
		assert_true(n < 100);
		helper_begin(&g, true);
		announcement = (struct sl_announcement){.reason = "test"};
		g.memory.fail_at = g.memory.calls + n;
		announcement.written = (struct sl_endpoint){.addr = addr_of(CLIENT),
		        .port = 5000,
		        .family = SL_IPV4,
		        .proto = SL_PROTO_UDP};
		announcement.ports = 1;
		answer = SL_WHY_NO_MEMORY;
		{
			struct sl_packet p = say_udp(&g, true, "x", announce);

			done(&g, &p);
		}
		failed = g.memory.calls >= g.memory.fail_at;
		g.memory.fail_at = 0;
		if (answer == SL_WHY_NONE)
			assert_true(expects_alive() <= 1);
		else
			assert_int_equal(expects_alive(), 0);
		gateway_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_announcement),
	        cmocka_unit_test(another_family),
	        cmocka_unit_test(whom_it_invites),
	        cmocka_unit_test(of_a_prefix),
	        cmocka_unit_test(port_is_somebody_elses),
	        cmocka_unit_test(said_again),
	        cmocka_unit_test(much_is_said),
	        cmocka_unit_test(ports_of_our_shard),
	        cmocka_unit_test(which_are_meant),
	        cmocka_unit_test(the_helper_decides),
	        cmocka_unit_test(a_row_stays_together),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
