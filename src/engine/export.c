/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conn with all that belongs to it as bytes, and back: for restarts without loss, and for a
 * second gateway that takes over.
 *
 *	magic, version, sequence, id		what it is, and how new
 *	tuples, zone, status, state, ...	the conn
 *	helper: name, streams, edits, data	src/help/state.c
 *	expectations, calls over GRE
 *
 * Times are written as what is left. Ids are the exporting engine's: an imported conn gets one of
 * its own; its master is found by the master's tuple, so masters are to be imported first.
 *
 * Import builds a new conn beside the table, and puts it in only when everything was read and
 * found possible; a failure leaves the engine as it was, but for conns that a full table evicted
 * for it. A conn with the same two tuples is the same conn, older: it gives way.
 *
 * Ownership. Texts of expectations are static elsewhere; imported ones are kept by the engine, each
 * once, at most TEXTS of them.
 *
 * Limits. A `ct timeout` policy of a rule is not exported: the conn goes on with the tunables'.
 * Routes are asked anew. An offloaded conn comes back as one that is not.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "help/state.h"
#include "track/gre.h"
#include "track/tcp.h"

#define MAGIC   0x534c4331u /* "SLC1" */
#define VERSION 1

enum { NAME_MAX_ = 64, EXPECTS_MAX = 256, GRE_MAX = 256, TEXTS = 64, TIME_MAX = 2000000000 };

/* Status bits that mean something elsewhere. */
#define STATUS                                                                                     \
	(SL_EXPECTED | SL_SEEN_REPLY | SL_ASSURED | SL_CONFIRMED | SL_SRC_NAT | SL_DST_NAT |       \
	        SL_SEQ_ADJUST | SL_SRC_NAT_DONE | SL_DST_NAT_DONE | SL_FIXED_TIMEOUT | SL_HELPER | \
	        SL_STATUS_FOLLOWS_INTERFACE)

/* What there is of every conn. */
struct image {
	uint64_t sequence, id;
	struct sl_tuple tuple[2], master;
	uint64_t packets[2], bytes[2];
	uint32_t left_ms, mark;
	uint16_t zone, status;
	uint8_t zone_dirs, state, beyond;
	bool has_master, liberal, edited;
	char helper[NAME_MAX_]; /* "": none */
	bool helps;             /* it has a helper at work: its state follows */
};

/* ---- layouts, each for both ways ----------------------------------------------------------- */

static void tuple(struct sl_codec *c, struct sl_tuple *t)
{
	sl__codec_bytes(c, t->src.b, sizeof(t->src.b));
	sl__codec_bytes(c, t->dst.b, sizeof(t->dst.b));
	sl__codec_u16(c, &t->sport);
	sl__codec_u16(c, &t->dport);
	sl__codec_u8(c, &t->proto);
	sl__codec_u8(c, &t->family);
	if (c->reading)
		t->pad = 0;
}

/* At most NAME_MAX_ - 1 printable characters. */
static void name(struct sl_codec *c, char text[NAME_MAX_])
{
	uint8_t n = (uint8_t)strlen(text);

	sl__codec_u8(c, &n);
	sl__codec_require(c, n < NAME_MAX_);
	if (c->bad)
		return;
	sl__codec_bytes(c, text, n);
	text[n] = '\0';
	for (unsigned i = 0; c->reading && i < n; i++)
		sl__codec_require(c, text[i] >= ' ' && text[i] <= '~');
}

static void set_name(char to[NAME_MAX_], const char *from)
{
	size_t n = from ? strlen(from) : 0;

	n = n < NAME_MAX_ ? n : NAME_MAX_ - 1;
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

static void head(struct sl_codec *c, struct image *m)
{
	uint32_t magic = MAGIC;
	uint16_t version = VERSION;

	sl__codec_u32(c, &magic);
	sl__codec_u16(c, &version);
	sl__codec_require(c, magic == MAGIC && version == VERSION);
	sl__codec_u64(c, &m->sequence);
	sl__codec_u64(c, &m->id);
	for (unsigned dir = 0; dir < 2; dir++)
		tuple(c, &m->tuple[dir]);
	sl__codec_u16(c, &m->zone);
}

static void body(struct sl_codec *c, struct image *m)
{
	sl__codec_u8(c, &m->zone_dirs);
	sl__codec_u16(c, &m->status);
	sl__codec_u8(c, &m->state);
	sl__codec_u8(c, &m->beyond);
	sl__codec_u32(c, &m->left_ms);
	sl__codec_u32(c, &m->mark);
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__codec_u64(c, &m->packets[dir]);
		sl__codec_u64(c, &m->bytes[dir]);
	}
	sl__codec_bool(c, &m->liberal);
	sl__codec_bool(c, &m->edited);
	sl__codec_bool(c, &m->has_master);
	if (m->has_master)
		tuple(c, &m->master);
	name(c, m->helper);
	sl__codec_bool(c, &m->helps);
}

