/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HOST_H
#define SLUICE_PROG_HOST_H

/*
 * The gateway as a host without any service: what its own network stack answers to a packet
 * that ends there. The engine has no part in it; with NAT an unasked packet from outside
 * comes to this, and its connection is then no longer what was captured.
 */
#include "prog/view.h"

/* Bytes that an answer takes at most: an echo is as long as its question. */
#define SL_HOST_ANSWER 65535

/*
 * The answer to v, written to out (SL_HOST_ANSWER bytes): a reset, "port unreachable", or the
 * answer to a question of ICMP; now: ns since 1970. Its length; 0: none.
 */
uint32_t sl__host_answer(struct sl_view *v, uint64_t now, uint8_t *out);

#endif
