/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPTP's calls: their GRE packets are one connection and arrive with the ids that their receivers chose; several
 * calls and several clients with the same id behind one address; ICMP errors; GRE that nobody announced.
 * Tests: helpers/pptp.c src/help/gre_calls.c
 */
#include "tests/helpers/pptp.h"

static void a_call_is_one_connection(void **state)
{
	static struct world w;
	unsigned seen_x, seen_y;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		world_init(&w, &scenes[i & 1], 1u << i / 4);
		world_anything(&w);
		say(&w, SL_ORIGINAL, SCCRQ, 0x0100, 0, 0);
		say(&w, SL_REPLY, SCCRP, 0x0100, 0, 0);
		assert_int_equal(w.expects, 0);
		call(&w, 7, 9, &seen_x, &seen_y);
		assert_int_equal(w.expects, 2);
		assert_int_equal(seen_x, 7); /* free: kept */
		assert_int_equal(seen_y, 9);
		talk(&w, 7, 9, seen_x, seen_y, i & 2);
		assert_int_equal(
		        expects_alive(&w), 0); /* the one for the other direction went too */
		say(&w, SL_ORIGINAL, CCRQ, 7, 0, 0);
		assert_int_equal(w.conns_ended, 0);
		say(&w, SL_REPLY, CDN, 9, 0, 0);
		assert_int_equal(w.conns_ended, 1);
		world_complete(&w);
		world_fini(&w);
	}
}

/* ---- ICMP errors ----------------------------------------------------------------------------- */

/* How the last packet that left looked: what an error about it quotes. */
static uint8_t wire[48];

static bool note_wire(struct world *w, const struct sl_packet *p)
{
	(void)w;
	memset(wire, 0, sizeof(wire));
	memcpy(wire, p->data, p->len < sizeof(wire) ? p->len : sizeof(wire));
	return false;
}

/* The receiver of the packet that left last answers that there is nobody. */
static void send_error(struct world *w)
{
	const bool v6 = w->family == SL_IPV6;
	const uint32_t quote = v6 ? 48 : 28;
	const struct sl_tuple t = {.src = w->arrived.dst,
	        .dst = w->arrived.src,
	        .family = w->family,
	        .proto = v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP};
	struct sl_packet p;
	uint8_t *l4 = make_from(&w->g, &p, &t, 8 + quote);

	l4[0] = v6 ? 1 : 3; /* destination unreachable ... */
	l4[1] = v6 ? 4 : 3; /* ... port */
	memcpy(l4 + 8, wire, quote);
	fix_sums(&p);
	send_packet(w, p);
}

/* An error about a packet of a call finds its sender, and quotes what that one sent. */
static void check_error(struct world *w, enum sl_dir dir, uint16_t key)
{
	const uint32_t at = w->family == SL_IPV6 ? 8 : 12, size = w->family == SL_IPV6 ? 16 : 4;
	const struct sl_tuple t = gre(w, dir, key);

	w->on_leave = note_wire;
	send_tuple(w, &t, "ppp", 3);
	assert_true(w->left);
	send_error(w);
	assert_true(w->left);
	assert_int_equal(w->state, SL_CT_RELATED);
	assert_true(sl_addr_eq(&w->arrived.dst, &t.src));
	assert_true(sl_addr_eq(&w->arrived.src, &t.dst));
	assert_memory_equal(w->payload + at, t.src.b + 16 - size, size);
	assert_memory_equal(w->payload + at + size, t.dst.b + 16 - size, size);
	assert_int_equal(sl_get16(w->payload + at + 2 * size + 6), key);
}

static void errors_about_a_call_find_its_sender(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			unsigned seen_x, seen_y;

			world_init(&w, &scenes[v6], nat);
			world_anything(&w);
			call(&w, 7, 9, &seen_x, &seen_y);
			talk(&w, 7, 9, seen_x, seen_y, false);
			check_error(&w, SL_ORIGINAL, (uint16_t)seen_y);
			check_error(&w, SL_REPLY, (uint16_t)seen_x);
			world_second_client(
			        &w); /* its call id is taken: behind one address it is told another */
			call(&w, 7, 10, &seen_x, &seen_y);
			talk(&w, 7, 10, seen_x, seen_y, true);
			check_error(&w, SL_ORIGINAL, (uint16_t)seen_y);
			check_error(&w, SL_REPLY, (uint16_t)seen_x);
			world_fini(&w);
		}
	}
}

/* pptpd's first call id is 0; both may be. */
static void call_id_0_is_one_as_any_other(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		for (unsigned x = 0; x <= 7; x += 7) {
			unsigned seen_x, seen_y;

			world_init(&w, &scenes[0], nat);
			world_anything(&w);
			call(&w, x, 0, &seen_x, &seen_y);
			talk(&w, x, 0, seen_x, seen_y, false);
			check_error(&w, SL_REPLY, (uint16_t)seen_x);
			say(&w, SL_ORIGINAL, CCRQ, x, 0, 0);
			say(&w, SL_REPLY, CDN, 0, 0, 0);
			assert_int_equal(w.conns_ended, 1);
			say(&w, SL_REPLY, ICRQ, 0, 0, 0); /* and the other way round */
			say(&w, SL_ORIGINAL, ICRP, x, got(&w, SL_ORIGINAL, ICRQ, 12), 1);
			say(&w, SL_REPLY, ICCN, got(&w, SL_REPLY, ICRP, 12), 0, 0);
			assert_int_equal(w.expects, 4);
			world_complete(&w);
			world_fini(&w);
		}
	}
}

