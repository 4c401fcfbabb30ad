/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay`, with two more engines in the shadow of its own: they get the same packets, the
 * one in batches of 7, the other in batches of up to 256, and must decide the same, byte for byte.
 *
 * This is the program itself, linked with --wrap: what it calls of the library comes here first.
 * So that there are batches at all, the clock goes in whole seconds (rounded up: what is due is
 * never late); the program's own engine runs by the same clock.
 *
 * The list model (tests/model) runs beside the program's own engine.
 *
 * Rulesets keep counters and sets that belong to one engine, so this is for the built-in policy.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script.h"
#include "tests/model/model.h"

/* --wrap: __real_X is the library's, __wrap_X what the program gets. */
struct sl_engine *__real_sl_engine_create(const struct sl_config *config, const struct sl_env *env);
void __real_sl_engine_destroy(struct sl_engine *engine);
void __real_sl_input(struct sl_engine *engine, struct sl_packet *p, unsigned n, uint64_t at);
bool __real_sl_clock(struct sl_engine *engine, uint64_t at, unsigned budget);
bool __real_sl_helper_register(
        struct sl_engine *engine, const struct sl_helper *helper, bool automatic);
bool __real_sl_helper_register_port(
        struct sl_engine *engine, const struct sl_helper *helper, uint16_t port);
bool __real_sl_tunable_set(struct sl_engine *engine, const char *name, uint32_t value);
struct sl_engine *__wrap_sl_engine_create(const struct sl_config *config, const struct sl_env *env);
void __wrap_sl_engine_destroy(struct sl_engine *engine);
void __wrap_sl_input(struct sl_engine *engine, struct sl_packet *p, unsigned n, uint64_t at);
bool __wrap_sl_clock(struct sl_engine *engine, uint64_t at, unsigned budget);
bool __wrap_sl_helper_register(
        struct sl_engine *engine, const struct sl_helper *helper, bool automatic);
bool __wrap_sl_helper_register_port(
        struct sl_engine *engine, const struct sl_helper *helper, uint16_t port);
bool __wrap_sl_tunable_set(struct sl_engine *engine, const char *name, uint32_t value);

#define SECOND  1000000000u
#define MOST    256
#define SHADOWS 2

static const unsigned sizes[SHADOWS] = {7, MOST};

/* An engine and the env between it and who uses it; outcomes of what is being put in. */
struct tap {
	struct sl_engine *engine;
	struct sl_env env; /* the program's own (for the real engine), or ours */
	const struct sl_packet *batch;
	unsigned batch_n;
	struct outcome *outcomes;
	struct outcome clock; /* what the clock caused; not compared packet by packet */
};

static struct tap real, shadow[SHADOWS];
static struct sl_packet came[MOST]; /* as they were put in, with their bytes */
static struct outcome happened[MOST];
static unsigned waiting, batches, packets;
static uint64_t now, last_clock;
static struct model *model;

_Noreturn static void fail(const char *what, unsigned size)
{
	fprintf(stderr, "in batches of %u: %s\n", size, what);
	_exit(3);
}

static void agree(const char *disagreement)
{
	if (!disagreement)
		return;
	fprintf(stderr, "packet %u: the model disagrees: %s\n", packets + 1, disagreement);
	_exit(3);
}

static struct outcome *outcome_of(struct tap *t, const struct sl_packet *cause)
{
	for (unsigned i = 0; cause && i < t->batch_n; i++)
		if (cause == &t->batch[i])
			return &t->outcomes[i];
	return &t->clock;
}

static void take(struct outcome *o, const struct sl_packet *p)
{
	o->emitted = realloc(o->emitted, (o->emitted_n + 1) * sizeof(*o->emitted));
	o->emitted[o->emitted_n].data = malloc(p->len + 1);
	o->emitted[o->emitted_n].len = p->len;
	memcpy(o->emitted[o->emitted_n++].data, p->data, p->len);
}

static void conclude(struct outcome *o, const struct sl_packet *p)
{
	o->verdict = p->verdict;
	o->state = p->state;
	o->dir = p->dir;
	o->reason = p->reason;
	o->beyond = p->beyond;
	o->to = p->to;
	if (p->verdict != SL_ACCEPT)
		return;
	o->out.data = malloc(p->len + 1);
	o->out.len = p->len;
	memcpy(o->out.data, p->data, p->len);
}

/* ---- what the real engine's embedder does is heard, and left to it ----------------------- */

static void real_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)ctx;
	take(outcome_of(&real, cause), p);
	real.env.emit(real.env.ctx, p, cause);
}

static void note_event(struct tap *t, const struct sl_event *event)
{
	struct outcome *o = outcome_of(t, event->packet);

	o->events = realloc(o->events, (o->events_n + 1) * sizeof(*o->events));
	o->events[o->events_n++] = tell_event(t->engine, event);
}

static void real_event(void *ctx, const struct sl_event *event)
{
	(void)ctx;
	note_event(&real, event);
	agree(model_event(model, real.engine, event));
	if (real.env.event)
		real.env.event(real.env.ctx, event);
}

static void real_route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	(void)ctx;
	real.env.route(real.env.ctx, q, answer);
}

static bool real_contiguous(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	return real.env.contiguous(real.env.ctx, p, len);
}

static bool real_grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	(void)ctx;
	return real.env.grow(real.env.ctx, p, headroom, tailroom);
}

static bool real_alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	return real.env.alloc(real.env.ctx, p, len);
}

static bool real_keep(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	return real.env.keep(real.env.ctx, p);
}

static void real_free(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	real.env.free(real.env.ctx, p);
}

static void real_trace(void *ctx, const struct sl_trace *trace)
{
	(void)ctx;
	real.env.trace(real.env.ctx, trace);
}

/* ---- the shadows' embedder --------------------------------------------------------------- */

static void make_room(
        struct sl_packet *p, const void *bytes, uint32_t len, uint32_t head, uint32_t tail)
{
	uint8_t *room = malloc((size_t)head + len + tail + 1);

	if (!room)
		abort();
	if (bytes && len)
		memcpy(room + head, bytes, len);
	p->handle = room;
	p->data = room + head;
	p->len = len;
	p->headroom = head;
	p->tailroom = tail;
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	void *old = p->handle;

	(void)ctx;
	make_room(p, p->data, p->len, headroom, tailroom);
	free(old);
	return true;
}

static bool make_packet(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	memset(p, 0, sizeof(*p));
	make_room(p, NULL, len, 64, 64);
	memset(p->data, 0, len);
	return true;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	(void)ctx, (void)p;
	return true;
}

static void give_back(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
	p->handle = NULL;
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	take(outcome_of(ctx, cause), p);
	free(p->handle);
}

static void event(void *ctx, const struct sl_event *event)
{
	note_event(ctx, event);
}

static void make_shadow(struct tap *t, const struct sl_config *config)
{
	t->env = real.env;
	t->env.ctx = t;
	t->env.route = real_route;
	t->env.contiguous = NULL;
	t->env.grow = grow;
	t->env.alloc = make_packet;
	t->env.keep = keep;
	t->env.free = give_back;
	t->env.emit = emit;
	t->env.event = event;
	t->env.trace = NULL;
	t->engine = __real_sl_engine_create(config, &t->env);
	if (!t->engine)
		abort();
}

static void make_model(const struct sl_config *config)
{
	struct model_config plain = {.now = config->start,
	        .masquerades = config->policy && config->policy->nat,
	        .out_if = OUT0};
	enum sl_family family;

	(void)sl_addr_parse("203.0.113.1", &plain.public_addr[0], &family);
	(void)sl_addr_parse("2001:db8:ffff::1", &plain.public_addr[1], &family);
	model = model_create(&plain);
}

/* ---- catching up ------------------------------------------------------------------------- */

static void catch_up(struct tap *t, unsigned size, unsigned from, unsigned n)
{
	struct sl_packet batch[MOST];
	struct outcome outcomes[MOST] = {{0}};
	const char *differs;

	for (unsigned i = 0; i < n; i++) {
		batch[i] = came[from + i];
		make_room(&batch[i], came[from + i].data, came[from + i].len, 64, 64);
	}
	t->batch = batch;
	t->batch_n = n;
	t->outcomes = outcomes;
	__real_sl_input(t->engine, batch, n, now);
	t->batch_n = 0;
	if (sl_engine_check(t->engine))
		fail(sl_engine_check(t->engine), size);
	for (unsigned i = 0; i < n; i++) {
		conclude(&outcomes[i], &batch[i]);
		if (batch[i].verdict != SL_QUEUED && batch[i].verdict != SL_HELD &&
		        batch[i].verdict != SL_TAKEN)
			free(batch[i].handle);
		differs = outcome_differs(&happened[from + i], &outcomes[i]);
		if (differs)
			fail(differs, size);
		outcome_free(&outcomes[i]);
	}
	batches++;
}

static void flush(void)
{
	for (unsigned s = 0; s < SHADOWS; s++)
		for (unsigned at = 0; at < waiting; at += sizes[s])
			catch_up(&shadow[s], sizes[s], at,
			        waiting - at < sizes[s] ? waiting - at : sizes[s]);
	for (unsigned i = 0; i < waiting; i++) {
		outcome_free(&happened[i]);
		free(came[i].data);
	}
	waiting = 0;
}

static uint64_t whole_seconds(uint64_t at)
{
	return (at + SECOND - 1) / SECOND * SECOND;
}

/* ---- what the program calls -------------------------------------------------------------- */

struct sl_engine *__wrap_sl_engine_create(const struct sl_config *config, const struct sl_env *env)
{
	struct sl_env heard = *env;

	real.env = *env;
	heard.emit = real_emit;
	heard.event = real_event;
	heard.route = real_route;
	heard.contiguous = env->contiguous ? real_contiguous : NULL;
	heard.grow = real_grow;
	heard.alloc = real_alloc;
	heard.keep = real_keep;
	heard.free = real_free;
	heard.trace = env->trace ? real_trace : NULL;
	heard.ctx = &real;
	make_model(config);
	real.engine = __real_sl_engine_create(config, &heard);
	for (unsigned s = 0; real.engine && s < SHADOWS; s++)
		make_shadow(&shadow[s], config);
	return real.engine;
}

void __wrap_sl_engine_destroy(struct sl_engine *engine)
{
	flush();
	model_destroy(model);
	model = NULL;
	__real_sl_engine_destroy(engine);
	for (unsigned s = 0; engine && s < SHADOWS; s++) {
		__real_sl_engine_destroy(shadow[s].engine);
		outcome_free(&shadow[s].clock);
	}
	outcome_free(&real.clock);
	fprintf(stderr, "%u packets in %u batches\n", packets, batches);
}

void __wrap_sl_input(struct sl_engine *engine, struct sl_packet *p, unsigned n, uint64_t at)
{
	if (n != 1)
		fail("the program puts in more than one packet at a time", n);
	if (waiting == MOST || (waiting && whole_seconds(at) != now))
		flush();
	now = whole_seconds(at);
	came[waiting] = *p;
	came[waiting].data = malloc(p->len + 1);
	memcpy(came[waiting].data, p->data, p->len);
	happened[waiting] = (struct outcome){0};
	real.batch = p;
	real.batch_n = 1;
	real.outcomes = &happened[waiting];
	model_before(model, p, now);
	__real_sl_input(engine, p, 1, now);
	agree(model_after(model, engine, p));
	real.batch_n = 0;
	conclude(&happened[waiting], p);
	waiting++;
	packets++;
}

bool __wrap_sl_clock(struct sl_engine *engine, uint64_t at, unsigned budget)
{
	bool more;

	if (whole_seconds(at) == last_clock)
		return false;
	flush();
	now = last_clock = whole_seconds(at);
	more = __real_sl_clock(engine, now, budget);
	for (unsigned s = 0; s < SHADOWS; s++)
		(void)__real_sl_clock(shadow[s].engine, now, budget);
	for (unsigned s = 0; s < SHADOWS; s++) {
		const char *differs = outcome_differs(&real.clock, &shadow[s].clock);

		if (differs)
			fail(differs, sizes[s]);
		outcome_free(&shadow[s].clock);
	}
	outcome_free(&real.clock);
	if (more)
		last_clock = 0;
	else
		agree(model_clock(model, now));
	return more;
}

bool __wrap_sl_helper_register(
        struct sl_engine *engine, const struct sl_helper *helper, bool automatic)
{
	for (unsigned s = 0; s < SHADOWS; s++)
		(void)__real_sl_helper_register(shadow[s].engine, helper, automatic);
	return __real_sl_helper_register(engine, helper, automatic);
}

bool __wrap_sl_helper_register_port(
        struct sl_engine *engine, const struct sl_helper *helper, uint16_t port)
{
	for (unsigned s = 0; s < SHADOWS; s++)
		(void)__real_sl_helper_register_port(shadow[s].engine, helper, port);
	return __real_sl_helper_register_port(engine, helper, port);
}

bool __wrap_sl_tunable_set(struct sl_engine *engine, const char *name, uint32_t value)
{
	for (unsigned s = 0; s < SHADOWS; s++)
		(void)__real_sl_tunable_set(shadow[s].engine, name, value);
	return __real_sl_tunable_set(engine, name, value);
}