static void tcp(struct sl_codec *c, struct sl_tcp *l4)
{
	uint8_t kind = l4->last_kind, dir = l4->last_dir, scale = l4->last_scale;

	for (unsigned i = 0; i < 2; i++) {
		sl__codec_u32(c, &l4->end[i]);
		sl__codec_u32(c, &l4->max_end[i]);
		sl__codec_u32(c, &l4->max_win[i]);
		sl__codec_u32(c, &l4->max_ack[i]);
		sl__codec_u8(c, &l4->flags[i]);
	}
	sl__codec_u8(c, &l4->scale);
	sl__codec_u8(c, &l4->retrans);
	sl__codec_u32(c, &l4->last_seq);
	sl__codec_u32(c, &l4->last_ack);
	sl__codec_u32(c, &l4->last_end);
	sl__codec_u16(c, &l4->last_win);
	sl__codec_u8(c, &kind);
	sl__codec_u8(c, &dir);
	sl__codec_u8(c, &scale);
	sl__codec_u8(c, &l4->last_flags);
	sl__codec_require(c, kind <= SL_KIND_RST && dir <= 1 && scale <= 14 &&
	                             (l4->scale & 15) <= 14 && l4->scale >> 4 <= 14);
	l4->last_kind = kind & 7u;
	l4->last_dir = dir & 1u;
	l4->last_scale = scale & 15u;
}

static void sctp(struct sl_codec *c, struct sl_sctp *l4)
{
	uint8_t dir = l4->last_dir;
	bool failed = l4->heartbeat_failed;

	for (unsigned i = 0; i < 2; i++) {
		sl__codec_u32(c, &l4->tag[i]);
		sl__codec_u8(c, &l4->init[i]);
	}
	sl__codec_u8(c, &dir);
	sl__codec_bool(c, &failed);
	sl__codec_require(c, dir <= 1);
	l4->last_dir = dir & 1u;
	l4->heartbeat_failed = failed;
}

static void transport(struct sl_codec *c, struct sl_conn *conn, uint32_t now_ms)
{
	uint32_t ahead = conn->l4.udp.stream_ms - now_ms;

	switch (conn->proto) {
	case SL_PROTO_TCP:
		tcp(c, &conn->l4.tcp);
		sl__codec_require(c, conn->state < SL_TCP_STATE_COUNT);
		return;
	case SL_PROTO_SCTP:
		sctp(c, &conn->l4.sctp);
		sl__codec_require(c, conn->state < SL_SCTP_STATE_COUNT);
		return;
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
		sl__codec_u32(c, &ahead);
		conn->l4.udp.stream_ms = now_ms + ahead;
		return;
	default:
		for (unsigned i = 0; i < 13; i++)
			sl__codec_u32(c, &conn->l4.words.word[i]);
	}
}

struct expect_image {
	struct sl_expect_want want;
	char helper[NAME_MAX_], reason[NAME_MAX_];
	bool ours; /* made by the conn's helper; else by a rule */
};

