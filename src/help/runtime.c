/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper runtime: life of a helper's work on a conn, and the door for its packets.
 *
 * A helper that left, or was unregistered, is not asked any more; what was edited stays
 * edited, and numbers are moved, for as long as the connection lives.
 *
 * Ownership. A sl_help belongs to its conn's extension and ends with the conn; it is also in
 * the list `all` of its engine.
 *
 * Limits. See stream.c and editlog.c. A message longer than the helper's message_max passes
 * unread.
 */
#include "help/runtime.h"

#include "base/mem.h"
#include "help/inner.h"

/* ---- life ------------------------------------------------------------------------------------ */

void sl__helping_init(struct sl_helping *h, struct sl_track *t, const struct sl_help_env *env, size_t stream_max)
{
	*h = (struct sl_helping){.t = t, .env = *env};
	h->pool = (struct sl_stream_pool){.mem = t->mem, .max = stream_max};
	sl__registry_init(&h->registry, t->mem);
	sl__list_init(&h->all);
	sl__list_init(&h->due);
}

void sl__helping_fini(struct sl_helping *h)
{
	sl__registry_fini(&h->registry);
	sl__free(h->t->mem, h->scratch, h->scratch_size);
}

bool sl__help_attach(struct sl_helping *h, struct sl_conn *conn, const struct sl_helper *helper)
{
	struct sl_ext *ext = sl__conn_ext(h->t, conn);
	struct sl_help *help;

	if (!ext || ext->help)
		return false;
	help = sl__alloc(h->t->mem, sizeof(*help) + helper->data_size);
	if (!help)
		return false;
	help->api = &sl__help_api;
	help->owner = h;
	help->conn = conn;
	help->helper = helper;
	help->data_size = helper->data_size;
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__stream_init(&help->stream[dir], help, (enum sl_dir)dir);
		ext->stream[dir] = &help->stream[dir];
	}
	sl__list_append(&h->all, &help->link);
	ext->help = help;
	ext->helper = helper;
	conn->flags |= SL_CONN_WATCHED;
	return true;
}

void sl__help_conn_end(struct sl_ext *ext)
{
	struct sl_help *help = ext->help;

	if (!help)
		return;
	sl__help_end_calls(help);
	for (unsigned dir = 0; dir < 2; dir++)
		sl__stream_fini(&help->stream[dir], &help->owner->pool);
	if (help->said)
		sl__free(help->owner->t->mem, help->said, SL_SAID_MAX * sizeof(*help->said));
	sl__list_remove(&help->link);
	sl__free(help->owner->t->mem, help, sizeof(*help) + help->data_size);
	ext->help = NULL;
	ext->stream[0] = ext->stream[1] = NULL;
}

int32_t sl__help_seq_offset(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint32_t seq)
{
	const struct sl_ext *ext = sl__ext_of(t, conn);

	if (!ext || !ext->stream[dir])
		return 0;
	return (int32_t)(seq - sl__editlog_old(&ext->stream[dir]->log, seq, SL_EDGE_START));
}

void sl__help_forget(struct sl_helping *h, const struct sl_helper *helper)
{
	struct sl_expects *e = &h->t->expects;
	uint32_t cursor = 0, budget = UINT32_MAX, ref;

	while ((ref = sl__slab_next(&e->slab, &cursor, &budget))) {
		struct sl_expect *expect = sl__expect_at(e, ref);

		if (expect->maker == helper || expect->helper == helper)
			sl__expect_remove(h->t, expect, SL_WHY_HELPER_GONE);
	}
	SL_LIST_EACH(it, &h->all) {
		struct sl_help *help = SL_CONTAINER(it, struct sl_help, link);

		if (help->helper != helper)
			continue;
		help->helper = NULL;
		help->packet = NULL;
		sl__ext_of(h->t, help->conn)->helper = NULL;
		for (unsigned dir = 0; dir < 2; dir++)
			if (help->stream[dir].started)
				sl__help_flush(help, &help->stream[dir]);
	}
}

/* ---- any packet ------------------------------------------------------------------------------ */

enum sl_help_outcome sl__help_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	struct sl_packet *p, struct sl_parsed *parsed)
{
	struct sl_ext *ext = sl__ext_of(t, conn);
	struct sl_help *help = ext ? ext->help : NULL;
	enum sl_help_outcome outcome;
	struct sl_help_work w;

	if (!help || (conn->proto != SL_PROTO_TCP && conn->proto != SL_PROTO_UDP))
		return SL_HELP_ACCEPT;
	w = (struct sl_help_work){.help = help, .s = &help->stream[dir], .peer = &help->stream[!dir], .p = p,
		.parsed = parsed, .dir = dir, .sum = sl__segment_sum(p, parsed)};
	help->packet = p;
	help->parsed = parsed;
	outcome = conn->proto == SL_PROTO_TCP ? sl__help_tcp(&w) : sl__help_datagram(&w);
	help->packet = NULL;
	help->parsed = NULL;
	return outcome;
}
