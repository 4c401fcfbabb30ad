/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPTP's messages: call ids in each that has them, cut everywhere; what opens nothing.
 * Tests: helpers/pptp.c
 */
#include "tests/helpers/pptp.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(refused_calls_open_nothing),
	        cmocka_unit_test(each_message_cut_everywhere),
	        cmocka_unit_test(hostile_messages_open_nothing),
	        cmocka_unit_test(ids_wait_for_the_rest),
	        cmocka_unit_test(only_offered_calls_are_connected),
	        cmocka_unit_test(picked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
