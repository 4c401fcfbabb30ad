/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many ICMP errors the gateway makes: in all, and towards one address. (src/engine/limit.c)
 */
#ifndef SL_ENGINE_LIMIT_H
#define SL_ENGINE_LIMIT_H

#include "track/track.h"

struct sl_limit_bucket;

struct sl_limits {
	int32_t credit;                  /* messages that may be sent now */
	bool filled;                     /* credit and credit_at mean something */
	uint64_t credit_at;              /* ms */
	struct sl_limit_bucket *buckets; /* NULL until the first is asked for */
};

void sl__limits_fini(struct sl_limits *limits, const struct sl_mem *mem);

/*
 * May an ICMP error of that type go to dst now? If so it is counted. wide: how much more the
 * destination may get, as a power of two (0: no more).
 */
bool sl__limit_allows(struct sl_limits *limits, struct sl_track *t, const struct sl_addr *dst,
        enum sl_family family, uint8_t type, unsigned wide);

#endif
