/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay RECORDING`: the engine of a live run again, offline (record.h). The engine's
 * questions are answered from the recording; what comes out is compared with the hashes that the
 * run left there, so that a replay which goes another way is told at the first packet where it
 * does.
 *
 * A recording may end anywhere (the run was killed, or its bound was reached): what is whole is
 * replayed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/json_events.h"
#include "prog/embed.h"
#include "prog/gateway.h"
#include "prog/record.h"
#include "prog/view.h"

enum { BATCH = 256 };

struct playback {
	struct sl_replay_options opt; /* of this command line, and what the recording says */
	FILE *f;
	/* The record under way. */
	char kind; /* 0: none is left */
	uint8_t *content;
	uint32_t len, room;
	bool diverged;
	/* The gateway. */
	struct sl_gateway gateway;
	struct sl_gateway_look look;
	struct sl_rules_env rules_env;
	struct sl_embed embed;
	struct sl_engine *engine;
	struct sl_strings outside;
	struct link {
		uint32_t index;
		char name[32];
	} * links;
	unsigned n_links;
	struct sl_addr *own;
	unsigned n_own;
	/* The input under way. */
	struct sl_packet packets[BATCH];
	uint8_t *blocks[BATCH];
	uint64_t packets_in, inputs, hash;
	unsigned current; /* the packet put in now, in its input; for traces */
	struct sl_json json;
	FILE *events, *rows, *final;
	uint64_t verdicts[8], n_events;
};

/* ---- records -------------------------------------------------------------------------------- */

/* The next record; p->kind 0: there is none. */
static void next(struct playback *p)
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

static bool has(const struct playback *p, size_t size)
{
	return p->len >= size;
}

static void diverge(struct playback *p, const char *what)
{
	if (!p->diverged)
		fprintf(stderr, "sluice replay: at packet %llu: %s\n",
		        (unsigned long long)p->packets_in + 1, what);
	p->diverged = true;
}

/* Takes the answer to a question; false: the recording has another one, or ends. */
static bool take_answer(struct playback *p, char kind, size_t size)
{
	if (p->kind == 0)
		return false; /* the run's end: whatever is answered has no witness */
	if (p->kind != kind || !has(p, size)) {
		diverge(p, "the engine asks what it did not ask then");
		return false;
	}
	return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct playback *p = ctx;
	struct sl_record_route r;

	memset(answer, 0, sizeof(*answer));
	if (!take_answer(p, SL_RECORD_ROUTE, sizeof(r)))
		return;
	memcpy(&r, p->content, sizeof(r));
	if (!sl_addr_eq(&r.query.dst, &query->dst) || !sl_addr_eq(&r.query.src, &query->src))
		diverge(p, "the engine asks for another route than then");
	*answer = r.answer;
	next(p);
}

static bool is_local(void *ctx, const struct sl_addr *addr, enum sl_family family)
{
	const struct playback *p = ctx;

	(void)family;
	for (unsigned i = 0; i < p->n_own; i++)
		if (sl_addr_eq(&p->own[i], addr))
			return true;
	return false;
}

static uint32_t route_if(
        void *ctx, const struct sl_addr *addr, enum sl_family family, uint32_t in_if)
{
	struct playback *p = ctx;
	uint32_t answer = 0;

	(void)addr, (void)family, (void)in_if;
	if (!take_answer(p, SL_RECORD_ROUTE_IF, sizeof(answer)))
		return 0;
	memcpy(&answer, p->content, sizeof(answer));
	next(p);
	return answer;
}

static struct link *find_link(struct playback *p, uint32_t index)
{
	for (unsigned i = 0; i < p->n_links; i++)
		if (p->links[i].index == index)
			return &p->links[i];
	return NULL;
}

static const char *if_name(void *ctx, uint32_t index)
{
	const struct link *link = find_link(ctx, index);

	return link && link->name[0] ? link->name : NULL;
}

static bool is_outside(void *ctx, uint32_t ifindex)
{
	const struct playback *p = ctx;
	const char *name = if_name(ctx, ifindex);

	for (unsigned i = 0; name && i < p->outside.n; i++)
		if (strcmp(p->outside.at[i], name) == 0)
			return true;
	return false;
}

static bool has_helper(void *ctx, const char *name)
{
	struct playback *p = ctx;

	return sl__gateway_has_helper(&p->gateway, name);
}

static void route_embed(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct sl_embed *embed = ctx;

	route((char *)embed - offsetof(struct playback, embed), query, answer);
}

static struct playback *playback_of(void *embed)
{
	return (struct playback *)(void *)((char *)embed - offsetof(struct playback, embed));
}

/* ---- what the engine tells ------------------------------------------------------------------ */

static bool explains(const struct playback *p)
{
	return p->opt.explain == SL_EXPLAIN_ALL ||
	       (p->opt.explain && p->opt.explain == p->packets_in + p->current + 1);
}

static void put_row(struct playback *p, FILE *f)
{
	if (f) {
		fwrite(p->json.text, 1, p->json.len, f);
		putc('\n', f);
	}
	sl__json_clear(&p->json);
}

static uint64_t packet_number(const struct playback *p, const struct sl_packet *packet)
{
	if (packet < p->packets || packet >= p->packets + BATCH)
		return 0;
	return p->packets_in + (uint64_t)(packet - p->packets) + 1;
}

static void event(void *ctx, const struct sl_event *e)
{
	struct playback *p = playback_of(ctx);
	struct sl_expect_info expect;
	struct sl_conn_info conn;

	p->n_events++;
	if (e->type <= SL_EVENT_DESTROY) {
		sl_conn_info(p->engine, e->conn, &conn);
		sl__json_conn_event(&p->json, e, &conn, conn.id, packet_number(p, e->packet));
	} else if (e->type != SL_EVENT_LOG) {
		sl_expect_info(p->engine, e->expect, &expect);
		sl__json_expect_event(&p->json, e, &expect, expect.id, packet_number(p, e->packet));
	} else {
		return;
	}
	put_row(p, p->events);
}

static void trace(void *ctx, const struct sl_trace *t)
{
	const struct playback *p = playback_of(ctx);

	if (explains(p))
		printf("    %-12s %.*s\n", t->step, (int)t->text_len, t->text);
}

/* ---- the gateway ---------------------------------------------------------------------------- */

static void add_word(struct playback *p)
{
	struct sl_strings *list;
	char *text;

	if (!has(p, 1))
		return;
	text = sl__must_alloc(p->len);
	memcpy(text, p->content + 1, p->len - 1);
	text[p->len - 1] = '\0';
	list = p->content[0] == 'h'   ? &p->opt.helpers
	       : p->content[0] == 's' ? &p->opt.sets
	                              : &p->outside;
	list->at = sl__must_grow(list->at, (list->n + 1) * sizeof(*list->at));
	list->at[list->n++] = text;
}

/* A ruleset's text as a file, for what reads files. */
static struct sl_rules *read_rules(struct playback *p)
{
	int fd = memfd_create("ruleset", 0);
	struct sl_rules *rules = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, p->content, p->len) == (ssize_t)p->len)
		rules = sl__gateway_read(&p->gateway, path, stderr);
	if (fd >= 0)
		close(fd);
	return rules;
}

static bool make_engine(struct playback *p, const struct sl_record_begin *begin)
{
	struct sl_config config;

	sl_config_init(&config);
	config.table_max = begin->table_max;
	config.expect_max = begin->expect_max;
	config.fragment_memory = begin->fragment_memory;
	config.stream_memory = begin->stream_memory;
	config.start = begin->start;
	config.forward_ttl = begin->forward_ttl;
	config.policy = p->gateway.policy;
	config.policy_ctx = p->gateway.policy_ctx;
	sl__embed_init(&p->embed, &p->opt, NULL, false);
	p->embed.env.route = route_embed;
	p->embed.env.event = event;
	p->embed.env.trace = p->opt.explain ? trace : NULL;
	memcpy(p->embed.env.seed, begin->seed, sizeof(begin->seed));
	p->engine = sl_engine_create(&config, &p->embed.env);
	return p->engine && sl__gateway_start(&p->gateway, &p->opt, p->engine);
}

static void change_link(struct playback *p)
{
	uint32_t index;
	struct link *link;

	if (!has(p, sizeof(index)))
		return;
	memcpy(&index, p->content, sizeof(index));
	link = find_link(p, index);
	if (!link) {
		p->links = sl__must_grow(p->links, (p->n_links + 1) * sizeof(*p->links));
		link = &p->links[p->n_links++];
	}
	link->index = index;
	snprintf(link->name, sizeof(link->name), "%.*s", (int)(p->len - sizeof(index)),
	        (const char *)p->content + sizeof(index));
}

static void change_addr(struct playback *p)
{
	struct sl_record_addr change;
	unsigned i = 0;

	if (!has(p, sizeof(change)))
		return;
	memcpy(&change, p->content, sizeof(change));
	while (i < p->n_own && !sl_addr_eq(&p->own[i], &change.addr))
		i++;
	if (change.gone && i < p->n_own)
		p->own[i] = p->own[--p->n_own];
	if (change.gone || i < p->n_own)
		return;
	p->own = sl__must_grow(p->own, (p->n_own + 1) * sizeof(*p->own));
	p->own[p->n_own++] = change.addr;
}

/* Does the record tell of interfaces and addresses? Then it is done. */
static bool surroundings(struct playback *p)
{
	if (p->kind == SL_RECORD_LINK)
		change_link(p);
	else if (p->kind == SL_RECORD_ADDR)
		change_addr(p);
	else
		return false;
	return true;
}

/* Everything before the first packet. */
static bool begin(struct playback *p)
{
	struct sl_record_begin head;

	next(p);
	if (p->kind != SL_RECORD_BEGIN || !has(p, sizeof(head)))
		return false;
	memcpy(&head, p->content, sizeof(head));
	p->opt.masquerade = head.masquerade;
	p->opt.checksum = head.checksum;
	for (next(p); p->kind == SL_RECORD_OPTION; next(p))
		add_word(p);
	for (; surroundings(p); next(p))
		;
	p->rules_env = (struct sl_rules_env){.ctx = p,
	        .if_name = if_name,
	        .has_helper = has_helper,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper,
	        .log = sl__gateway_log};
	p->look = (struct sl_gateway_look){
	        .command = "sluice replay", .env = &p->rules_env, .is_outside = is_outside};
	if (!sl__gateway_init(&p->gateway, &p->opt, &p->look))
		return false;
	if (p->kind == SL_RECORD_RULES) {
		struct sl_rules *rules = read_rules(p);

		if (!rules)
			return false;
		sl__gateway_use(&p->gateway, rules);
		next(p);
	}
	return make_engine(p, &head);
}

/* ---- packets -------------------------------------------------------------------------------- */

static bool unpack(struct playback *p, struct sl_record_input *input)
{
	size_t at = sizeof(*input);

	if (!has(p, sizeof(*input)))
		return false;
	memcpy(input, p->content, sizeof(*input));
	if (input->n > BATCH)
		return false;
	for (unsigned i = 0; i < input->n; i++) {
		struct sl_record_packet head;

		if (p->len - at < sizeof(head))
			return false;
		memcpy(&head, p->content + at, sizeof(head));
		at += sizeof(head);
		if (p->len - at < head.len)
			return false;
		p->blocks[i] = sl__must_grow(
		        p->blocks[i], (size_t)head.headroom + head.len + head.tailroom);
		memcpy(p->blocks[i] + head.headroom, p->content + at, head.len);
		at += head.len;
		p->packets[i] = (struct sl_packet){.data = p->blocks[i] + head.headroom,
		        .len = head.len,
		        .headroom = head.headroom,
		        .tailroom = head.tailroom,
		        .in_if = head.in_if,
		        .vrf = head.vrf,
		        .mark = head.mark,
		        .zone = head.zone,
		        .gso_size = head.gso_size,
		        .gso = head.gso,
		        .csum = head.csum,
		        .from = head.from,
		        .cast = head.cast};
	}
	return true;
}

static void explain_before(const struct playback *p, const struct sl_packet *packet)
{
	char text[SL_VIEW_TEXT];
	struct sl_view view;

	if (explains(p) && sl__view_init(&view, packet->data, packet->len))
		printf("packet %llu: %s\n", (unsigned long long)p->packets_in + p->current + 1,
		        sl__view_text(&view, text));
}

static const char *const verdict_names[] = {[SL_NONE] = "none",
        [SL_ACCEPT] = "accepted",
        [SL_DROP] = "dropped",
        [SL_QUEUED] = "queued",
        [SL_HELD] = "held",
        [SL_TAKEN] = "taken",
        [SL_HANDOVER] = "handed over"};

static void explain_after(const struct playback *p, const struct sl_packet *packet)
{
	if (!explains(p))
		return;
	printf("    %-12s %s", "verdict", verdict_names[packet->verdict]);
	if (packet->reason)
		printf("; %s: %s", sl_reason_name((enum sl_reason)packet->reason),
		        sl_reason_text((enum sl_reason)packet->reason));
	printf("\n");
}

static void report(struct playback *p, const struct sl_packet *packet, uint64_t now)
{
	char text[SL_VIEW_TEXT];
	struct sl_view view;

	p->verdicts[packet->verdict & 7]++;
	if (!p->rows)
		return;
	sl__json_object(&p->json, NULL);
	sl__json_uint(&p->json, "packet", packet_number(p, packet));
	sl__json_uint(&p->json, "ts", now);
	if (sl__view_init(&view, packet->data, packet->len))
		sl__json_str(&p->json, "what", sl__view_text(&view, text));
	sl__json_str(&p->json, "verdict", verdict_names[packet->verdict]);
	if (packet->reason)
		sl__json_str(&p->json, "reason", sl_reason_name((enum sl_reason)packet->reason));
	sl__json_end(&p->json);
	put_row(p, p->rows);
}

/* What came of the input, in the order in which the run sent it. */
static void add_up(struct playback *p, unsigned n)
{
	unsigned next_emitted = 0;

	for (unsigned i = 0; i < n; i++)
		p->hash = sl__record_hash(p->hash, &p->packets[i], false);
	for (; next_emitted < p->embed.n_emitted; next_emitted++)
		p->hash = sl__record_hash(p->hash, &p->embed.emitted[next_emitted], true);
	for (unsigned i = 0; i < n; i++)
		if (p->packets[i].verdict == SL_ACCEPT || p->packets[i].verdict == SL_DROP)
			sl__embed_release(&p->packets[i]);
	sl__embed_drain(&p->embed);
}

static bool input(struct playback *p)
{
	struct sl_record_input in;

	if (!unpack(p, &in))
		return false;
	next(p); /* the answers */
	if (p->opt.explain) {
		for (p->current = 0; p->current < in.n; p->current++) {
			explain_before(p, &p->packets[p->current]);
			sl_input(p->engine, &p->packets[p->current], 1, in.now);
			explain_after(p, &p->packets[p->current]);
		}
		p->current = 0;
	} else {
		sl_input(p->engine, p->packets, in.n, in.now);
	}
	for (unsigned i = 0; i < in.n; i++)
		report(p, &p->packets[i], in.now);
	p->hash = 0;
	add_up(p, in.n);
	p->packets_in += in.n;
	p->inputs++;
	return true;
}

static bool pass_time(struct playback *p)
{
	struct sl_record_input in;

	if (!has(p, sizeof(in)))
		return false;
	memcpy(&in, p->content, sizeof(in));
	next(p);
	sl_clock(p->engine, in.now, in.n);
	p->hash = 0;
	add_up(p, 0);
	return true;
}

/* ---- what an operator did ------------------------------------------------------------------- */

static void kill_conn(struct playback *p)
{
	struct sl_record_kill kill;
	struct sl_conn *conn;
	enum sl_dir dir;

	if (!has(p, sizeof(kill)))
		return;
	memcpy(&kill, p->content, sizeof(kill));
	conn = sl_conn_find(p->engine, &kill.tuple, kill.zone, &dir);
	if (conn)
		sl_conn_kill(p->engine, conn, (enum sl_reason)kill.why);
	else
		diverge(p, "a connection that was ended then is not there");
}

struct wanted {
	struct playback *p;
	const struct sl_record_kill *kill;
};

static void kill_if_wanted(void *ctx, struct sl_expect *expect)
{
	const struct wanted *w = ctx;
	struct sl_expect_info info;

	sl_expect_info(w->p->engine, expect, &info);
	if (info.id == w->kill->id)
		sl_expect_kill(w->p->engine, expect, (enum sl_reason)w->kill->why);
}

static void kill_expect(struct playback *p)
{
	struct sl_record_kill kill;
	struct wanted w = {p, &kill};
	uint64_t cursor = 0;

	if (!has(p, sizeof(kill)))
		return;
	memcpy(&kill, p->content, sizeof(kill));
	while (sl_expect_walk(p->engine, &cursor, 256, kill_if_wanted, &w))
		;
}

static void reload(struct playback *p)
{
	struct sl_rules *rules = read_rules(p);

	if (rules)
		sl_rules_destroy(sl__gateway_swap(&p->gateway, p->engine, rules));
	else
		diverge(p, "a ruleset cannot be read any more");
}

static void compare(struct playback *p)
{
	uint64_t then;

	if (!has(p, sizeof(then)))
		return;
	memcpy(&then, p->content, sizeof(then));
	if (then != p->hash)
		diverge(p, "what comes out before it is not what came out then");
}

/* False: the recording says something that this program does not know. */
static bool one_record(struct playback *p)
{
	switch ((enum sl_record_kind)p->kind) {
	case SL_RECORD_INPUT:
		return input(p); /* has gone on to the next record */
	case SL_RECORD_CLOCK:
		return pass_time(p);
	case SL_RECORD_OUTPUT:
		compare(p);
		break;
	case SL_RECORD_ROUTES:
		sl_routes_changed(p->engine);
		break;
	case SL_RECORD_CONN:
		kill_conn(p);
		break;
	case SL_RECORD_EXPECT:
		kill_expect(p);
		break;
	case SL_RECORD_RULES:
		reload(p);
		break;
	case SL_RECORD_LINK:
	case SL_RECORD_ADDR:
		surroundings(p);
		break;
	case SL_RECORD_ROUTE:
	case SL_RECORD_ROUTE_IF:
		diverge(p, "the engine does not ask what it asked then");
		break;
	case SL_RECORD_BEGIN:
	case SL_RECORD_OPTION:
		return false;
	}
	next(p);
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

static bool open_outputs(struct playback *p)
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
	struct playback *p = ctx;
	struct sl_conn_info info;

	sl_conn_info(p->engine, conn, &info);
	sl__json_conn(&p->json, &info, info.id, true);
	put_row(p, p->final);
}

static void finish(struct playback *p)
{
	uint64_t cursor = 0;

	while (p->final && sl_conn_walk(p->engine, &cursor, 1024, put_conn, p))
		;
	printf("packets=%llu inputs=%llu accepted=%llu dropped=%llu held=%llu taken=%llu "
	       "events=%llu "
	       "identical=%s\n",
	        (unsigned long long)p->packets_in, (unsigned long long)p->inputs,
	        (unsigned long long)p->verdicts[SL_ACCEPT],
	        (unsigned long long)p->verdicts[SL_DROP], (unsigned long long)p->verdicts[SL_HELD],
	        (unsigned long long)p->verdicts[SL_TAKEN], (unsigned long long)p->n_events,
	        p->diverged ? "no" : "yes");
}

static int work(struct playback *p)
{
	if (!begin(p) || !open_outputs(p)) {
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

static void fini(struct playback *p)
{
	FILE *files[] = {p->f, p->events, p->rows, p->final};

	if (p->engine) {
		p->events = NULL;
		sl__gateway_stop(&p->gateway);
		sl_engine_destroy(p->engine);
	}
	sl__embed_fini(&p->embed);
	sl__gateway_fini(&p->gateway);
	for (unsigned i = 0; i < 4; i++)
		if (files[i])
			fclose(files[i]);
	for (unsigned i = 0; i < BATCH; i++)
		free(p->blocks[i]);
	sl__json_fini(&p->json);
	free(p->content);
	free(p->links);
	free(p->own);
}

int sl__playback(const struct sl_replay_options *opt)
{
	struct playback *p = sl__must_alloc(sizeof(*p));
	int status = 1;

	memset(p, 0, sizeof(*p));
	p->opt = *opt;
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
