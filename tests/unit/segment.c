/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Payload and TCP header changed, and segments of our own: lengths, checksums of every kind, SACK
 * blocks back in the sender's numbers, time stamps, the MTU.
 */
#include "tests/lib/unit.h"

#include "help/editlog.h"
#include "help/segment.h"

static struct gateway g;

static const struct sl_help_env env = {.ctx = &g, .alloc = packet_alloc, .free = packet_free};

static struct sl_packet tcp(bool v6, const char *text)
{
	return make_tcp(&g, v6 ? "2001:db8:1::2" : "10.0.0.2", 4000,
	        v6 ? "2001:db8:2::9" : "192.0.2.9", 80, SL_ACK, 1000, 5000, text,
	        (uint32_t)strlen(text));
}

static void begin(void)
{
	gateway_init(&g, false);
	g.room = 64;
}

/* A TCP segment with these options, in hexadecimal (a multiple of 4 bytes), and no payload. */
static struct sl_packet with_options(const char *hex)
{
	uint32_t n = (uint32_t)strlen(hex) / 2;
	struct sl_packet p;
	uint8_t *l4 = make_ip(&g, &p, "10.0.0.2", "192.0.2.9", SL_PROTO_TCP, 20 + n);

	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

		l4[20 + i] = (uint8_t)strtoul(two, NULL, 16);
	}
	sl_put32(l4 + 4, 1000);
	sl_put32(l4 + 8, 5000);
	l4[12] = (uint8_t)((20 + n) / 4 << 4);
	l4[13] = SL_ACK;
	fix_sums(&p);
	return p;
}

/* ---- payload --------------------------------------------------------------------------------- */

static const char *const texts[] = {
        "", "x", "0123456789", "a much longer text than was there before"};

/* Any text in the place of any other: right lengths and checksums, in TCP and UDP, both families. */
static void payload(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < 4; kind++)
		for (unsigned from = 0; from < 4; from++)
			for (unsigned to = 0; to < 4; to++) {
				bool v6 = kind & 1;
				uint32_t n = (uint32_t)strlen(texts[to]);
				struct sl_parsed parsed, again;
				struct sl_packet p;
				uint16_t sum;

				begin();
				if (kind & 2) {
					struct sl_tuple t =
					        v6 ? tuple_of("2001:db8:1::2", 1, "2001:db8:2::9",
					                     2, SL_PROTO_UDP)
					           : tuple_of("10.0.0.2", 1, "192.0.2.9", 2,
					                     SL_PROTO_UDP);
					p = make_datagram(
					        &g, &t, texts[from], (uint32_t)strlen(texts[from]));
				} else
					p = tcp(v6, texts[from]);
				assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
				sum = sl__segment_sum(&p, &parsed);
				assert_true(sl__segment_payload(&env, &p, &parsed, texts[to], n));
				sl__segment_seal(&p, &parsed, sum);
				check_sums(&p);
				assert_int_equal(sl__parse(&p, &again), SL_WHY_NONE);
				assert_int_equal(again.len - again.payload, n);
				assert_memory_equal(p.data + again.payload, texts[to], n);
				assert_int_equal(p.altered, 1);
				packet_free(&g, &p);
			}
	assert_int_equal(g.packets, 0);
}

/* A checksum that was wrong is as wrong afterwards; a partial one stays partial; UDP's none stays none. */
static void checksums(void **unused)
{
	struct sl_parsed parsed;
	struct sl_packet p;
	uint16_t sum;

	(void)unused;
	begin();
	p = tcp(false, "0123");
	sl_put16(p.data + 36, sl__sum_fold(sl_get16(p.data + 36) + 0x1111u));
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	sum = sl__segment_sum(&p, &parsed);
	sl__segment_payload(&env, &p, &parsed, "abcdef", 6);
	sl__segment_seal(&p, &parsed, sum);
	assert_int_equal(sl__parse_checksum(&p, &parsed), SL_WHY_BAD_CHECKSUM);
	sl_put16(p.data + 36, sl__sum_fold(sl_get16(p.data + 36) + 0xeeeeu)); /* by just as much */
	assert_int_equal(sl__parse_checksum(&p, &parsed), SL_WHY_NONE);
	packet_free(&g, &p);

	p = tcp(false, "0123");
	p.csum = SL_CSUM_PARTIAL;
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	sl__segment_payload(&env, &p, &parsed, "abcdef", 6);
	sl__segment_seal(&p, &parsed, 0);
	assert_int_equal(
	        sl_get16(p.data + 36), (uint16_t)~sl__csum(pseudo_sum(p.data, SL_PROTO_TCP, 26)));
	packet_free(&g, &p);

	p = make_udp(&g, "10.0.0.2", 1, "192.0.2.9", 2, 4);
	sl_put16(p.data + 26, 0);
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	sum = sl__segment_sum(&p, &parsed);
	sl__segment_payload(&env, &p, &parsed, "abcdef", 6);
	sl__segment_seal(&p, &parsed, sum);
	assert_int_equal(sl_get16(p.data + 26), 0);
	packet_free(&g, &p);
}

