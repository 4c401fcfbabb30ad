/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's half of the comparison: kernel.c, netlink.c. */
#ifndef TESTS_RULES_KERNEL_H
#define TESTS_RULES_KERNEL_H

#include "outcome.h"

struct kernel {
	int tun[2];  /* by enum place */
	int raw[2];  /* for packets of the gateway's own: IPv4, IPv6 */
	int log, ct; /* netlink sockets */
	char *work;  /* a directory for texts */
};

#define OWN_MARK                                                                                   \
	0x6f72 /* the mark of the gateway's own packets: others of the kernel are dropped */

/* False: this machine cannot (why was said). */
bool kernel_init(struct kernel *k, const char *work);
/* Load the ruleset of that file; false: nft refuses it, and says why in `said`. */
bool kernel_load(struct kernel *k, const char *file, char *said, size_t size);
/* The ruleset as nft lists it; lent until the next call. */
const char *kernel_list(struct kernel *k);
void kernel_put(
        struct kernel *k, enum place from, const uint8_t *data, uint32_t len, struct outcome *out);
void kernel_conns(struct kernel *k, struct conns *out);

/* netlink.c */
bool netlink_init(struct kernel *k);
/* All that was logged since: the observer's words about one packet. */
void netlink_logged(struct kernel *k, struct outcome *out);
void netlink_conns(struct kernel *k, struct conns *out);
void netlink_flush(struct kernel *k);

#endif
