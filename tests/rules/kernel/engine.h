/* SPDX-License-Identifier: BSD-2-Clause */
/* Sluice's half of the comparison: the library as an embedder has it. */
#ifndef TESTS_RULES_ENGINE_H
#define TESTS_RULES_ENGINE_H

#include "outcome.h"

struct half; /* one ruleset with an engine of its own */

/*
 * How it goes about: REAL by the clock of the machine, as the kernel; COUNTED by a clock that counts
 * packets; ASKED the same, traced: a traced engine asks every rule for every packet, whatever could
 * be remembered, and nothing takes the short path.
 */
enum half_manner { HALF_REAL, HALF_COUNTED, HALF_ASKED };

/* NULL: sluice refuses it, and says why in `said`. */
struct half *half_create(const char *file, enum half_manner manner, char *said, size_t size);
void half_destroy(struct half *h);
void half_put(
        struct half *h, enum place from, const uint8_t *data, uint32_t len, struct outcome *out);
void half_wait(struct half *h, unsigned ms); /* so much time has passed */
void half_conns(struct half *h, struct conns *out);
/* The ruleset as sluice lists it; lent until the next call. */
const char *half_list(struct half *h);

#endif