static bool grow_no(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	(void)ctx, (void)p, (void)headroom, (void)tailroom;
	return true; /* says yes, and does nothing */
}

/* No room, or more than an IP packet holds: refused, and nothing was changed. */
static void no_room(void **unused)
{
	static const struct sl_help_env liar = {.ctx = &g, .grow = grow_no};
	static char much[70000];
	struct sl_parsed parsed;
	struct sl_packet p;

	(void)unused;
	gateway_init(&g, false);
	p = tcp(false, "0123"); /* room: none */
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	assert_false(sl__segment_payload(&env, &p, &parsed, "01234", 5));
	assert_false(sl__segment_payload(&liar, &p, &parsed, "01234", 5));
	assert_false(sl__segment_payload(&env, &p, &parsed, much, 65535 - 39));
	assert_int_equal(parsed.len, 44);
	assert_memory_equal(p.data + 40, "0123", 4);
	assert_true(sl__segment_payload(&env, &p, &parsed, "012", 3));
	packet_free(&g, &p);
}

/* ---- header ---------------------------------------------------------------------------------- */

static void header(void **unused)
{
	struct sl_parsed parsed, again;
	struct sl_packet p;
	uint16_t sum;

	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		begin();
		p = tcp(v6, "0123");
		assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
		sum = sl__segment_sum(&p, &parsed);
		sl__segment_set_seq(&p, &parsed, 0xfffffffe);
		sl__segment_set_ack(&p, &parsed, 7);
		sl__segment_set_flags(&p, &parsed, SL_ACK | SL_FIN | SL_URG);
		sl__segment_set_urgent(&p, &parsed, 3);
		sl__segment_seal(&p, &parsed, sum);
		check_sums(&p);
		assert_int_equal(sl__parse(&p, &again), SL_WHY_NONE);
		assert_int_equal(again.seq, 0xfffffffe);
		assert_int_equal(again.ack, 7);
		assert_int_equal(again.tcp_flags, SL_ACK | SL_FIN | SL_URG);
		assert_int_equal(sl__segment_urgent(&p, &again), 3);
		packet_free(&g, &p);
	}
}

/* Old bytes 1000 .. 1003 went out as 7: blocks behind them are 4 too far. A row: options, then. */
static const struct {
	const char *name, *before, *after;
} sacks[] = {
        {"none", "", ""},
        {"before the edit", "0101050a0000038400000388", "0101050a0000038400000388"},
        {"behind the edit", "0101050a000003f8000003fc", "0101050a000003f4000003f8"},
        {"two blocks", "01010512000003f8000003fc0000040000000404",
                "01010512000003f4000003f8000003fc00000400"},
        {"behind a time stamp", "0101080a00000001000000020101050a000003f8000003fc",
                "0101080a00000001000000020101050a000003f4000003f8"},
        {"an edge within the edit", "0101050a000003e8000003ea", "0101050a000003e8000003e8"},
        {"half a block", "0506000003f80000", "0506000003f80000"},
        {"behind the end", "0001050a000003f8000003fc", "0001050a000003f8000003fc"},
        {"longer than the header", "01010540000003f8000003fc", "01010540000003f8000003fc"},
        {"of length 0", "01010500000003f8000003fc", "01010500000003f8000003fc"},
};

static void each_sack(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(sacks) / sizeof(sacks[0]); i++) {
		struct sl_packet p, wanted;
		struct sl_parsed parsed;
		struct sl_editlog log = {0};
		bool changed;

		begin();
		assert_true(sl__editlog_add(&log, &g.env.mem, 1000, 3, "1234567", 7));
		p = with_options(sacks[i].before);
		wanted = with_options(sacks[i].after);
		assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
		changed = sl__segment_map_sack(&p, &parsed, &log);
		if (memcmp(p.data + 40, wanted.data + 40, p.len - 40) != 0)
			fail_msg("%s", sacks[i].name);
		assert_int_equal(changed, strcmp(sacks[i].before, sacks[i].after) != 0);
		packet_free(&g, &p);
		packet_free(&g, &wanted);
		sl__editlog_fini(&log, &g.env.mem);
		assert_int_equal(g.memory.held, 0);
	}
}

