/* SPDX-License-Identifier: BSD-2-Clause */
/* See dialogue.h. The two ends and their engine: tests/lib/world.h. */
#include "tests/helpers/dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "tests/lib/must.h"

#define TEXT   8192
#define EVENTS 1024

/* How the message of one row travels. */
enum way {
	WHOLE,
	CUT,
	CUT_SWAPPED, /* the second part first, then all of it again */
	CUT_WAITED,
	CUT_OVERLAP, /* the second part begins inside the first */
	CUT_FIRST_TWICE,
	CUT_SECOND_TWICE,
	CUT_AGAIN,       /* all of it again behind it */
	THREE_BACKWARDS, /* three parts, the last one first */
	THREE_TURNED,    /* the second, the third, the first; then the first two again */
	BYTES,
	NAGLE, /* byte by byte, each one acknowledged before the next is sent */
	WAYS
};

struct play {
	struct world w;
	const struct dialogue *d;
	struct sl_addr third[2];
	char events[EVENTS];
};

static void fail_with(const char *what, const char *a, const char *b)
{
	fail_msg("%s: %s\n  must be: %s\n  is:      %s", must_playing, what, a, b);
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* How `viewer` (0: client, 1: server) must see the host called `name`. */
static struct sl_addr seen_by(const struct play *w, unsigned viewer, char name)
{
	switch (name) {
	case 'c':
		return viewer ? w->w.end[1].to : w->w.end[0].addr;
	case 's':
		return viewer ? w->w.end[1].addr : w->w.end[0].to;
	case 't':
		return w->third[1];
	case 'u':
		return w->third[0];
	default:
		return w->w.public_addr;
	}
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void put_hex(struct sl_out *o, struct sl_text *t)
{
	while (sl_text_left(t) >= 2 && sl_text_peek(t) != '}') {
		struct sl_text two = sl_text_of(t->at, 2);
		uint32_t v = 0;

		assert_true(sl_text_hex(&two, 255, &v));
		sl_text_put_char(o, (char)v);
		t->at += 2;
	}
}

/* What has its length before it, which is filled in at its end. */
struct element {
	char *begin; /* of the length */
	char kind;
};

/*
 * "(30": a BER element begins. "<s": an XDR string; "<m": a record, with its mark over TCP; "<2": two bytes
 * say how many follow; "<t": two bytes say how many they and the rest are.
 */
static void open_element(
        const struct play *w, struct sl_out *o, struct sl_text *t, char how, struct element *e)
{
	struct sl_text two = sl_text_of(t->at, 2);
	uint32_t tag = 0;

	e->kind = how == '(' ? 'b' : *t->at++;
	if (e->kind == 'b') {
		assert_true(sl_text_hex(&two, 255, &tag));
		t->at += 2;
		sl_text_put_char(o, (char)tag);
	}
	if (e->kind == 'm' && w->w.proto != SL_PROTO_TCP)
		e->kind = 0;
	e->begin = o->at;
	for (unsigned n = e->kind == 's' || e->kind == 'm' ? 4 : e->kind == 'b' ? 1 : 2;
	        n && e->kind; n--)
		sl_text_put_char(o, 0);
}

static void close_element(struct sl_out *o, const struct element *e)
{
	size_t n = (size_t)(o->at - e->begin);
	uint8_t *begin = (uint8_t *)e->begin;

	if (e->kind == 'b') {
		assert_true(n <= 128);
		*begin = (uint8_t)(n - 1);
	} else if (e->kind == 's') {
		sl_put32(begin, (uint32_t)n - 4);
		for (; n & 3; n++)
			sl_text_put_char(o, 0);
	} else if (e->kind == 'm') {
		sl_put32(begin, 0x80000000u | ((uint32_t)n - 4));
	} else if (e->kind) {
		sl_put16(begin, (uint16_t)(e->kind == 't' ? n : n - 2));
	}
}

static void put_addr(const struct play *w, struct sl_out *o, unsigned viewer, char form, char name)
{
	struct sl_addr a = seen_by(w, viewer, name);
	char text[SL_ADDR_TEXT];

	if (form == '=') {
		sl_text_put_bytes(o, a.b + 12, 4);
		return;
	}
	if (form == '%') {
		if (w->w.family == SL_IPV4)
			sl_text_put_bytes(o, a.b + 12, 4);
		else
			sl_text_put_bytes(o, a.b, 16);
		return;
	}
	if (form == '#') {
		sl_text_put_uint(o, sl_get32(a.b + 12));
		return;
	}
	if (form == ',') {
		for (unsigned i = w->w.family == SL_IPV4 ? 12 : 0; i < 16; i++) {
			sl_text_put_uint(o, a.b[i]);
			if (i < 15)
				sl_text_put_char(o, ',');
		}
		return;
	}
	if (form == '[' && w->w.family == SL_IPV6)
		sl_text_put_char(o, '[');
	sl_text_put_str(o, sl_addr_text(&a, (enum sl_family)w->w.family, text));
	if (form == '[' && w->w.family == SL_IPV6)
		sl_text_put_char(o, ']');
}

static size_t body_length(const char *text, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i++)
		if (!memcmp(text + i, "\r\n\r\n", 4))
			return n - i - 4;
	return 0;
}

/* The template as `viewer` must see it; `body` stands for {n}. */
static size_t render_with(
        const struct play *w, unsigned viewer, const char *template, char *out, size_t body)
{
	struct sl_text t = sl_text_of(template, strlen(template));
	struct sl_out o = sl_out_of(out, TEXT);
	struct element open[8];
	unsigned depth = 0;

	while (sl_text_left(&t)) {
		char c = *t.at++;

		if (c != '{') {
			sl_text_put_char(&o, c);
			continue;
		}
		c = *t.at++;
		if (c == 'x')
			put_hex(&o, &t);
		else if (c == '(' || c == '<') {
			assert_true(depth < 8);
			open_element(w, &o, &t, c, &open[depth++]);
		} else if (c == ')' || c == '>')
			close_element(&o, &open[--depth]);
		else if (c == 'n')
			sl_text_put_uint(&o, body);
		else if (c == 'f')
			sl_text_put_uint(&o, w->w.family);
		else if (c == 'F')
			sl_text_put_uint(&o, w->w.family == SL_IPV4 ? 1 : 2);
		else if (c == '=' || c == '%' || c == '#' || c == '[' || c == ',')
			put_addr(w, &o, viewer, c, *t.at++);
		else
			put_addr(w, &o, viewer, 0, c);
		sl_text_skip(&t, "]");
		assert_true(sl_text_char(&t, '}'));
	}
	assert_false(o.full);
	return sl_out_len(&o);
}

static size_t render(const struct play *w, unsigned viewer, const char *template, char *out)
{
	size_t n = render_with(w, viewer, template, out, 0);

	return render_with(w, viewer, template, out, body_length(out, n));
}

/* ---- what happened, as text ------------------------------------------------------------------ */

static void add_event(struct play *w, const char *text)
{
	size_t n = strlen(w->events);

	assert_true(n + strlen(text) + 3 < EVENTS);
	sprintf(w->events + n, "%s%s", n ? ", " : "", text);
}

/* No host bits: an IPv4 address is the last four bytes. */
static bool all_zero(const struct play *w, const struct sl_addr *a)
{
	for (unsigned i = w->w.family == SL_IPV4 ? 12 : 0; i < 16; i++)
		if (a->b[i])
			return false;
	return true;
}

/* The name of an address in that viewer's eyes; the address itself if it has none. */
static const char *name_of(
        const struct play *w, unsigned viewer, const struct sl_addr *a, char out[SL_ADDR_TEXT])
{
	static const char names[] = "cstu";

	for (unsigned i = 0; i < 4; i++) {
		struct sl_addr known = seen_by(w, viewer, names[i]);

		if (sl_addr_eq(&known, a)) {
			out[0] = names[i];
			out[1] = 0;
			return out;
		}
	}
	return sl_addr_text(a, (enum sl_family)w->w.family, out);
}

/* Is the opener of what is expected on the client's side? */
static unsigned opener_of(const struct play *w, const struct sl_expect_info *e)
{
	if (!all_zero(w, &e->mask.src))
		return !(sl_addr_eq(&e->tuple.src, &w->w.end[0].addr) ||
		         sl_addr_eq(&e->tuple.src, &w->third[0]));
	for (unsigned viewer = 0; viewer < 2; viewer++) {
		struct sl_addr peer = seen_by(w, viewer, viewer ? 'c' : 's');

		if (sl_addr_eq(&peer, &e->tuple.dst))
			return viewer;
	}
	return 1;
}

/* May every host of a network of 256 addresses come? */
static bool from_network(const struct sl_expect_info *e)
{
	return e->mask.src.b[14] == 0xff && e->mask.src.b[15] == 0;
}

static void describe(const struct play *w, const struct sl_expect_info *e, char *out)
{
	char src[SL_ADDR_TEXT], dst[SL_ADDR_TEXT], proto[4];
	unsigned opener = opener_of(w, e);

	out += sprintf(out, "%s>%s %s %u",
	        all_zero(w, &e->mask.src) ? "*"
	        : from_network(e)         ? "net"
	                                  : name_of(w, opener, &e->tuple.src, src),
	        name_of(w, opener, &e->tuple.dst, dst), sl_proto_text(e->tuple.proto, proto),
	        e->tuple.dport);
	if (e->class_id)
		out += sprintf(out, " #%u", e->class_id);
	if (e->mask.sport)
		out += sprintf(out, " from %u", e->tuple.sport);
	if (e->flags & SL_EXPECT_PERMANENT)
		out += sprintf(out, " permanent");
	if (e->flags & SL_EXPECT_INACTIVE)
		sprintf(out, " inactive");
}

static void on_event(struct world *world, const struct sl_event *event)
{
	struct play *w = (struct play *)world;
	char text[160], proto[4];
	struct sl_expect_info info;

	if (event->type != SL_EVENT_EXPECT_NEW && event->type != SL_EVENT_EXPECT_DESTROY)
		return;
	sl_expect_info(world->g.engine, event->expect, &info);
	if (event->type == SL_EVENT_EXPECT_NEW)
		describe(w, &info, text);
	else
		sprintf(text, "-%s %u", sl_proto_text(info.tuple.proto, proto), info.tuple.dport);
	add_event(w, text);
}

/* ---- the world ------------------------------------------------------------------------------- */

/* Whom the client sends to, if it is not the server: all of its network, or a group. NULL: it is. */
static const char *many(const struct dialogue *d, uint8_t family)
{
	if (d->broadcast)
		return family == SL_IPV4 ? "10.0.0.255" : NULL;
	return d->group[family == SL_IPV6];
}

/* What went to many, the server was among them. */
static bool on_leave(struct world *w, const struct sl_packet *p)
{
	const char *to = many(((struct play *)w)->d, w->family);

	(void)p;
	if (!to || !addr_is(&w->arrived.dst, to))
		return false;
	w->in[1].datagram += w->payload_len;
	return true;
}

static void set_tunables(struct play *w)
{
	for (unsigned i = 0; i < 4 && w->d->set[i]; i++) {
		char name[64];
		const char *value = strchr(w->d->set[i], '=');

		snprintf(name, sizeof(name), "%.*s", (int)(value - w->d->set[i]), w->d->set[i]);
		assert_true(sl_tunable_set(w->w.g.engine, name, (uint32_t)atoi(value + 1)));
	}
}

static void play_init(struct play *w, const struct dialogue *d, uint8_t family, unsigned nat)
{
	const struct scene scene = {.helper = d->helper,
	        .proto = d->proto,
	        .family = family,
	        .client_port = d->client_port,
	        .server_port = d->server_port};
	bool v6 = family == SL_IPV6;
	unsigned outside = nat != NAT_IN; /* whose side is outside */

	w->d = d;
	w->events[0] = 0;
	w->third[outside] = addr_of(v6 ? "2001:db8::99" : "198.51.100.99");
	w->third[!outside] = addr_of(v6 ? "fd00::33" : "10.0.0.33");
	world_place(&w->w, &scene, nat);
	w->w.strict = true;
	w->w.on_event = on_event;
	w->w.on_leave = on_leave;
	if (many(d, family)) {
		w->w.end[0].to = addr_of(many(d, family));
		w->w.g.prefix = v6 ? 120 : 24;
	}
	world_start(&w->w, d->helper);
	set_tunables(w);
	world_open(&w->w);
}

/* ---- a row ----------------------------------------------------------------------------------- */

#define PARTS 5

/* Which parts of the message are sent, in which order; places: 0, half of the cut, the cut, the end. */
static const struct part {
	uint8_t from, to;
} order[WAYS][PARTS] = {
        [CUT] = {{0, 2}, {2, 3}},
        [CUT_SWAPPED] = {{2, 3}, {0, 2}, {0, 3}},
        [CUT_WAITED] = {{0, 2}, {2, 3}},
        [CUT_OVERLAP] = {{0, 2}, {1, 3}},
        [CUT_FIRST_TWICE] = {{0, 2}, {0, 2}, {2, 3}},
        [CUT_SECOND_TWICE] = {{0, 2}, {2, 3}, {2, 3}},
        [CUT_AGAIN] = {{0, 2}, {2, 3}, {0, 3}},
        [THREE_BACKWARDS] = {{2, 3}, {1, 2}, {0, 1}, {0, 2}},
        [THREE_TURNED] = {{1, 2}, {2, 3}, {0, 1}, {0, 2}},
};

/* With Nagle's algorithm the sender has one byte on the way and waits for its acknowledgement. */
static void travel_slowly(struct world *w, enum sl_dir dir, const char *text, size_t n)
{
	uint32_t at = w->end[dir].next;

	for (size_t i = 0; i < n; i++) {
		send_part(w, dir, at, text, i, i + 1);
		send_ack(w, !dir);
		if (w->in[dir].acked != w->end[dir].next) {
			assert_true(sl_deadline(w->g.engine) <= w->g.now + 20 * MS);
			wait_ms(w, 20);
		}
		if (w->in[dir].acked != w->end[dir].next)
			fail_with("a byte", "acknowledged", "not after 20 ms");
	}
}

static void travel(
        struct world *w, enum sl_dir dir, const char *text, size_t n, enum way way, size_t cut)
{
	size_t places[] = {0, cut / 2, cut, n};
	uint32_t at = w->end[dir].next;

	if (way == WHOLE || w->proto == SL_PROTO_UDP) {
		send_message(w, dir, text, n);
		return;
	}
	if (way == NAGLE) {
		travel_slowly(w, dir, text, n);
		return;
	}
	for (size_t i = 0; way == BYTES && i < n; i++)
		send_part(w, dir, at, text, i, i + 1);
	for (unsigned i = 0; i < PARTS && order[way][i].to; i++) {
		size_t from = places[order[way][i].from], to = places[order[way][i].to];

		if (from < to)
			send_part(w, dir, at, text, from, to);
		if (way == CUT_WAITED && i == 0)
			wait_ms(w, 50);
	}
}

static void check_events(struct play *w, const struct row *row)
{
	const char *must = row->expects ? row->expects : "";

	if (strcmp(w->events, must))
		fail_with("expectations", must, w->events);
	w->events[0] = 0;
}

/* What must be there before the next row. */
static void check_row(struct play *w, const struct row *row, enum sl_dir dir)
{
	const struct receiver *to = &w->w.in[!dir];

	check_events(w, row);
	if (w->w.remark != row->remark)
		fail_with("remark", sl_reason_name(row->remark), sl_reason_name(w->w.remark));
	if (w->w.proto == SL_PROTO_UDP) {
		if (to->datagram != to->must_len)
			fail_with(
			        "datagram", "arrives", sl_reason_name((enum sl_reason)w->w.reason));
		return;
	}
	if (receiver_has(to) != to->must_len)
		fail_with("bytes", "all", "some are missing");
	send_ack(&w->w, !dir);
	if (w->w.in[dir].acked != w->w.end[dir].next)
		fail_with("acknowledgement", "of all that was sent, in its sender's numbers",
		        "another one");
}

static void check_beyond(const struct play *w, const struct row *row)
{
	if (w->d->beyonds && w->w.beyond != row->beyond)
		fail_with("beyond", row->beyond ? sl_beyond_name(row->beyond) : "none",
		        w->w.beyond ? sl_beyond_name(w->w.beyond) : "none");
}

static void play_row(struct play *w, const struct row *row, enum way way, size_t cut)
{
	enum sl_dir dir = row->from == 's' ? SL_REPLY : SL_ORIGINAL;
	char text[TEXT], arrives[TEXT];
	size_t n;

	if (row->from == 'w') {
		wait_ms(&w->w, strtoul(row->text, NULL, 10));
		check_events(w, row);
		return;
	}
	n = render(w, !dir, row->arrives ? row->arrives : row->text, arrives);
	world_must(&w->w, !dir, arrives, n);
	n = render(w, dir, row->text, text);
	w->w.remark = SL_WHY_NONE;
	w->w.beyond = SL_BEYOND_NONE;
	travel(&w->w, dir, text, n, way, cut);
	if (way == WHOLE)
		check_beyond(w, row);
	check_row(w, row, dir);
}

/* ---- related connections --------------------------------------------------------------------- */

/* The first packet of a connection, or an answer to it. */
static void send_related(struct play *w, const struct sl_tuple *t, bool answer)
{
	struct world *world = &w->w;

	if (answer && t->proto == SL_PROTO_TCP)
		send_packet(
		        world, make_segment(&world->g, t,
		                       &(struct segment){.ack = 1001, .flags = SL_SYN | SL_ACK}));
	else
		send_tuple(world, t, "x", 1);
}

static void check_arrival(const struct play *w, const struct sl_addr *dst, uint16_t dport)
{
	const struct world *world = &w->w;
	enum sl_family family = (enum sl_family)world->family;
	char a[SL_ADDR_TEXT], b[SL_ADDR_TEXT], is[80], must[80];

	if (!world->left)
		fail_with("related packet", "accepted",
		        sl_reason_name((enum sl_reason)world->reason));
	snprintf(is, sizeof(is), "%s %u", sl_addr_text(&world->arrived.dst, family, a),
	        world->arrived.dport);
	snprintf(must, sizeof(must), "%s %u", sl_addr_text(dst, family, b), dport);
	if (strcmp(is, must))
		fail_with("related packet arrives at", must, is);
}

/* Whose own address is it that the opener sees there? */
static struct sl_addr own_address(const struct play *w, unsigned opener, const struct sl_addr *seen)
{
	char name[SL_ADDR_TEXT];

	name_of(w, opener, seen, name);
	return name[1] ? *seen : seen_by(w, name[0] == 's' || name[0] == 't', name[0]);
}

static void meet(struct play *w, const struct sl_expect_info *e)
{
	unsigned opener = opener_of(w, e);
	struct sl_addr dst = own_address(w, opener, &e->tuple.dst);
	struct sl_tuple t = e->tuple, back;
	struct sl_conn_info conn;

	if (all_zero(w, &e->mask.src))
		t.src = w->third[opener];
	else if (from_network(e))
		t.src.b[15] = 77;
	if (!e->mask.sport)
		t.sport = 33333;
	send_related(w, &t, false);
	check_arrival(w, &dst, e->has_nat ? e->nat.sport : t.dport);
	assert_non_null(w->w.conn);
	sl_conn_info(w->w.g.engine, w->w.conn, &conn);
	assert_true(conn.status & SL_EXPECTED);
	back = w->w.arrived;
	back.src = w->w.arrived.dst;
	back.dst = w->w.arrived.src;
	back.sport = w->w.arrived.dport;
	back.dport = w->w.arrived.sport;
	send_related(w, &back, true);
	check_arrival(w, &t.src, t.sport);
}

static void meet_all(struct play *w)
{
	unsigned n = w->w.expects;

	w->w.strict = false;
	for (unsigned i = 0; i < n; i++)
		if (!w->w.expect[i].gone && !(w->w.expect[i].info.flags & SL_EXPECT_INACTIVE))
			meet(w, &w->w.expect[i].info);
}

/* ---- playing --------------------------------------------------------------------------------- */

/* Once through; row number `special` (or all, if it is -1) travels in its own way. */
static void play(const struct dialogue *d, uint8_t family, unsigned nat, int special, enum way way,
        size_t cut)
{
	static struct play w;

	play_init(&w, d, family, nat);
	for (int i = 0; d->rows[i].from; i++) {
		snprintf(must_playing, sizeof(must_playing),
		        "%s, IPv%u, NAT %u, row %d (way %d, cut %zu of row %d)", d->name, family,
		        nat, i, way, cut, special);
		play_row(&w, &d->rows[i], special == i || special == -1 ? way : WHOLE, cut);
	}
	if (!d->no_meeting)
		meet_all(&w);
	world_fini(&w.w);
}

static size_t length_of(
        const struct dialogue *d, const struct row *row, uint8_t family, unsigned nat)
{
	static struct play w;
	char text[TEXT];
	size_t n;

	play_init(&w, d, family, nat);
	n = render(&w, row->from == 's', row->text, text);
	world_fini(&w.w);
	return n;
}

/* Each row cut at each byte (or at one of `step`), each time in another way. */
static void play_cut(const struct dialogue *d, uint8_t family, unsigned nat, size_t step)
{
	for (int i = d->cut_from; d->rows[i].from; i++) {
		size_t n = d->rows[i].from == 'w' ? 0 : length_of(d, &d->rows[i], family, nat);

		for (size_t cut = 1; cut < n; cut += step) {
			unsigned way = (unsigned)(cut / step) % (BYTES - CUT) + CUT;

			if (!d->thorough) {
				play(d, family, nat, i, (enum way)way, cut);
				continue;
			}
			for (way = CUT; way <= (d->lightly ? CUT_SWAPPED : BYTES - 1); way++)
				play(d, family, nat, i, (enum way)way, cut);
		}
	}
}

/* At one of how many bytes rows are cut. */
static size_t step_of(const struct dialogue *d, uint8_t family, unsigned nat)
{
	if (d->quick)
		return 13;
	return d->thorough || (nat == NAT_SRC && family == SL_IPV4) ? 1 : 7;
}

void dialogue_play(const struct dialogue *d)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		bool to_many = d->broadcast || d->group[0] || d->group[1];

		if ((d->families && d->families != family) || (to_many && !many(d, family)))
			continue;
		for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
			if (d->nats && !(d->nats & nat))
				continue;
			play(d, family, nat, 0, WHOLE, 0);
			if (d->proto != SL_PROTO_TCP)
				continue;
			play(d, family, nat, -1, BYTES, 0);
			play(d, family, nat, -1, NAGLE, 0);
			play_cut(d, family, nat, step_of(d, family, nat));
		}
	}
}

void dialogues_play(const struct dialogue *d, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dialogue_play(&d[i]);
}