static void expectation(struct sl_codec *c, struct expect_image *e)
{
	struct sl_expect_want *w = &e->want;
	struct sl_expect_more *m = &w->more;

	tuple(c, &w->tuple);
	tuple(c, &w->mask);
	sl__codec_u32(c, &w->timeout_ms);
	sl__codec_u8(c, &w->class_id);
	sl__codec_u8(c, &w->flags);
	sl__codec_u8(c, &w->beyond);
	sl__codec_bool(c, &m->has_nat);
	sl__codec_u8(c, &m->nat_dir);
	sl__codec_u16(c, &m->saved_port);
	sl__codec_u16(c, &m->from_port);
	sl__codec_bytes(c, m->saved_addr.b, sizeof(m->saved_addr.b));
	sl__codec_bytes(c, m->shown_addr.b, sizeof(m->shown_addr.b));
	sl__codec_u32(c, &m->cookie);
	sl__codec_u32(c, &m->group);
	sl__codec_bool(c, &e->ours);
	name(c, e->helper);
	name(c, e->reason);
	sl__codec_require(c, w->timeout_ms <= TIME_MAX && w->class_id < SL_EXPECT_CLASSES &&
	                             m->nat_dir <= SL_REPLY && w->beyond < SL_BEYOND_COUNT &&
	                             (w->tuple.family == SL_IPV4 || w->tuple.family == SL_IPV6));
}

static void gre_key(struct sl_codec *c, struct sl_gre_key *k)
{
	sl__codec_bytes(c, k->src.b, sizeof(k->src.b));
	sl__codec_bytes(c, k->dst.b, sizeof(k->dst.b));
	sl__codec_u16(c, &k->key);
	sl__codec_u16(c, &k->own);
	sl__codec_u16(c, &k->back);
	sl__codec_u8(c, &k->dir);
	sl__codec_require(c, k->dir <= SL_REPLY);
}

/* ---- out ----------------------------------------------------------------------------------- */

static uint32_t left(const struct sl_track *t, uint32_t deadline)
{
	int32_t ms = (int32_t)(deadline - t->now_ms);

	return ms > 0 ? (uint32_t)ms : 0;
}

static void take_image(const struct sl_engine *e, const struct sl_conn *conn, struct image *m)
{
	const struct sl_track *t = &e->track;
	const struct sl_ext *ext = sl__ext_of(t, conn);

	memset(m, 0, sizeof(*m));
	m->sequence = e->sequence;
	m->id = sl__conn_shown_id(t, conn);
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__conn_tuple(conn, (enum sl_dir)dir, &m->tuple[dir]);
		if (dir == SL_REPLY && conn->flags & SL_CONN_UNREPLIED)
			continue;
		m->packets[dir] = conn->count[dir].packets +
		                  (ext ? (uint64_t)ext->packets_high[dir] << 32 : 0);
		m->bytes[dir] =
		        conn->count[dir].bytes + (ext ? (uint64_t)ext->bytes_high[dir] << 32 : 0);
	}
	m->zone = conn->zone;
	m->zone_dirs = (uint8_t)((conn->flags & SL_CONN_ZONE_ORIGINAL ? 1 : 0) |
	                         (conn->flags & SL_CONN_ZONE_REPLY ? 2 : 0));
	m->status = conn->status & STATUS;
	m->state = conn->state;
	m->left_ms = left(t, conn->deadline);
	m->mark = conn->mark;
	m->liberal = conn->flags & SL_CONN_LIBERAL;
	m->edited = conn->flags & SL_CONN_EDITED;
	if (!ext)
		return;
	m->beyond = ext->beyond;
	m->has_master = ext->master_id != 0;
	m->master = ext->master;
	m->helps = ext->help && ext->help->helper;
	set_name(m->helper, ext->helper ? ext->helper->name : NULL);
}

static void write_expects(struct sl_codec *c, const struct sl_track *t, const struct sl_ext *ext)
{
	uint16_t count = 0;

	if (ext)
		SL_LIST_EACH(it, &ext->expects)
	count++;
	sl__codec_u16(c, &count);
	if (!count)
		return;
	for (struct sl_list *it = ext->expects.prev; it != &ext->expects;
	        it = it->prev) { /* oldest first */
		const struct sl_expect *x = SL_CONTAINER(it, struct sl_expect, of_master);
		struct expect_image e = {.ours = x->maker != NULL};

		e.want = (struct sl_expect_want){.tuple = x->tuple,
		        .mask = x->mask,
		        .class_id = x->class_id,
		        .flags = x->flags,
		        .beyond = x->beyond,
		        .more = x->more,
		        .timeout_ms = left(t, x->deadline)};
		set_name(e.helper, x->helper ? x->helper->name : NULL);
		set_name(e.reason, x->reason);
		expectation(c, &e);
	}
}