/* ---- segments of our own --------------------------------------------------------------------- */

static void collect(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	check_sums(p);
	((struct gateway *)ctx)->out[((struct gateway *)ctx)->n_out++] = *p;
}

/* In as many segments as the MTU asks for; what only the last one says, only the last one says. */
static void emitted(void **unused)
{
	static const struct {
		uint16_t mtu;
		uint32_t n;
		unsigned segments;
	} of[] = {{0, 0, 1}, {0, 5000, 1}, {1500, 1460, 1}, {1500, 1461, 2}, {140, 1000, 10},
	        {41, 3, 3}, {40, 100, 1}};
	static uint8_t bytes[5000];

	(void)unused;
	fill_bytes(bytes, sizeof(bytes), 1);
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct sl_help_env out = env;
			struct sl_template t = {0};
			struct sl_parsed parsed;
			uint32_t got = 0;
			struct sl_packet p;

			begin();
			out.emit = collect;
			p = tcp(v6, "0123");
			p.mtu = (uint16_t)(of[i].mtu + (of[i].mtu && v6 ? 20 : 0));
			p.mark = 9;
			assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
			assert_false(sl__segment_emit(
			        &out, &t, NULL, 1, 1, SL_ACK, bytes, 1)); /* nothing remembered */
			sl__segment_remember(&t, &p, &parsed);
			assert_int_equal(sl__segment_last_ack(&t), 5000);
			packet_free(&g, &p);
			assert_false(sl__segment_emit(
			        &env, &t, NULL, 1, 1, SL_ACK, bytes, 1)); /* no emit() */
			assert_true(sl__segment_emit(&out, &t, NULL, 0xffffff00, 77,
			        SL_ACK | SL_PSH | SL_FIN, bytes, of[i].n));
			assert_int_equal(g.n_out, of[i].segments);
			for (unsigned k = 0; k < g.n_out; k++) {
				bool last = k + 1 == g.n_out;

				assert_int_equal(sl__parse(&g.out[k], &parsed), SL_WHY_NONE);
				assert_int_equal(parsed.seq, 0xffffff00 + got);
				assert_int_equal(parsed.ack, 77);
				assert_int_equal(
				        parsed.tcp_flags, last ? SL_ACK | SL_PSH | SL_FIN : SL_ACK);
				assert_int_equal(g.out[k].mark, 9);
				assert_memory_equal(g.out[k].data + parsed.payload, bytes + got,
				        parsed.len - parsed.payload);
				got += parsed.len - parsed.payload;
			}
			assert_int_equal(got, of[i].n);
			gateway_drain(&g);
			assert_int_equal(g.packets, 0);
		}
}

/* Old SACK blocks are not said again, and the other side's last time stamp is echoed. */
static void options_of_our_own(void **unused)
{
	struct sl_help_env out = env;
	struct sl_template mine = {0}, theirs = {0};
	struct sl_parsed parsed;
	struct sl_packet p;

	(void)unused;
	begin();
	out.emit = collect;
	p = with_options("0101080a00000001000000020101050a000003f8000003fc");
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	sl__segment_remember(&mine, &p, &parsed);
	packet_free(&g, &p);
	sl__segment_echo_time(&mine, &theirs); /* nothing known: nothing happens */
	p = with_options("0101080a0badcafe00000001");
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	sl__segment_remember(&theirs, &p, &parsed);
	packet_free(&g, &p);
	sl__segment_echo_time(&mine, &theirs);
	assert_true(sl__segment_emit(&out, &mine, NULL, 1, 2, SL_ACK, NULL, 0));
	assert_int_equal(g.n_out, 1);
	assert_int_equal(sl_get32(g.out[0].data + 44), 1);
	assert_int_equal(sl_get32(g.out[0].data + 48), 0x0badcafe);
	for (unsigned i = 54; i < 64; i++)
		assert_int_equal(g.out[0].data[i], 1); /* NOP */
	gateway_drain(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(payload),
	        cmocka_unit_test(checksums),
	        cmocka_unit_test(no_room),
	        cmocka_unit_test(header),
	        cmocka_unit_test(each_sack),
	        cmocka_unit_test(emitted),
	        cmocka_unit_test(options_of_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
