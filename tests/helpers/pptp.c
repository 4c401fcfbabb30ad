/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPTP: call ids in every message that has them, and in the GRE packets of the call; several calls
 * and several clients with the same id behind one address.
 * Tests: helpers/pptp.c src/help/gre_calls.c
 */
#include "tests/helpers/dialogue.h"

#include "base/wire.h"

static const struct scene scenes[] = {
        {.helper = "pptp", .proto = SL_PROTO_TCP, .server_port = 1723, .family = SL_IPV4},
        {.helper = "pptp", .proto = SL_PROTO_TCP, .server_port = 1723, .family = SL_IPV6},
};

enum {
	SCCRQ = 1,
	SCCRP,
	STOP_RQ,
	STOP_RP,
	ECHO_RQ,
	ECHO_RP,
	OCRQ,
	OCRP,
	ICRQ,
	ICRP,
	ICCN,
	CCRQ,
	CDN,
	WEN,
	SLI
};

static const unsigned lengths[] = {[SCCRQ] = 156,
        [SCCRP] = 156,
        [STOP_RQ] = 16,
        [STOP_RP] = 16,
        [ECHO_RQ] = 16,
        [ECHO_RP] = 20,
        [OCRQ] = 168,
        [OCRP] = 32,
        [ICRQ] = 220,
        [ICRP] = 24,
        [ICCN] = 28,
        [CCRQ] = 16,
        [CDN] = 148,
        [WEN] = 40,
        [SLI] = 24};

/* A control message; the two ids stand first behind the header, then the result. */
static size_t control(uint8_t *m, unsigned type, unsigned first, unsigned second, unsigned result)
{
	memset(m, 0, 220);
	sl_put16(m, (uint16_t)lengths[type]);
	sl_put16(m + 2, 1);
	memcpy(m + 4, "\x1a\x2b\x3c\x4d", 4);
	sl_put16(m + 8, (uint16_t)type);
	sl_put16(m + 12, (uint16_t)first);
	if (second || result) {
		sl_put16(m + 14, (uint16_t)second);
		m[16] = (uint8_t)result;
	}
	return lengths[type];
}

static void say(struct world *w, enum sl_dir dir, unsigned type, unsigned first, unsigned second,
        unsigned result)
{
	uint8_t m[220];
	size_t n = control(m, type, first, second, result);

	send_message(w, dir, m, n);
	send_ack(w, !dir);
}

/* What the other end got last, at that offset from the message's begin. */
static unsigned got(const struct world *w, enum sl_dir by, unsigned type, unsigned offset)
{
	const struct receiver *e = &w->in[by];
	const struct end *from = &w->end[!by];
	uint32_t at = from->next - from->isn - 1 - lengths[type] + offset;

	return (unsigned)e->got[at] << 8 | e->got[at + 1];
}

static struct sl_tuple gre(const struct world *w, enum sl_dir dir, uint16_t key)
{
	const struct end *from = &w->end[dir];

	return (struct sl_tuple){.src = from->addr,
	        .dst = from->to,
	        .dport = key,
	        .proto = SL_PROTO_GRE,
	        .family = w->family};
}

/* Outgoing call: X = 7 of the client, Y = 9 of the server, as each is told. */
static void call(struct world *w, unsigned x, unsigned y, unsigned *seen_x, unsigned *seen_y)
{
	say(w, SL_ORIGINAL, OCRQ, x, 0, 0);
	*seen_x = got(w, SL_REPLY, OCRQ, 12);
	say(w, SL_REPLY, OCRP, y, *seen_x, 1);
	*seen_y = got(w, SL_ORIGINAL, OCRP, 12);
	assert_int_equal(got(w, SL_ORIGINAL, OCRP, 14), x);
}

