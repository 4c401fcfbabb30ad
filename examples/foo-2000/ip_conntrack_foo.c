/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FOO, the half that tracks: "HERE 10.0.0.2 4711" on port 111 says where the client listens. It
 * finds that out, tells the NAT half by ct->help.ct_foo_info, and expects the server there.
 */
#include <arpa/inet.h>

#include "foo.h"

#include <sluice/netfilter2000.h>
#include <sluice/text.h>

static struct ip_conntrack_helper foo;

/* The message that follows the headers; helpers read it by the cursor only. */
static struct sl_text payload(const struct iphdr *iph, size_t len)
{
	size_t headers = iph->ihl * 4u + sizeof(struct tcphdr);

	return sl_text_of((const uint8_t *)iph + headers, len > headers ? len - headers : 0);
}

static int foo_help(
        const struct iphdr *iph, size_t len, struct ip_conntrack *ct, enum ip_conntrack_info ctinfo)
{
	struct ip_ct_foo *info = &ct->help.ct_foo_info;
	struct sl_text t = payload(iph, len);
	struct ip_conntrack_tuple expected;
	uint8_t ip[4];
	uint32_t port;

	info->len = 0;
	if (CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL || !sl_text_word(&t, "HERE") ||
	        !sl_text_spaces(&t))
		return NF_ACCEPT;
	info->offset = (uint16_t)sl_text_offset(&t);
	if (!sl_text_ipv4(&t, ip) || !sl_text_spaces(&t) || !sl_text_uint(&t, 65535, &port))
		return NF_ACCEPT;
	memcpy(&info->ip, ip, sizeof(ip));
	if (info->ip != ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.ip || port < 1024)
		return NF_ACCEPT; /* another host's, or a service's: nothing is opened */
	info->port = info->seen = htons((uint16_t)port);
	info->len = (uint16_t)(sl_text_offset(&t) - info->offset);

	memset(&expected, 0, sizeof(expected));
	expected.src.ip = ct->tuplehash[IP_CT_DIR_REPLY].tuple.src.ip;
	expected.dst.ip = info->ip;
	expected.dst.u.tcp.port = info->port;
	expected.dst.protonum = 6;
	return ip_conntrack_expect_related(ct, &expected) ? NF_DROP : NF_ACCEPT;
}

static int init(void)
{
	memset(&foo, 0, sizeof(foo));
	foo.name = "foo-2000";
	foo.tuple.dst.protonum = 6;
	foo.tuple.dst.u.tcp.port = htons(FOO_PORT);
	foo.mask.dst.protonum = 0xffff;
	foo.mask.dst.u.tcp.port = 0xffff;
	foo.help = foo_help;
	return ip_conntrack_helper_register(&foo);
}

static void fini(void)
{
	ip_conntrack_helper_unregister(&foo);
}

NETFILTER2000_MODULE(init, fini);
