/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conn out of bytes that sl_conn_export() wrote (image.h), here or elsewhere; or anybody.
 *
 * A new conn is built beside the table, and put in only when everything was read and found
 * possible; a failure leaves the engine as it was, but for conns that a full table evicted for it.
 * A conn with the same two tuples is the same conn, older: it gives way.
 *
 * Ids. It keeps its own, its expectations theirs (src/track/ids.h). One that somebody else has is
 * refused. Its master is known by id and tuple, whether it is here or not.
 *
 * Ownership. Texts of expectations are static elsewhere; imported ones are kept by the engine, each
 * once, at most TEXTS of them.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/mem.h"
#include "engine/image.h"
#include "help/state.h"

enum { EXPECTS_MAX = 256, GRE_MAX = 256, TEXTS = 64 };

static bool possible(const struct sl_image *m)
{
	const struct sl_tuple *o = &m->tuple[SL_ORIGINAL], *r = &m->tuple[SL_REPLY];

	return m->id && (o->family == SL_IPV4 || o->family == SL_IPV6) && o->family == r->family &&
	       o->proto == r->proto && m->status & SL_CONFIRMED &&
	       !(m->status & ~SL_IMAGE_STATUS) && m->zone_dirs <= 3 && m->left_ms &&
	       m->left_ms <= SL_IMAGE_TIME && m->beyond < SL_BEYOND_COUNT &&
	       (m->helps || !m->edited) && (!m->helps || m->helper[0]);
}

/* The engine's own copy of a text; NULL: no memory, or there are too many. */
static const char *keep_text(struct sl_engine *e, const char *text)
{
	char(*texts)[SL_IMAGE_NAME] = e->texts;

	if (!text[0])
		return NULL;
	if (!texts)
		e->texts = texts = sl__alloc(&e->env.mem, TEXTS * sizeof(*texts));
	for (unsigned i = 0; texts && i < TEXTS; i++) {
		if (!texts[i][0])
			sl__image_set_name(texts[i], text);
		if (!strcmp(texts[i], text))
			return texts[i];
	}
	return "imported";
}

void sl__texts_fini(struct sl_engine *e)
{
	sl__free(&e->env.mem, e->texts, TEXTS * SL_IMAGE_NAME);
	e->texts = NULL;
}

static enum sl_import read_expects(struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn,
        const struct sl_helper *maker)
{
	uint16_t count = 0;

	sl__codec_u16(c, &count);
	sl__codec_require(c, count <= EXPECTS_MAX);
	for (unsigned i = 0; !c->bad && i < count; i++) {
		struct sl_image_expect x = {0};
		struct sl_expect_want *w = &x.want;

		sl__image_expect(c, &x);
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
		if (sl__expect_has_id(&e->track, w->id))
			return SL_IMPORT_CLASH;
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

		sl__image_gre_key(c, &k);
		if (!c->bad && sl__gre_restore(t, conn, &k) != SL_WHY_NONE)
			return SL_IMPORT_NO_ROOM;
	}
	return SL_IMPORT_DONE;
}

static enum sl_import read_helper(struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn,
        const struct sl_image *m, const struct sl_helper **helper)
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
static bool apply(struct sl_engine *e, struct sl_conn *conn, const struct sl_image *m)
{
	struct sl_track *t = &e->track;
	struct sl_ext *ext;

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
	if (!m->master_id && !m->beyond)
		return true;
	ext = sl__conn_ext(t, conn);
	if (!ext)
		return false;
	ext->beyond = m->beyond;
	ext->master = m->master;
	ext->master_id = m->master_id;
	memcpy(ext->master_helper, m->master_helper, sizeof ext->master_helper - 1);
	return true;
}

static enum sl_import read_all(
        struct sl_codec *c, struct sl_engine *e, struct sl_conn *conn, const struct sl_image *m)
{
	const struct sl_helper *helper;
	enum sl_import result;

	if (!apply(e, conn, m))
		return SL_IMPORT_NO_ROOM;
	sl__image_transport(c, conn, e->track.now_ms);
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
static bool find_old(struct sl_track *t, const struct sl_image *m, struct sl_conn **old)
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

static bool id_is_free(const struct sl_track *t, uint64_t id, const struct sl_conn *old)
{
	const struct sl_conn *has = sl__conn_of_id(t, id);

	return !has || has == old;
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
static enum sl_import put_in(struct sl_engine *e, struct sl_conn *conn, const struct sl_image *m)
{
	struct sl_track *t = &e->track;
	struct sl_conn *old;

	if (!find_old(t, m, &old))
		return SL_IMPORT_CLASH;
	if (!sl__id_set(t, conn, m->id))
		return SL_IMPORT_NO_ROOM;
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
	struct sl_image m;

	memset(&m, 0, sizeof(m));
	sl__image_head(&c, &m);
	sl__image_body(&c, &m);
	if (c.bad || !possible(&m))
		return len >= 6 && sl_get32(bytes) == SL_IMAGE_MAGIC &&
		                       sl_get16((const uint8_t *)bytes + 4) != SL_IMAGE_VERSION
		               ? SL_IMPORT_VERSION
		               : SL_IMPORT_MALFORMED;
	if (!find_old(t, &m, &old) || !id_is_free(t, m.id, old))
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
		return "another connection has one of its tuples, or its id";
	case SL_IMPORT_NO_ROOM:
		return "no memory, or a table is full";
	}
	return "unknown";
}
