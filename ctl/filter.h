/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_FILTER_H
#define SLUICE_CTL_FILTER_H

/*
 * Which connections are meant: the filters of conntrack(8), in its own spelling.
 *
 *	-s, --src, --orig-src ADDR[/LEN]	-d, --dst, --orig-dst ADDR[/LEN]
 *	-r, --reply-src ADDR[/LEN]		-q, --reply-dst ADDR[/LEN]
 *	-p, --proto NAME|NUMBER			-f, --family ipv4|ipv6
 *	--sport, --orig-port-src PORT		--dport, --orig-port-dst PORT
 *	--reply-port-src PORT			--reply-port-dst PORT
 *	-m, --mark MARK[/MASK]			-w, --zone ZONE
 *	--state STATE				-u, --status ASSURED|SEEN_REPLY|UNSET...
 *	-n, --src-nat [ADDR]  -g, --dst-nat [ADDR]  --any-nat [ADDR]
 *
 * (conntrack's -j for --any-nat is JSON here.)
 */
#include <stdbool.h>
#include <stddef.h>

#include <sluice/sluice.h>

enum { SL_FILTER_ENDS = 4 }; /* original source and destination, those of the reply */

struct sl_filter {
	bool any; /* at least one condition is set */
	bool has_addr[SL_FILTER_ENDS], has_port[SL_FILTER_ENDS];
	struct sl_addr addr[SL_FILTER_ENDS];
	uint8_t bits[SL_FILTER_ENDS]; /* of the 128 */
	uint16_t port[SL_FILTER_ENDS];
	uint8_t family; /* 0: both */
	bool has_proto, has_mark, has_zone;
	uint8_t proto;
	uint32_t mark, mark_mask;
	uint16_t zone;
	uint32_t set, unset; /* status bits */
	bool any_nat;
	char state[16]; /* "": any */
};

/*
 * Reads args[*at] if it is one of the options above, and moves *at behind it and its argument.
 * 1: done; 0: it is none of them; -1: wrong, *error says how (valid until the next call).
 */
int sl__filter_option(
        struct sl_filter *filter, char *const *args, unsigned n, unsigned *at, const char **error);
bool sl__filter_conn(const struct sl_filter *filter, const struct sl_conn_info *info);
/* An expectation: by the tuple it waits for. */
bool sl__filter_expect(const struct sl_filter *filter, const struct sl_expect_info *info);
/* A packet as it came, by its own tuple in either direction. */
bool sl__filter_tuple(const struct sl_filter *filter, const struct sl_tuple *tuple);

#endif