/* Packets of the call arrive with the ids that their receivers chose. */
static void talk(struct world *w, unsigned x, unsigned y, unsigned seen_x, unsigned seen_y,
        bool server_first)
{
	for (unsigned i = 0; i < 4; i++) {
		enum sl_dir dir = (enum sl_dir)((i + server_first) & 1);
		struct sl_tuple t = gre(w, dir, (uint16_t)(dir == SL_ORIGINAL ? seen_y : seen_x));

		send_tuple(w, &t, "ppp", 3);
		assert_true(w->left);
		assert_int_equal(w->state, i == 0 ? SL_CT_RELATED : SL_CT_ESTABLISHED);
		assert_true(sl_addr_eq(&w->arrived.dst, &w->end[!dir].addr));
		assert_true(sl_addr_eq(&w->arrived.src, &w->end[!dir].to));
		assert_int_equal(w->arrived.dport, dir == SL_ORIGINAL ? y : x);
		assert_int_equal(w->payload_len, 3);
	}
}

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

static void refused_calls_open_nothing(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	say(&w, SL_ORIGINAL, OCRQ, 7, 0, 0);
	say(&w, SL_REPLY, OCRP, 9, 7, 4); /* busy */
	assert_int_equal(w.expects, 0);
	say(&w, SL_REPLY, OCRP, 9, 7, 1); /* and nobody asked for this one */
	assert_int_equal(w.expects, 0);
	assert_int_equal(w.remark, SL_WHY_HELPER_UNASKED);
	world_complete(&w);
	world_fini(&w);
}

/* What must be said before a message of this type by side dir; seen[]: ids as the other side is told them. */
static void prelude(
        struct world *w, enum sl_dir dir, unsigned type, const unsigned id[2], unsigned seen[2])
{
	seen[0] = id[0];
	seen[1] = id[1];
	if (type == OCRP || type == ICRP) {
		say(w, !dir, type - 1, id[!dir], 0, 0);
		seen[!dir] = got(w, dir, type - 1, 12);
	} else if (type == ICCN) {
		say(w, dir, ICRQ, id[dir], 0, 0);
		seen[dir] = got(w, !dir, ICRQ, 12);
		say(w, !dir, ICRP, id[!dir], seen[dir], 1);
		seen[!dir] = got(w, dir, ICRP, 12);
	} else if (type > ICCN) {
		call(w, id[0], id[1], &seen[0], &seen[1]);
	}
}

/* In two segments, the second one first, and once more. */
static void say_cut(struct world *w, enum sl_dir dir, const uint8_t *m, size_t cut, size_t n)
{
	uint32_t at = w->end[dir].next;

	send_part(w, dir, at, m, cut, n);
	send_part(w, dir, at, m, 0, cut);
	send_part(w, dir, at, m, cut, n);
	send_ack(w, !dir);
}

static void check_cut(
        const struct scene *scene, unsigned nat, enum sl_dir dir, unsigned type, size_t cut)
{
	static struct world w;
	const unsigned id[2] = {7, 10};
	const bool has_own = type != ICCN && type != WEN && type != SLI,
	           answers = type == OCRP || type == ICRP;
	unsigned seen[2], x, y, first;
	uint8_t m[220];

	world_init(&w, scene, nat);
	world_anything(&w);
	call(&w, 7, 9, &x, &y);
	world_second_client(&w);
	prelude(&w, dir, type, id, seen);
	control(m, type, has_own ? id[dir] : seen[!dir], answers ? seen[!dir] : 0, answers);
	say_cut(&w, dir, m, cut, lengths[type]);
	first = got(&w, !dir, type, 12);
	if (type == OCRQ ||
	        type == ICRQ) /* the first client's id is told again only to another address */
		assert_int_equal(first != id[dir], dir == SL_ORIGINAL && nat == NAT_SRC);
	else if (!has_own)
		assert_int_equal(first, id[!dir]);
	else if (!answers)
		assert_int_equal(first, seen[dir]);
	if (answers)
		assert_int_equal(got(&w, !dir, type, 14), id[!dir]);
	world_complete(&w);
	world_fini(&w);
}

/* Every message, by either side, cut at every byte: its ids arrive whole, and as the receiver knows them. */
static void each_message_cut_everywhere(void **state)
{
	(void)state;
	for (unsigned type = OCRQ; type <= SLI; type++)
		for (unsigned cut = 1; cut < lengths[type]; cut++)
			for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2)
				for (unsigned i = 0; i < 4; i++)
					check_cut(&scenes[i & 1], nat, (enum sl_dir)(i / 2), type,
					        cut);
}

