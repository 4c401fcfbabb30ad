/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plain model of tracking and NAT that is run beside the engine: lists that are searched from
 * the front, no hash, no wheel, no slab. What it says must be what the engine does.
 *
 *   model_before()   a packet is about to be put in
 *   model_event()    for each event while it is worked on
 *   model_after()    it came out: do both say the same?
 *   model_clock()    sl_clock() has run
 *
 * Answers are NULL (agreed) or what the two disagree about. model.c says what is modelled.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <sluice/sluice.h>

struct model;

struct model_config {
	uint32_t table_max;
	uint64_t now;
	bool translates;  /* there is NAT of some kind */
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
