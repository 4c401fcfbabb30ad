/* SPDX-License-Identifier: BSD-2-Clause */
/* Sluice's half of the comparison: the library as an embedder has it. */
#ifndef TESTS_RULES_ENGINE_H
#define TESTS_RULES_ENGINE_H

#include "outcome.h"

struct half; /* one ruleset with an engine of its own */

/* NULL: sluice refuses it, and says why in `said`. */
struct half *half_create(const char *file, char *said, size_t size);
void half_destroy(struct half *h);
void half_put(
        struct half *h, enum place from, const uint8_t *data, uint32_t len, struct outcome *out);
void half_wait(struct half *h); /* time has passed */
void half_conns(struct half *h, struct conns *out);
/* The ruleset as sluice lists it; lent until the next call. */
const char *half_list(struct half *h);

#endif