/* ---- more than one call ---------------------------------------------------------------------- */

static void the_end_of_control_ends_the_call(void **state)
{
	static struct world w;
	unsigned seen_x, seen_y;
	struct sl_tuple t;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	call(&w, 7, 9, &seen_x, &seen_y);
	talk(&w, 7, 9, seen_x, seen_y, false);
	send_flags(&w, SL_ORIGINAL, 4);
	wait_ms(&w, 11 * 1000);
	assert_int_equal(w.conns_ended, 2);
	t = gre(&w, SL_REPLY, 7);
	send_tuple(&w, &t, "ppp", 3);
	assert_int_equal(w.state, SL_CT_NEW); /* nobody knows it any more */
	world_fini(&w);
}

static void several_calls_in_a_session(void **state)
{
	static struct world w;
	unsigned seen_x[3], seen_y[3];

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	for (unsigned i = 0; i < 3; i++)
		call(&w, 7 + i, 19 + i, &seen_x[i], &seen_y[i]);
	assert_int_equal(expects_alive(&w), 6);
	for (unsigned i = 0; i < 3; i++)
		talk(&w, 7 + i, 19 + i, seen_x[i], seen_y[i], i == 1);
	say(&w, SL_REPLY, CDN, 20, 0, 0);
	assert_int_equal(w.conns_ended, 1);
	world_complete(&w);
	world_fini(&w);
}

static void the_same_call_id_behind_one_address(void **state)
{
	static struct world w;
	static struct end first[2];
	unsigned seen_x[2], seen_y[2];
	struct sl_tuple t;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	call(&w, 7, 9, &seen_x[0], &seen_y[0]);
	memcpy(first, w.end, sizeof(first));
	world_second_client(&w);
	call(&w, 7, 10, &seen_x[1], &seen_y[1]);
	assert_int_equal(seen_x[0], 7);
	assert_int_not_equal(seen_x[1], 7);
	talk(&w, 7, 10, seen_x[1], seen_y[1], true);
	/* everything that is said about the second call uses its translated id outside */
	say(&w, SL_REPLY, WEN, seen_x[1], 0, 0);
	assert_int_equal(got(&w, SL_ORIGINAL, WEN, 12), 7);
	say(&w, SL_ORIGINAL, SLI, 10, 0, 0);
	assert_int_equal(got(&w, SL_REPLY, SLI, 12), 10);
	say(&w, SL_ORIGINAL, CCRQ, 7, 0, 0);
	assert_int_equal(got(&w, SL_REPLY, CCRQ, 12), seen_x[1]);
	memcpy(w.end, first, sizeof(first));
	talk(&w, 7, 9, seen_x[0], seen_y[0], false);
	t = gre(&w, SL_REPLY, 7); /* the first client's still */
	send_tuple(&w, &t, "ppp", 3);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
	world_fini(&w);
}

/* The other way round: the PAC calls (ICRQ, ICRP, ICCN), and the server behind NAT. */
static void incoming_calls(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		world_init(&w, &scenes[0], nat);
		world_anything(&w);
		say(&w, SL_REPLY, ICRQ, 9, 0, 0);
		assert_int_equal(got(&w, SL_ORIGINAL, ICRQ, 12), 9);
		say(&w, SL_ORIGINAL, ICRP, 7, 9, 1);
		assert_int_equal(w.expects, 0);
		say(&w, SL_REPLY, ICCN, 7, 0, 0);
		assert_int_equal(w.expects, 2);
		talk(&w, 7, 9, 7, 9, nat == NAT_DST);
		world_complete(&w);
		world_fini(&w);
	}
}

/* GRE that nobody announced: by addresses, or by its key alone; two timeouts. */
static void other_gre(void **state)
{
	static struct world w;
	struct sl_tuple t;

	(void)state;
	world_init(&w, &scenes[0], NAT_NONE);
	world_anything(&w);
	t = gre(&w, SL_ORIGINAL, 77);
	send_tuple(&w, &t, "ppp", 3);
	assert_int_equal(w.state, SL_CT_NEW);
	t = gre(&w, SL_REPLY, 77);
	send_tuple(&w, &t, "ppp", 3);
	assert_int_equal(w.state, SL_CT_NEW); /* its own */
	wait_ms(&w, 31 * 1000);
	assert_int_equal(w.conns_ended, 2);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_call_is_one_connection),
	        cmocka_unit_test(errors_about_a_call_find_its_sender),
	        cmocka_unit_test(call_id_0_is_one_as_any_other),
	        cmocka_unit_test(the_end_of_control_ends_the_call),
	        cmocka_unit_test(several_calls_in_a_session),
	        cmocka_unit_test(the_same_call_id_behind_one_address),
	        cmocka_unit_test(incoming_calls),
	        cmocka_unit_test(other_gre),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
