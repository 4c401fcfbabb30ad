/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conn with all that belongs to it as bytes (image.h): for restarts without loss, and for a
 * second gateway that takes over. import.c makes it again.
 *
 * Limits. A `ct timeout` policy of a rule is not exported: the conn goes on with the tunables'.
 * Routes are asked anew. An offloaded conn comes back as one that is not.
 */
#include "engine/engine.h"

#include <string.h>

#include "engine/image.h"
#include "help/state.h"

static uint32_t left(const struct sl_track *t, uint32_t deadline)
{
	int32_t ms = (int32_t)(deadline - t->now_ms);

	return ms > 0 ? (uint32_t)ms : 0;
}

static void take_image(const struct sl_engine *e, const struct sl_conn *conn, struct sl_image *m)
{
	const struct sl_track *t = &e->track;
	const struct sl_ext *ext = sl__ext_of(t, conn);

	memset(m, 0, sizeof(*m));
	m->sequence = e->sequence;
	m->id = sl__conn_id(t, conn);
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
	m->status = conn->status & SL_IMAGE_STATUS;
	m->state = conn->state;
	m->left_ms = left(t, conn->deadline);
	m->mark = conn->mark;
	m->liberal = conn->flags & SL_CONN_LIBERAL;
	m->edited = conn->flags & SL_CONN_EDITED;
	if (!ext)
		return;
	m->beyond = ext->beyond;
	m->master_id = ext->master_id;
	m->master = ext->master;
	m->helps = ext->help && ext->help->helper;
	sl__image_set_name(m->helper, ext->helper ? ext->helper->name : NULL);
	sl__image_set_name(m->master_helper, ext->master_helper);
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
		struct sl_image_expect e = {.ours = x->maker != NULL};

		e.want = (struct sl_expect_want){.id = x->id,
		        .tuple = x->tuple,
		        .mask = x->mask,
		        .class_id = x->class_id,
		        .flags = x->flags,
		        .beyond = x->beyond,
		        .more = x->more,
		        .timeout_ms = left(t, x->deadline)};
		sl__image_set_name(e.helper, x->helper ? x->helper->name : NULL);
		sl__image_set_name(e.reason, x->reason);
		sl__image_expect(c, &e);
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

		sl__image_gre_key(c, &k);
	}
}

size_t sl_conn_export(struct sl_engine *engine, struct sl_conn *conn, void *out, size_t size)
{
	struct sl_codec c = sl__codec_writer(out, out ? size : 0);
	const struct sl_ext *ext;
	struct sl_image m;

	if (!(conn->status & SL_CONFIRMED) || conn->status & SL_DYING)
		return 0;
	sl_offload_poll(engine, conn);
	ext = sl__ext_of(&engine->track, conn);
	take_image(engine, conn, &m);
	sl__image_head(&c, &m);
	sl__image_body(&c, &m);
	sl__image_transport(&c, conn, engine->track.now_ms);
	if (m.helps)
		sl__help_state(&c, ext->help, &(bool){false});
	write_expects(&c, &engine->track, ext);
	write_calls(&c, ext);
	return c.used;
}

bool sl_export_info(const void *bytes, size_t len, struct sl_export_info *out)
{
	struct sl_codec c = sl__codec_reader(bytes, len);
	struct sl_image m;

	memset(&m, 0, sizeof(m));
	sl__image_head(&c, &m);
	sl__image_body(&c, &m);
	*out = (struct sl_export_info){.id = m.id,
	        .sequence = m.sequence,
	        .zone = m.zone,
	        .left_ms = m.left_ms,
	        .tuple = {m.tuple[0], m.tuple[1]}};
	return !c.bad;
}
