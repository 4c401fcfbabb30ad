/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FOO, the half that translates: the server must be told the public address and a port that is
 * free there, and when it connects, the connection must go to where the client really listens.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "foo.h"

#include <sluice/netfilter2000.h>

static struct ip_nat_helper foo_nat;
static struct ip_nat_expect foo_expect;

/* A related connection: to the client, whatever the server was told. */
static int foo_nat_expected(struct sk_buff **pskb, unsigned int hooknum, struct ip_conntrack *ct,
        struct ip_nat_info *info, struct ip_conntrack *master, struct ip_nat_info *masterinfo,
        unsigned int *verdict)
{
	const struct ip_ct_foo *foo = &master->help.ct_foo_info;
	struct ip_nat_multi_range mr = {.rangesize = 1};

	(void)pskb, (void)info, (void)masterinfo;
	if (ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u.tcp.port != foo->seen || !foo->ip)
		return 0; /* not FOO's, some other helper's */
	*verdict = NF_ACCEPT;
	if (hooknum != NF_IP_PRE_ROUTING)
		return 1; /* it comes from who it says */
	mr.range[0].flags = IP_NAT_RANGE_MAP_IPS | IP_NAT_RANGE_PROTO_SPECIFIED;
	mr.range[0].min_ip = mr.range[0].max_ip = foo->ip;
	mr.range[0].min.tcp.port = mr.range[0].max.tcp.port = foo->port;
	*verdict = ip_nat_setup_info(ct, &mr, hooknum);
	return 1;
}

/* The first port from the client's own on that nobody else is expected at; 0: none. */
static uint16_t expect_at_public(struct ip_conntrack *ct, uint16_t first)
{
	struct ip_conntrack_tuple t;

	memset(&t, 0, sizeof(t));
	t.src.ip = ct->tuplehash[IP_CT_DIR_REPLY].tuple.src.ip;
	t.dst.ip = ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.ip;
	t.dst.protonum = 6;
	for (uint32_t port = ntohs(first); port < 65536; port++) {
		t.dst.u.tcp.port = htons((uint16_t)port);
		if (ip_conntrack_expect_related(ct, &t) == 0)
			return t.dst.u.tcp.port;
	}
	return 0;
}

static unsigned int foo_nat_help(struct ip_conntrack *ct, struct ip_nat_info *info,
        enum ip_conntrack_info ctinfo, unsigned int hooknum, struct sk_buff **pskb)
{
	struct ip_ct_foo *foo = &ct->help.ct_foo_info;
	uint32_t public_ip = ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.ip;
	const uint8_t *a = (const uint8_t *)&public_ip;
	char text[32];
	int n;

	(void)info, (void)hooknum;
	if (CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL || !foo->len)
		return NF_ACCEPT;
	foo->seen = expect_at_public(ct, foo->port);
	if (!foo->seen)
		return NF_DROP;
	n = snprintf(text, sizeof(text), "%u.%u.%u.%u %u", a[0], a[1], a[2], a[3],
	        (unsigned)ntohs(foo->seen));
	return ip_nat_mangle_tcp_packet(pskb, ct, ctinfo, foo->offset, foo->len, text, (unsigned)n)
	               ? NF_ACCEPT
	               : NF_DROP;
}

static int init(void)
{
	int error;

	memset(&foo_nat, 0, sizeof(foo_nat));
	foo_nat.name = "foo-2000";
	foo_nat.tuple.dst.protonum = 6;
	foo_nat.tuple.dst.u.tcp.port = htons(FOO_PORT);
	foo_nat.mask.dst.protonum = 0xffff;
	foo_nat.mask.dst.u.tcp.port = 0xffff;
	foo_nat.help = foo_nat_help;
	foo_expect.expect = foo_nat_expected;
	error = ip_nat_expect_register(&foo_expect);
	if (!error)
		error = ip_nat_helper_register(&foo_nat);
	if (error)
		ip_nat_expect_unregister(&foo_expect);
	return error;
}

static void fini(void)
{
	ip_nat_helper_unregister(&foo_nat);
	ip_nat_expect_unregister(&foo_expect);
}

NETFILTER2000_MODULE(init, fini);