static void write_calls(struct sl_codec *c, const struct sl_ext *ext)
{
	uint16_t count = 0;

	if (ext)
		SL_LIST_EACH(it, &ext->gre_keys)
	count++;
	sl__codec_u16(c, &count);
	if (!count)
		return;
	SL_LIST_EACH(it, &ext->gre_keys)
	{
		struct sl_gre_key k = *SL_CONTAINER(it, struct sl_gre_key, of_master);

		gre_key(c, &k);
	}
}

size_t sl_conn_export(struct sl_engine *engine, struct sl_conn *conn, void *out, size_t size)
{
	struct sl_codec c = sl__codec_writer(out, out ? size : 0);
	const struct sl_ext *ext;
	struct image m;

	if (!(conn->status & SL_CONFIRMED) || conn->status & SL_DYING)
		return 0;
	sl_offload_poll(engine, conn);
	ext = sl__ext_of(&engine->track, conn);
	take_image(engine, conn, &m);
	head(&c, &m);
	body(&c, &m);
	transport(&c, conn, engine->track.now_ms);
	if (m.helps)
		sl__help_state(&c, ext->help, &(bool){false});
	write_expects(&c, &engine->track, ext);
	write_calls(&c, ext);
	return c.used;
}

/* ---- in ------------------------------------------------------------------------------------ */

static bool possible(const struct image *m)
{
	const struct sl_tuple *o = &m->tuple[SL_ORIGINAL], *r = &m->tuple[SL_REPLY];

	return (o->family == SL_IPV4 || o->family == SL_IPV6) && o->family == r->family &&
	       o->proto == r->proto && m->status & SL_CONFIRMED && !(m->status & ~STATUS) &&
	       m->zone_dirs <= 3 && m->left_ms && m->left_ms <= TIME_MAX &&
	       m->beyond < SL_BEYOND_COUNT && (m->helps || !m->edited) &&
	       (!m->helps || m->helper[0]);
}

/* The engine's own copy of a text; NULL: no memory, or there are too many. */
static const char *keep_text(struct sl_engine *e, const char *text)
{
	char(*texts)[NAME_MAX_] = e->texts;

	if (!text[0])
		return NULL;
	if (!texts)
		e->texts = texts = sl__alloc(&e->env.mem, TEXTS * sizeof(*texts));
	for (unsigned i = 0; texts && i < TEXTS; i++) {
		if (!texts[i][0])
			set_name(texts[i], text);
		if (!strcmp(texts[i], text))
			return texts[i];
	}
	return "imported";
}

void sl__texts_fini(struct sl_engine *e)
{
	sl__free(&e->env.mem, e->texts, TEXTS * NAME_MAX_);
	e->texts = NULL;
}

static enum sl_import read_expects(struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn,
        const struct sl_helper *maker)
{
	uint16_t count = 0;

	sl__codec_u16(c, &count);
	sl__codec_require(c, count <= EXPECTS_MAX);
	for (unsigned i = 0; !c->bad && i < count; i++) {
		struct expect_image x = {0};
		struct sl_expect_want *w = &x.want;

		expectation(c, &x);
		if (c->bad)
			break;
		w->maker = x.ours ? maker : NULL;
		w->class_max = w->maker ? maker->classes[w->class_id].max : EXPECTS_MAX;
		sl__codec_require(
		        c, w->tuple.family == (sl__conn_is_v6(conn) ? SL_IPV6 : SL_IPV4) &&
		                   w->class_max && (!x.ours || maker));
		if (c->bad)
			break;
		w->helper =
		        x.helper[0] ? sl__registry_by_name(&e->helping.registry, x.helper) : NULL;
		if (x.helper[0] && !w->helper)
			return SL_IMPORT_NO_HELPER;
		w->reason = keep_text(e, x.reason);
		w->more.expected = sl__help_expected_fn(&w->more, w->maker);
		if (sl__expect_add(&e->track, conn, w, NULL) != SL_WHY_NONE)
			return SL_IMPORT_NO_ROOM;
	}
	return SL_IMPORT_DONE;
}

static enum sl_import read_calls(struct sl_codec *c, struct sl_track *t, struct sl_conn *conn)
{
	uint16_t count = 0;