static void hostile_messages_open_nothing(void **state)
{
	static struct world w;
	uint8_t m[220];
	size_t n;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	n = control(m, OCRP, 9, 7, 1);
	m[5] = 0; /* no cookie */
	send_message(&w, SL_REPLY, m, n);
	send_ack(&w, SL_ORIGINAL);
	n = control(m, OCRP, 9, 7, 1);
	sl_put16(m, 16); /* too short for its type */
	send_message(&w, SL_REPLY, m, 16);
	send_ack(&w, SL_ORIGINAL);
	assert_int_equal(w.expects, 0);
	/* no end of requests: bounded, and the last ones work */
	for (unsigned i = 1; i < 60; i++)
		say(&w, SL_ORIGINAL, OCRQ, i, 0, 0);
	say(&w, SL_REPLY, OCRP, 9, 59, 1);
	assert_int_equal(w.expects, 2);
	world_complete(&w);
	world_fini(&w);
}

/* A message that is not whole: its header goes on, its ids wait for the rest. */
static void ids_wait_for_the_rest(void **state)
{
	static struct world w;
	uint8_t m[220];
	size_t n = control(m, OCRQ, 7, 0, 0);
	uint32_t at;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	at = w.end[0].next;
	send_part(&w, SL_ORIGINAL, at, m, 0, 13);
	assert_int_equal(receiver_has(&w.in[SL_REPLY]), 12);
	send_part(&w, SL_ORIGINAL, at, m, 13, n);
	assert_int_equal(receiver_has(&w.in[SL_REPLY]), n);
	assert_int_equal(got(&w, SL_REPLY, OCRQ, 12), 7);
	world_complete(&w);
	world_fini(&w);
}

/* Only a call that was offered is connected by ICCN: any of those offered, in any order. */
static void only_offered_calls_are_connected(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	world_anything(&w);
	for (unsigned i = 0; i < 3; i++) {
		say(&w, SL_REPLY, ICRQ, 19 + i, 0, 0);
		say(&w, SL_ORIGINAL, ICRP, 7 + i, 19 + i, 1);
	}
	say(&w, SL_REPLY, ICCN, 7, 0, 0);
	assert_int_equal(expects_alive(&w), 2);
	talk(&w, 7, 19, 7, 19, true);
	say(&w, SL_ORIGINAL, OCRQ, 30, 0, 0); /* asked for, not offered */
	say(&w, SL_REPLY, ICCN, 30, 0, 0);
	assert_int_equal(expects_alive(&w), 0);
	world_complete(&w);
	world_fini(&w);
}

/* A connection whose beginning was not seen: a message begins where a header with the cookie does. */
static void picked_up(void **state)
{
	static struct world w;
	uint8_t m[1 + 220];
	unsigned x, y;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		world_place(&w, &scenes[0], nat);
		world_start(&w, "pptp");
		world_anything(&w);
		world_pick_up(&w);
		send_text(&w, SL_REPLY, "no message at all");
		send_ack(&w, SL_ORIGINAL);
		m[0] = 'x';
		send_message(&w, SL_ORIGINAL, m, 1 + control(m + 1, SCCRQ, 0x0100, 0, 0));
		send_ack(&w, SL_REPLY);
		say(&w, SL_REPLY, SCCRP, 0x0100, 0, 0);
		call(&w, 7, 9, &x, &y);
		assert_int_equal(w.expects, 2);
		talk(&w, 7, 9, x, y, nat == NAT_DST);
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
	        cmocka_unit_test(refused_calls_open_nothing),
	        cmocka_unit_test(each_message_cut_everywhere),
	        cmocka_unit_test(hostile_messages_open_nothing),
	        cmocka_unit_test(ids_wait_for_the_rest),
	        cmocka_unit_test(only_offered_calls_are_connected),
	        cmocka_unit_test(picked_up),
	        cmocka_unit_test(other_gre),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
