/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections outlive their gateway (`--state`, state.h): written when it ends, taken up again
 * by the next one before packets flow.
 *
 * The end of all (SIGTERM) removes the BPF programs, then writes. An end for a restart (SIGUSR2) leaves
 * them, and they go on as if the gateway lived, for HOLD seconds: what they send to its device, which is
 * gone, is lost, and will be sent again by whoever needs it. Without that a server's segment would reach this machine's own
 * stack, whose reset ends the connection. Nobody may forward either after its state was written: what the fast path had is
 * taken back first.
 *
 * What is taken up is believed as far as an import goes (src/engine/import.c): what cannot be is refused, and
 * counted. Left out is what ran out meanwhile, and what is translated to an address that this machine
 * had and has no more. The file is used up when packets flow, so that a gateway which dies later does not wake
 * the dead, and one that cannot start has lost nothing; a damaged one is set aside.
 *
 * Each engine takes what it had; one engine takes all. Between other numbers of engines connections would come to
 * where their packets do not, so they are left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prog/live.h"
#include "prog/state.h"

enum { STEPS = 4096, HOLD = 10 };

static void complain(const char *path, const char *what, const char *remedy)
{
	fprintf(stderr, "sluice run: --state %s: %s%s\n", path, what, remedy);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct saving {
	struct sl_live *live;
	struct sl_state_writer *to;
	uint8_t *bytes;
	size_t size;
	bool related; /* those that have a master, or those that have none */
	uint64_t n, left_out;
};

static void save(void *ctx, struct sl_conn *conn)
{
	struct saving *s = ctx;
	struct sl_engine *engine = s->live->engine;
	struct sl_conn_info info;
	size_t len;

	sl_conn_info(engine, conn, &info);
	if (info.has_master != s->related)
		return;
	len = sl_conn_export(engine, conn, s->bytes, s->size);
	if (len > s->size) {
		s->size = len * 2;
		s->bytes = sl__must_grow(s->bytes, s->size);
		len = sl_conn_export(engine, conn, s->bytes, s->size);
	}
	if (len) {
		sl__state_put(s->to, SL_STATE_CONN, s->live->shard, s->bytes, len);
		s->n++;
	} else {
		s->left_out++;
	}
}

/* Nobody but the engine forwards from here on, and it knows what was. */
static void take_back(struct sl_live *live)
{
	sl_routes_changed(live->engine);
	sl__live_listen(live);
}

static void save_all(struct sl_live_all *all, struct saving *s)
{
	for (unsigned related = 0; related < 2; related++)
		for (unsigned i = 0; i < all->n; i++) {
			uint64_t cursor = 0;

			s->live = &all->lives[i];
			s->related = related;
			while (sl_conn_walk(s->live->engine, &cursor, STEPS, save, s))
				;
		}
	sl__state_put(s->to, SL_STATE_END, 0, &s->n, sizeof(s->n));
}

static void save_addresses(const struct sl_net *net, struct sl_state_writer *to)
{
	for (unsigned i = 0; i < net->n_addrs; i++)
		sl__state_put(
		        to, SL_STATE_ADDRESS, 0, &net->addrs[i].addr, sizeof(net->addrs[i].addr));
}

static void log_count(const char *event, const char *path, uint64_t n, uint64_t left_out)
{
	char done[24], left[24];

	snprintf(done, sizeof(done), "%llu", (unsigned long long)n);
	snprintf(left, sizeof(left), "%llu", (unsigned long long)left_out);
	sl__log(SL_LOG_NOTICE, event, "file", path, "connections", done, "left-out", left, NULL);
}

bool sl__live_state_save(struct sl_live_all *all)
{
	const char *path = all->opt.state;
	struct sl_state_writer to;
	struct saving s = {.to = &to};
	bool done = sl__state_create(&to, path, all->n);

	for (unsigned i = 0; i < all->n; i++)
		take_back(&all->lives[i]);
	if (done) {
		save_addresses(&all->lives[0].net, &to);
		save_all(all, &s);
		done = sl__state_finish(&to, true);
	}
	free(s.bytes);
	if (done)
		log_count("state-saved", path, s.n, s.left_out);
	else
		sl__log(SL_LOG_ERROR, "state-not-saved", "file", path, "error", strerror(errno),
		        NULL);
	return done;
}

void sl__live_state_hold(struct sl_live_all *all)
{
	const uint64_t until = sl__live_clock() + HOLD * UINT64_C(1000000000);

	__atomic_store_n(&all->steer.config->fast, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < all->n; i++)
		sl_steer_beat(&all->steer, i, until);
}

/* ---- taking up ------------------------------------------------------------------------------- */

struct taking {
	struct sl_live_all *all;
	struct sl_state_reader from;
	struct sl_addr *gone; /* what the machine had, and has no more */
	unsigned n_gone;
	uint64_t n, seen, left_out, age_ms;
	enum sl_import why; /* of the last that was refused */
	uint64_t refused;
};

static void note_address(struct taking *t)
{
	struct sl_addr addr;

	if (t->from.record.len != sizeof(addr))
		return;
	memcpy(&addr, t->from.bytes, sizeof(addr));
	if (sl_net_is_own(&t->all->lives[0].net, &addr))
		return;
	t->gone = sl__must_grow(t->gone, (t->n_gone + 1) * sizeof(*t->gone));
	t->gone[t->n_gone++] = addr;
}

static bool is_translated_to(const struct sl_tuple tuple[2], const struct sl_addr *addr)
{
	const struct sl_tuple *o = &tuple[SL_ORIGINAL], *r = &tuple[SL_REPLY];

	return (sl_addr_eq(&r->dst, addr) && !sl_addr_eq(&r->dst, &o->src)) ||
	       (sl_addr_eq(&o->dst, addr) && !sl_addr_eq(&o->dst, &r->src));
}

/* Is there anybody for whom it could go on? */
static bool is_wanted(const struct taking *t, const struct sl_export_info *info)
{
	for (unsigned i = 0; i < t->n_gone; i++)
		if (is_translated_to(info->tuple, &t->gone[i]))
			return false;
	return info->left_ms > t->age_ms;
}

static struct sl_live *engine_for(const struct taking *t)
{
	struct sl_live_all *all = t->all;
	unsigned engine = t->from.record.engine;

	if (all->n == 1)
		return &all->lives[0];
	return t->from.head.engines == all->n && engine < all->n ? &all->lives[engine] : NULL;
}

static void take_up(struct taking *t)
{
	const struct sl_state_reader *from = &t->from;
	struct sl_live *live = engine_for(t);
	struct sl_export_info info;
	enum sl_import result;

	t->seen++;
	if (!live ||
	        (sl_export_info(from->bytes, from->record.len, &info) && !is_wanted(t, &info))) {
		t->left_out++;
		return;
	}
	sl__record(&live->recorder, SL_RECORD_IMPORT, from->bytes, from->record.len);
	result = sl_conn_import(live->engine, from->bytes, from->record.len, NULL);
	if (result == SL_IMPORT_DONE) {
		t->n++;
		return;
	}
	t->refused++;
	t->why = result;
}

/* Up to the end, or as far as it goes. True: it ended as it should. */
static bool take_all(struct taking *t)
{
	uint64_t said;

	while (sl__state_next(&t->from)) {
		switch (t->from.record.kind) {
		case SL_STATE_ADDRESS:
			note_address(t);
			break;
		case SL_STATE_CONN:
			take_up(t);
			break;
		case SL_STATE_END:
			if (t->from.record.len != sizeof(said))
				return false;
			memcpy(&said, t->from.bytes, sizeof(said));
			return said == t->seen;
		default:
			return false;
		}
	}
	return false;
}

void sl__live_state_used(struct sl_live_all *all)
{
	const char *path = all->opt.state;
	char bad[4096], where[32];
	int n;

	if (all->state == SL_LIVE_STATE_TAKEN)
		unlink(path);
	if (all->state != SL_LIVE_STATE_DAMAGED)
		return;
	n = snprintf(bad, sizeof(bad), "%s.bad", path);
	snprintf(where, sizeof(where), "%llu", (unsigned long long)all->state_damaged_at);
	if (n > 0 && (size_t)n < sizeof(bad) && rename(path, bad) == 0)
		sl__log(SL_LOG_WARNING, "state-damaged", "file", path, "at-byte", where,
		        "set-aside-as", bad, NULL);
	else
		sl__log(SL_LOG_WARNING, "state-damaged", "file", path, "at-byte", where, "error",
		        strerror(errno), NULL);
}

static void tell(const struct taking *t, const char *path)
{
	char n[24];

	log_count("state-taken-up", path, t->n, t->left_out + t->refused);
	if (t->from.head.engines != t->all->n && t->all->n > 1)
		sl__log(SL_LOG_WARNING, "state-of-other-engines", "file", path, "why",
		        "it was written with another --queues, so its connections are left out",
		        NULL);
	if (!t->refused)
		return;
	snprintf(n, sizeof(n), "%llu", (unsigned long long)t->refused);
	sl__log(SL_LOG_WARNING, "state-refused", "connections", n, "why", sl_import_text(t->why),
	        NULL);
}

/* False: a file that is there and is none of ours, or none that can be read, is not to be overwritten at the end. */
static bool open_state(struct taking *t, const char *path, bool *there)
{
	switch (sl__state_open(&t->from, path)) {
	case SL_STATE_OPEN:
		*there = true;
		return true;
	case SL_STATE_NONE:
		*there = false;
		return true;
	case SL_STATE_UNREADABLE:
		complain(path, strerror(errno), "");
		return false;
	case SL_STATE_FOREIGN:
		complain(path, "not a file of connections, or one of another machine or version",
		        ": name another, or remove it");
		return false;
	}
	return false;
}

/* Can it be written when that is due? */
static bool try_writing(struct sl_live_all *all)
{
	struct sl_state_writer to;

	if (sl__state_create(&to, all->opt.state, all->n) && sl__state_finish(&to, false))
		return true;
	complain(all->opt.state, strerror(errno), ": it could not be written at the end");
	return false;
}

bool sl__live_state_take_up(struct sl_live_all *all)
{
	const char *path = all->opt.state;
	struct taking t = {.all = all};
	bool there = false, good;

	if (!path)
		return true;
	good = open_state(&t, path, &there) && try_writing(all);
	if (good && there) {
		t.age_ms = sl__state_age(&t.from);
		all->state = take_all(&t) ? SL_LIVE_STATE_TAKEN : SL_LIVE_STATE_DAMAGED;
		all->state_damaged_at = (uint64_t)t.from.at;
		tell(&t, path);
	}
	sl__state_close(&t.from);
	free(t.gone);
	return good;
}