	sl__codec_u16(c, &count);
	sl__codec_require(c, count <= GRE_MAX);
	for (unsigned i = 0; !c->bad && i < count; i++) {
		struct sl_gre_key k = {.key = 0};

		gre_key(c, &k);
		if (!c->bad && sl__gre_restore(t, conn, &k) != SL_WHY_NONE)
			return SL_IMPORT_NO_ROOM;
	}
	return SL_IMPORT_DONE;
}

static enum sl_import read_helper(struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn,
        const struct image *m, const struct sl_helper **helper)
{
	struct sl_ext *ext;
	bool no_memory = false;

	*helper = NULL;
	if (!m->helper[0])
		return SL_IMPORT_DONE;
	*helper = sl__registry_by_name(&e->helping.registry, m->helper);
	if (!*helper)
		return SL_IMPORT_NO_HELPER;
	ext = sl__conn_ext(&e->track, conn);
	if (!ext)
		return SL_IMPORT_NO_ROOM;
	ext->helper = *helper;
	if (!m->helps)
		return SL_IMPORT_DONE;
	if (!sl__help_attach(&e->helping, conn, *helper))
		return SL_IMPORT_NO_ROOM;
	sl__help_state(c, ext->help, &no_memory);
	return no_memory ? SL_IMPORT_NO_ROOM : SL_IMPORT_DONE;
}

/* What of the image is the conn's own. False: no memory for what few have. */
static bool apply(struct sl_engine *e, struct sl_conn *conn, const struct image *m)
{
	struct sl_track *t = &e->track;
	struct sl_conn *master;
	struct sl_ext *ext;
	enum sl_dir dir;

	sl__conn_set_tuple(conn, SL_REPLY, &m->tuple[SL_REPLY]);
	conn->status = m->status & (uint16_t)~SL_CONFIRMED;
	conn->state = m->state;
	conn->mark = m->mark;
	conn->deadline = t->now_ms + m->left_ms;
	conn->flags |=
	        (uint8_t)((m->liberal ? SL_CONN_LIBERAL : 0) | (m->edited ? SL_CONN_EDITED : 0));
	for (unsigned i = 0; i < 2; i++)
		if (i == SL_ORIGINAL || m->status & SL_SEEN_REPLY)
			sl__conn_count_many(t, conn, (enum sl_dir)i, m->packets[i], m->bytes[i]);
	if (!m->has_master && !m->beyond)
		return true;
	ext = sl__conn_ext(t, conn);
	if (!ext)
		return false;
	ext->beyond = m->beyond;
	if (!m->has_master)
		return true;
	master = sl__conn_find(t, &m->master, m->zone, &dir);
	ext->master = m->master;
	ext->master_id = master ? sl__conn_id(master) : UINT32_MAX; /* gone: nobody has that id */
	return true;
}

static enum sl_import read_all(
        struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn, const struct image *m)
{
	const struct sl_helper *helper;
	enum sl_import result;

	if (!apply(e, conn, m))
		return SL_IMPORT_NO_ROOM;
	transport(c, conn, e->track.now_ms);
	result = c->bad ? SL_IMPORT_MALFORMED : read_helper(c, e, conn, m, &helper);
	if (result == SL_IMPORT_DONE && !c->bad)
		result = read_expects(c, e, conn, helper);
	if (result == SL_IMPORT_DONE && !c->bad)
		result = read_calls(c, &e->track, conn);
	if (result == SL_IMPORT_DONE && (c->bad || c->in != c->end))
		return SL_IMPORT_MALFORMED;
	return result;
}

/* Who has one of its tuples now. True: it is the same conn, or nobody; *old is it, or NULL. */
static bool find_old(struct sl_track *t, const struct image *m, struct sl_conn **old)
{
	struct sl_conn *has[2];
	struct sl_tuple other;

	*old = NULL;
	for (unsigned dir = 0; dir < 2; dir++) {
		enum sl_dir found;

		has[dir] = sl__conn_find(
		        t, &m->tuple[dir], m->zone_dirs & 1u << dir ? m->zone : 0, &found);
		if (has[dir] && found != dir && !sl_tuple_eq(&m->tuple[0], &m->tuple[1]))
			return false;
	}
	if (has[0] != has[1])
		return false;
	*old = has[0];
	if (!*old)
		return true;
	sl__conn_tuple(*old, SL_REPLY, &other);
	return sl_tuple_eq(&other, &m->tuple[SL_REPLY]);
}

