/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay RECORDING`: the engines of a live run again, offline (record.h), each in its turn. Their
 * questions are answered from the recording; what comes out is compared with the hashes that the
 * run left there, so that a replay which goes another way is told at the first packet where it
 * does.
 *
 * A recording may end anywhere (the run was killed, or its bound was reached): what is whole is
 * replayed.
 */
#include "prog/playback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- records -------------------------------------------------------------------------------- */

static void read_record(struct sl_playback *p)
{
	int kind = getc(p->f);
	uint32_t len;

	p->kind = 0;
	if (kind == EOF || fread(&len, sizeof(len), 1, p->f) != 1)
		return;
	if (len > 64u << 20)
		return;
	if (len > p->room) {
		p->room = len * 2;
		p->content = sl__must_grow(p->content, p->room);
	}
	p->len = len;
	if (fread(p->content, 1, len, p->f) == len)
		p->kind = (char)kind;
}

void sl__playback_next(struct sl_playback *p)
{
	uint32_t engine;

	read_record(p);
	while (p->kind == SL_RECORD_ENGINE) {
		memcpy(&engine, p->content, sizeof(engine));
		if (!sl__playback_has(p, sizeof(engine)) || engine >= SL_RECORD_ENGINES)
			p->kind = 0;
		else
			p->e = &p->engines[engine];
		if (p->kind)
			read_record(p);
	}
}

bool sl__playback_has(const struct sl_playback *p, size_t size)
{
	return p->len >= size;
}

void sl__playback_diverge(struct sl_playback *p, const char *what)
{
	if (!p->diverged)
		fprintf(stderr, "sluice replay: at packet %llu: %s\n",
		        (unsigned long long)p->packets_in + 1, what);
	p->diverged = true;
}

bool sl__playback_answer(struct sl_playback *p, char kind, size_t size)
{
	if (p->kind == 0)
		return false; /* the run's end: whatever is answered has no witness */
	if (p->kind != kind || !sl__playback_has(p, size)) {
		sl__playback_diverge(p, "the engine asks what it did not ask then");
		return false;
	}
	return true;
}

/* ---- what an operator did ------------------------------------------------------------------- */

static void kill_conn(struct sl_playback *p)
{
	struct sl_record_kill kill;
	struct sl_conn *conn;
	enum sl_dir dir;

	if (!sl__playback_has(p, sizeof(kill)))
		return;
	memcpy(&kill, p->content, sizeof(kill));
	conn = sl_conn_find(p->e->engine, &kill.tuple, kill.zone, &dir);
	if (conn)
		sl_conn_kill(p->e->engine, conn, (enum sl_reason)kill.why);
	else
		sl__playback_diverge(p, "a connection that was ended then is not there");
}

struct wanted {
	struct sl_playback *p;
	const struct sl_record_kill *kill;
};

static void kill_if_wanted(void *ctx, struct sl_expect *expect)
{
	const struct wanted *w = ctx;
	struct sl_expect_info info;

	sl_expect_info(w->p->e->engine, expect, &info);
	if (info.id == w->kill->id)
		sl_expect_kill(w->p->e->engine, expect, (enum sl_reason)w->kill->why);
}

static void kill_expect(struct sl_playback *p)
{
	struct sl_record_kill kill;
	struct wanted w = {p, &kill};
	uint64_t cursor = 0;

	if (!sl__playback_has(p, sizeof(kill)))
		return;
	memcpy(&kill, p->content, sizeof(kill));
	while (sl_expect_walk(p->e->engine, &cursor, 256, kill_if_wanted, &w))
		;
}

static void reload(struct sl_playback *p)
{
	struct sl_rules *rules = sl__playback_rules(p);

	if (rules)
		sl_rules_destroy(sl__gateway_swap(&p->e->gateway, p->e->engine, rules));
	else
		sl__playback_diverge(p, "a ruleset cannot be read any more");
}

static void tend(struct sl_playback *p)
{
	uint64_t now;

	if (!sl__playback_has(p, sizeof(now)))
		return;
	memcpy(&now, p->content, sizeof(now));
	if (!p->e->gateway.rules || !sl_rules_tend(p->e->gateway.rules, p->e->engine, now))
		sl__playback_diverge(p, "no connection count waits to be tended");
}

static void compare(struct sl_playback *p)
{
	uint64_t then;

	if (!sl__playback_has(p, sizeof(then)))
		return;
	memcpy(&then, p->content, sizeof(then));
	if (then != p->e->hash)
		sl__playback_diverge(p, "what comes out before it is not what came out then");
}

/* False: the recording says something that this program does not know. */
static bool one_record(struct sl_playback *p)
{
	if (!p->e->engine)
		return false;
	switch ((enum sl_record_kind)p->kind) {
	case SL_RECORD_INPUT:
		return sl__playback_input(p); /* has gone on to the next record */
	case SL_RECORD_CLOCK:
		return sl__playback_pass_time(p);
	case SL_RECORD_OUTPUT:
		compare(p);
		break;
	case SL_RECORD_ROUTES:
		sl_routes_changed(p->e->engine);
		break;
	case SL_RECORD_IMPORT:
		sl_conn_import(p->e->engine, p->content, p->len, NULL);
		break;
	case SL_RECORD_CONN:
		kill_conn(p);
		break;
	case SL_RECORD_EXPECT:
		kill_expect(p);
		break;
	case SL_RECORD_RULES:
	case SL_RECORD_SHARED:
		reload(p);
		break;
	case SL_RECORD_TEND:
		tend(p);
		break;
	case SL_RECORD_LINK:
	case SL_RECORD_ADDR:
		sl__playback_surroundings(p);
		break;
	case SL_RECORD_ROUTE:
	case SL_RECORD_ROUTE_IF:
		sl__playback_diverge(p, "the engine does not ask what it asked then");
		break;
	case SL_RECORD_ENGINE:
	case SL_RECORD_BEGIN:
	case SL_RECORD_OPTION:
		return false;
	}
	sl__playback_next(p);
	return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static FILE *open_out(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		fprintf(stderr, "sluice replay: %s: %s\n", path, strerror(errno));
	return f;
}

static bool open_outputs(struct sl_playback *p)
{
	if (!p->opt.output)
		return true;
	(void)mkdir(p->opt.output, 0777);
	p->events = open_out(p->opt.output, "events.jsonl");
	p->rows = open_out(p->opt.output, "packets.jsonl");
	p->final = open_out(p->opt.output, "final.jsonl");
	return p->events && p->rows && p->final;
}

static void put_conn(void *ctx, struct sl_conn *conn)
{
	struct sl_playback *p = ctx;
	struct sl_conn_info info;

	sl_conn_info(p->e->engine, conn, &info);
	sl__json_conn(&p->json, &info, info.id, true);
	sl__playback_row(p, p->final);
}

static void finish(struct sl_playback *p)
{
	for (p->e = p->engines; p->final && p->e < p->engines + p->n_engines; p->e++) {
		uint64_t cursor = 0;

		while (sl_conn_walk(p->e->engine, &cursor, 1024, put_conn, p))
			;
	}
	printf("packets=%llu inputs=%llu accepted=%llu dropped=%llu held=%llu taken=%llu "
	       "handed_over=%llu engines=%u events=%llu identical=%s\n",
	        (unsigned long long)p->packets_in, (unsigned long long)p->inputs,
	        (unsigned long long)p->verdicts[SL_ACCEPT],
	        (unsigned long long)p->verdicts[SL_DROP], (unsigned long long)p->verdicts[SL_HELD],
	        (unsigned long long)p->verdicts[SL_TAKEN],
	        (unsigned long long)p->verdicts[SL_HANDOVER], p->n_engines,
	        (unsigned long long)p->n_events, p->diverged ? "no" : "yes");
}

static int work(struct sl_playback *p)
{
	if (!sl__playback_begin(p) || !open_outputs(p)) {
		fprintf(stderr, "sluice replay: %s: the recording cannot be begun\n",
		        p->opt.capture);
		return 1;
	}
	while (p->kind && !p->diverged && (!p->opt.limit || p->packets_in < p->opt.limit))
		if (!one_record(p)) {
			fprintf(stderr, "sluice replay: %s: damaged behind packet %llu\n",
			        p->opt.capture, (unsigned long long)p->packets_in);
			return 2;
		}
	finish(p);
	return p->diverged ? 2 : 0;
}

static bool read_head(FILE *f)
{
	uint32_t order;
	char magic[16];

	return fread(magic, 1, 16, f) == 16 && memcmp(magic, SL_RECORD_MAGIC, 16) == 0 &&
	       fread(&order, sizeof(order), 1, f) == 1 && order == SL_RECORD_ORDER;
}

bool sl__playback_is(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rb") : NULL;
	bool is = f && read_head(f);

	if (f)
		fclose(f);
	return is;
}

static void free_words(struct sl_strings *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free((char *)(uintptr_t)list->at[i]);
	free(list->at);
}

static void end_engine(struct sl_playback_engine *e)
{
	if (e->engine) {
		sl__gateway_stop(&e->gateway);
		sl_engine_destroy(e->engine);
	}
	sl__embed_fini(&e->embed);
	sl__gateway_fini(&e->gateway);
	free(e->links);
	free(e->own);
}

static void fini(struct sl_playback *p)
{
	FILE *files[] = {p->f, p->events, p->rows, p->final};

	p->events = NULL;
	for (unsigned i = 0; i < p->n_engines; i++)
		end_engine(&p->engines[i]);
	for (unsigned i = 0; i < 4; i++)
		if (files[i])
			fclose(files[i]);
	for (unsigned i = 0; i < SL_PLAYBACK_BATCH; i++)
		free(p->blocks[i]);
	sl__json_fini(&p->json);
	free(p->content);
}

int sl__playback(const struct sl_replay_options *opt)
{
	struct sl_playback *p = sl__must_alloc(sizeof(*p));
	int status = 1;

	memset(p, 0, sizeof(*p));
	p->opt = *opt;
	p->e = p->engines;
	p->opt.rules = NULL;
	p->opt.helpers = p->opt.sets = (struct sl_strings){0}; /* the recording's */
	sl__json_init(&p->json);
	p->f = fopen(opt->capture, "rb");
	if (p->f && read_head(p->f))
		status = work(p);
	fini(p);
	free_words(&p->opt.helpers);
	free_words(&p->opt.sets);
	free_words(&p->outside);
	free(p);
	return status;
}
