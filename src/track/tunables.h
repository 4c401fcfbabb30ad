/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables: the kernel's nf_conntrack_* sysctls, by their names, with its defaults.
 * Timeouts are seconds, as there. The table of names is in tunables.c.
 */
#ifndef SL_TRACK_TUNABLES_H
#define SL_TRACK_TUNABLES_H

#include <stdbool.h>
#include <stdint.h>

/* Timeouts of one set of rules (the default, or a `ct timeout` object), seconds. */
struct sl_timeouts {
	uint32_t tcp[12];	/* [enum sl_tcp_state], then: */
#define SL_TCP_RETRANS 10
#define SL_TCP_UNACK 11
	uint32_t udp[2];	/* unreplied, stream */
	uint32_t icmp, icmpv6, generic;
	uint32_t gre[2];	/* unreplied, stream */
	uint32_t sctp[9];	/* [enum sl_sctp_state] */
};

struct sl_tunables {
	struct sl_timeouts timeout;
	bool tcp_loose, tcp_be_liberal, tcp_ignore_invalid_rst;
	uint8_t tcp_max_retrans;
	bool checksum;
	bool accept_source_route; /* IPv4 */
	bool acct;		/* counters; here always on, accepted for compatibility */
	uint32_t expect_max, max;
	uint32_t frag_timeout, frag6_timeout;	/* ipfrag_time, ip6frag_time: seconds */
	/* ICMP errors and resets of our own */
	uint32_t icmp_ratelimit, icmpv6_ratelimit; /* ms a message and destination; 0: unlimited */
	uint32_t icmp_ratemask;			   /* bit type: is it limited? IPv4 */
	uint32_t icmp_msgs_per_sec, icmp_msgs_burst; /* in all */
	uint32_t default_ttl, hop_limit;	   /* of what we send: IPv4, IPv6 */
	uint32_t hold_ms;	/* sluice_hold_ms: how long held bytes wait before we acknowledge them */
};

void sl__tunables_init(struct sl_tunables *set);
bool sl__tunables_set(struct sl_tunables *set, const char *name, uint32_t value);
bool sl__tunables_get(const struct sl_tunables *set, const char *name, uint32_t *value);
const char *sl__tunables_name(unsigned i);

#endif