static void report_expects(struct sl_track *t, const struct sl_ext *ext)
{
	if (!ext || !t->reporting)
		return;
	for (struct sl_list *it = ext->expects.prev; it != &ext->expects; it = it->prev) {
		struct sl_event event = {.type = SL_EVENT_EXPECT_NEW,
		        .expect = SL_CONTAINER(it, struct sl_expect, of_master),
		        .now = t->now};

		t->upper->event(t, &event);
	}
}

/* Built and complete: into the table, in the place of the old one. */
static enum sl_import put_in(struct sl_engine *e, struct sl_conn *conn, const struct image *m)
{
	struct sl_track *t = &e->track;
	struct sl_conn *old;

	if (!find_old(t, m, &old))
		return SL_IMPORT_CLASH;
	if (old)
		sl__conn_kill(t, old, SL_WHY_REPLACED);
	if (sl__conn_confirm(t, conn) != SL_WHY_NONE)
		return SL_IMPORT_NO_ROOM;
	if (t->reporting)
		sl__conn_report(t, conn);
	report_expects(t, sl__ext_of(t, conn));
	return SL_IMPORT_DONE;
}

enum sl_import sl_conn_import(
        struct sl_engine *engine, const void *bytes, size_t len, struct sl_conn **out)
{
	struct sl_codec c = sl__codec_reader(bytes, len);
	struct sl_track *t = &engine->track;
	bool reporting = t->reporting;
	enum sl_import result;
	struct sl_conn *conn, *old;
	enum sl_reason why;
	struct image m;

	memset(&m, 0, sizeof(m));
	head(&c, &m);
	body(&c, &m);
	if (c.bad || !possible(&m))
		return len >= 6 && sl_get32(bytes) == MAGIC &&
		                       sl_get16((const uint8_t *)bytes + 4) != VERSION
		               ? SL_IMPORT_VERSION
		               : SL_IMPORT_MALFORMED;
	if (!find_old(t, &m, &old))
		return SL_IMPORT_CLASH;
	if (old) /* what it expects is in the way of what the newer one does */
		sl__expect_remove_all(t, old, SL_WHY_REPLACED);
	if (old && sl__ext_of(t, old))
		sl__gre_remove_all(t, sl__ext_of(t, old));
	conn = sl__conn_new(t, &m.tuple[SL_ORIGINAL], m.zone, m.zone_dirs, &why);
	if (!conn)
		return why == SL_WHY_NOT_NEW ? SL_IMPORT_MALFORMED : SL_IMPORT_NO_ROOM;
	t->reporting = false; /* nobody is told before it is in */
	result = read_all(&c, engine, conn, &m);
	t->reporting = reporting;
	if (result == SL_IMPORT_DONE)
		result = put_in(engine, conn, &m);
	if (result != SL_IMPORT_DONE) {
		t->reporting = false;
		sl__conn_drop(t, conn);
		t->reporting = reporting;
		return result;
	}
	if (out)
		*out = conn;
	return SL_IMPORT_DONE;
}

bool sl_export_info(const void *bytes, size_t len, struct sl_export_info *out)
{
	struct sl_codec c = sl__codec_reader(bytes, len);
	struct image m;

	memset(&m, 0, sizeof(m));
	head(&c, &m);
	*out = (struct sl_export_info){.id = m.id,
	        .sequence = m.sequence,
	        .zone = m.zone,
	        .tuple = {m.tuple[0], m.tuple[1]}};
	return !c.bad;
}

const char *sl_import_text(enum sl_import result)
{
	switch (result) {
	case SL_IMPORT_DONE:
		return "imported";
	case SL_IMPORT_MALFORMED:
		return "not the bytes of a connection, or damaged";
	case SL_IMPORT_VERSION:
		return "written by a version that this one does not read";
	case SL_IMPORT_NO_HELPER:
		return "a helper that it names is not known here";
	case SL_IMPORT_CLASH:
		return "another connection has one of its tuples";
	case SL_IMPORT_NO_ROOM:
		return "no memory, or a table is full";
	}
	return "unknown";
}
