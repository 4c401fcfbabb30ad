/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plain model of tracking and NAT that is run beside the engine: lists that are searched from
 * the front, no hash, no wheel, no slab. What it says must be what the engine does.
 *
 *   model_before()   a packet is about to be put in (one; batches are compared elsewhere)
 *   model_event()    for each event while it is worked on, and while the clock is
 *   model_after()    it came out: do both say the same?
 *   model_clock()    sl_clock() has done all that is due
 *
 * Answers are NULL (agreed) or what the two disagree about, valid until the next call. A model of
 * NULL agrees with everything. model.c says what is modelled.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <sluice/sluice.h>

struct model;

struct model_config {
	uint64_t now;
	bool rules;       /* a ruleset: its zones and translations are taken as they come */
	bool own_timeouts; /* rules give some (`ct timeout`): they are taken as they come */
	bool masquerades; /* by the built-in policy: source becomes `public_addr` by `out_if` */
	uint32_t out_if;
	struct sl_addr public_addr[2]; /* [is IPv6] */
};

struct model *model_create(const struct model_config *config);
void model_destroy(struct model *m);
void model_before(struct model *m, const struct sl_packet *p, uint64_t now);
const char *model_event(struct model *m, struct sl_engine *engine, const struct sl_event *event);
const char *model_after(struct model *m, struct sl_engine *engine, const struct sl_packet *p);
const char *model_clock(struct model *m, uint64_t now);

#endif
