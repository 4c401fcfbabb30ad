/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tunables: one table says name, place, default and greatest value of each. Names and
 * defaults are those of the kernel's sysctls (Documentation/networking/nf_conntrack-sysctl).
 */
#include "track/tunables.h"

#include <stddef.h>
#include <string.h>

#include <sluice/sluice.h>

/* Two billion milliseconds: what a deadline may lie ahead on the timer wheel. */
#define MAX_TIMEOUT 2000000

enum width { W_U32, W_U8, W_BOOL };

struct tunable {
	const char *name;
	size_t offset;
	enum width width;
	uint32_t value, max;
};

#define TIMEOUT(name, member, seconds)                                                             \
	{"nf_conntrack_" name, offsetof(struct sl_tunables, timeout.member), W_U32, seconds,       \
		MAX_TIMEOUT}
#define FLAG(name, member, value) {name, offsetof(struct sl_tunables, member), W_BOOL, value, 1}
#define NUMBER(name, member, value, max)                                                           \
	{name, offsetof(struct sl_tunables, member), W_U32, value, max}

static const struct tunable tunables[] = {
	TIMEOUT("tcp_timeout_syn_sent", tcp[SL_TCP_SYN_SENT], 120),
	TIMEOUT("tcp_timeout_syn_recv", tcp[SL_TCP_SYN_RECV], 60),
	TIMEOUT("tcp_timeout_established", tcp[SL_TCP_ESTABLISHED], 432000),
	TIMEOUT("tcp_timeout_fin_wait", tcp[SL_TCP_FIN_WAIT], 120),
	TIMEOUT("tcp_timeout_close_wait", tcp[SL_TCP_CLOSE_WAIT], 60),
	TIMEOUT("tcp_timeout_last_ack", tcp[SL_TCP_LAST_ACK], 30),
	TIMEOUT("tcp_timeout_time_wait", tcp[SL_TCP_TIME_WAIT], 120),
	TIMEOUT("tcp_timeout_close", tcp[SL_TCP_CLOSE], 10),
	TIMEOUT("tcp_timeout_max_retrans", tcp[SL_TCP_RETRANS], 300),
	TIMEOUT("tcp_timeout_unacknowledged", tcp[SL_TCP_UNACK], 300),
	TIMEOUT("udp_timeout", udp[0], 30),
	TIMEOUT("udp_timeout_stream", udp[1], 120),
	TIMEOUT("icmp_timeout", icmp, 30),
	TIMEOUT("icmpv6_timeout", icmpv6, 30),
	TIMEOUT("generic_timeout", generic, 600),
	TIMEOUT("gre_timeout", gre[0], 30),
	TIMEOUT("gre_timeout_stream", gre[1], 180),
	TIMEOUT("sctp_timeout_closed", sctp[SL_SCTP_CLOSED], 10),
	TIMEOUT("sctp_timeout_cookie_wait", sctp[SL_SCTP_COOKIE_WAIT], 3),
	TIMEOUT("sctp_timeout_cookie_echoed", sctp[SL_SCTP_COOKIE_ECHOED], 3),
	TIMEOUT("sctp_timeout_established", sctp[SL_SCTP_ESTABLISHED], 210),
	TIMEOUT("sctp_timeout_shutdown_sent", sctp[SL_SCTP_SHUTDOWN_SENT], 3),
	TIMEOUT("sctp_timeout_shutdown_recd", sctp[SL_SCTP_SHUTDOWN_RECD], 3),
	TIMEOUT("sctp_timeout_shutdown_ack_sent", sctp[SL_SCTP_SHUTDOWN_ACK_SENT], 3),
	TIMEOUT("sctp_timeout_heartbeat_sent", sctp[SL_SCTP_HEARTBEAT_SENT], 30),
	FLAG("nf_conntrack_tcp_loose", tcp_loose, 1),
	FLAG("nf_conntrack_tcp_be_liberal", tcp_be_liberal, 0),
	FLAG("nf_conntrack_tcp_ignore_invalid_rst", tcp_ignore_invalid_rst, 0),
	{"nf_conntrack_tcp_max_retrans", offsetof(struct sl_tunables, tcp_max_retrans), W_U8, 3, 255},
	FLAG("nf_conntrack_checksum", checksum, 1),
	FLAG("nf_conntrack_acct", acct, 1),
	NUMBER("nf_conntrack_expect_max", expect_max, 4096, 1u << 20),
	NUMBER("nf_conntrack_max", max, 262144, 1u << 30),
	NUMBER("ipfrag_time", frag_timeout, 30, MAX_TIMEOUT),
	NUMBER("nf_conntrack_frag6_timeout", frag6_timeout, 60, MAX_TIMEOUT),
	NUMBER("ip6frag_time", frag6_timeout, 60, MAX_TIMEOUT), /* the same: we gather once */
	NUMBER("icmp_ratelimit", icmp_ratelimit, 1000, 1u << 30),
	NUMBER("icmpv6_ratelimit", icmpv6_ratelimit, 1000, 1u << 30), /* net.ipv6.icmp.ratelimit */
	NUMBER("icmp_ratemask", icmp_ratemask, 0x1818, UINT32_MAX),
	NUMBER("icmp_msgs_per_sec", icmp_msgs_per_sec, 1000, 1u << 30),
	NUMBER("icmp_msgs_burst", icmp_msgs_burst, 50, 1u << 30),
	FLAG("accept_source_route", accept_source_route, 0),
	NUMBER("ip_default_ttl", default_ttl, 64, 255),
	NUMBER("hop_limit", hop_limit, 64, 255),
	NUMBER("sluice_hold_ms", hold_ms, 20, 10000),
};

#define COUNT (sizeof(tunables) / sizeof(tunables[0]))

static void store(struct sl_tunables *set, const struct tunable *tunable, uint32_t value)
{
	char *at = (char *)set + tunable->offset;

	if (tunable->width == W_U32)
		memcpy(at, &value, sizeof(value));
	else if (tunable->width == W_U8)
		*(uint8_t *)at = (uint8_t)value;
	else
		*(bool *)at = value != 0;
}

void sl__tunables_init(struct sl_tunables *set)
{
	memset(set, 0, sizeof(*set));
	for (unsigned i = 0; i < COUNT; i++)
		store(set, &tunables[i], tunables[i].value);
	/* The second SYN of a simultaneous open: as the first; not a sysctl there either. */
	set->timeout.tcp[SL_TCP_SYN_SENT2] = 120;
}

static const struct tunable *find(const char *name)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (!strcmp(tunables[i].name, name))
			return &tunables[i];
	return NULL;
}

bool sl__tunables_set(struct sl_tunables *set, const char *name, uint32_t value)
{
	const struct tunable *tunable = find(name);

	if (!tunable || value > tunable->max)
		return false;
	store(set, tunable, value);
	return true;
}

bool sl__tunables_get(const struct sl_tunables *set, const char *name, uint32_t *value)
{
	const struct tunable *tunable = find(name);
	const char *at;

	if (!tunable)
		return false;
	at = (const char *)set + tunable->offset;
	if (tunable->width == W_U32)
		memcpy(value, at, sizeof(*value));
	else
		*value = *(const uint8_t *)at;
	return true;
}

const char *sl__tunables_name(unsigned i)
{
	return i < COUNT ? tunables[i].name : NULL;
}
