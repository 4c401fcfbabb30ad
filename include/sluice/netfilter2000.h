/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Welte's names: the interface of "Netfilter connection tracking and nat helper modules" (Harald
 * Welte, 2000), as a thin adapter on <sluice/helper.h>. For those who have, or read, a module of
 * that time; a new helper is better written as one record (docs/writing-a-helper.md).
 *
 * A protocol is two modules, as there: one that tracks (struct ip_conntrack_helper) and one that
 * translates (struct ip_nat_helper, struct ip_nat_expect). Each is a shared object with one source
 * file that includes this header and ends in
 *
 *	NETFILTER2000_MODULE(init, fini);
 *
 * examples/foo-2000 has both. They may be loaded and unloaded in either order; without the second,
 * connections are tracked and nothing is translated.
 *
 * As in 2000: addresses and ports are in network byte order, IPv4 only, one expectation a
 * connection at a time (a new one takes the place of the old one).
 *
 * Better than in 2000, since the core does it: help functions get whole lines, each once and in
 * order, behind an IP and TCP header made for the purpose (or datagrams, behind IP and UDP); what
 * ip_nat_mangle_tcp_packet() changes is right for sequence numbers, checksums and retransmissions.
 *
 *   there                                 here
 *   ip_conntrack_expect_related(ct, &t)   the same; an address or port 0 in t.src means: any
 *   ct->help.ct_foo_info                  define IP_CONNTRACK_HELP_INFO before the #include, as the
 *                                         members of the union; both modules must define the same
 *   ip_nat_setup_info() in the expected   the same: at NF_IP_PRE_ROUTING it says where the
 *   function                              connection goes, at NF_IP_POST_ROUTING where from
 *   (*pskb)->nh.iph                       the same; bytes are changed by ip_nat_mangle_* only
 *
 * Pointers that a function is given are valid during its call.
 */
#ifndef SLUICE_NETFILTER2000_H
#define SLUICE_NETFILTER2000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sluice/export.h>

/* ---- verdicts, hooks, states ---------------------------------------------------------------- */

#define NF_DROP   0
#define NF_ACCEPT 1

#define NF_IP_PRE_ROUTING  0
#define NF_IP_LOCAL_IN     1
#define NF_IP_FORWARD      2
#define NF_IP_LOCAL_OUT    3
#define NF_IP_POST_ROUTING 4

enum ip_conntrack_dir { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, IP_CT_DIR_MAX };

enum ip_conntrack_info {
	IP_CT_ESTABLISHED, /* part of a connection, in its original direction */
	IP_CT_RELATED,     /* opens a related one */
	IP_CT_NEW,         /* opens one */
	IP_CT_IS_REPLY     /* added to the others: in the reply direction */
};
#define CTINFO2DIR(ctinfo) ((ctinfo) >= IP_CT_IS_REPLY ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL)

/* ---- headers that help functions get --------------------------------------------------------- */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define NF2000_NIBBLES(high, low)                                                                  \
	high:                                                                                      \
	4, low : 4
#else
#define NF2000_NIBBLES(high, low)                                                                  \
	low:                                                                                       \
	4, high : 4
#endif

#ifndef __NETINET_IP_H /* libc's names for the same */
struct iphdr {
	uint8_t NF2000_NIBBLES(version, ihl);
	uint8_t tos;
	uint16_t tot_len, id, frag_off;
	uint8_t ttl, protocol;
	uint16_t check;
	uint32_t saddr, daddr;
};
#endif

#ifndef _NETINET_TCP_H
struct tcphdr {
	uint16_t source, dest;
	uint32_t seq, ack_seq;
	uint8_t NF2000_NIBBLES(doff, res1);
	uint8_t flags;
	uint16_t window, check, urg_ptr;
};
#endif

/* The packet as a NAT helper gets it. */
struct sk_buff {
	union {
		struct iphdr *iph;
		uint8_t *raw;
	} nh;
	uint8_t *data;    /* the same place */
	unsigned int len; /* from there */
	void *message;    /* the adapter's own */
};

/* ---- tuples and connections ------------------------------------------------------------------ */

union ip_conntrack_manip_proto {
	uint16_t all;
	struct {
		uint16_t port;
	} tcp, udp;
	struct {
		uint16_t id;
	} icmp;
};

struct ip_conntrack_tuple {
	struct {
		uint32_t ip;
		union ip_conntrack_manip_proto u;
	} src;
	struct {
		uint32_t ip;
		union ip_conntrack_manip_proto u;
		uint16_t protonum;
	} dst;
};

struct ip_conntrack_tuple_hash {
	struct ip_conntrack_tuple tuple;
};

#ifndef IP_CONNTRACK_HELP_INFO
#define IP_CONNTRACK_HELP_INFO
#endif

struct ip_nat_info {
	int initialized; /* a translation was set up, or decided against */
};

struct ip_conntrack {
	struct ip_conntrack_tuple_hash tuplehash[IP_CT_DIR_MAX];
	/* The helper's own, zeroed at first, kept with the connection, shared by both modules. */
	union {
		uint64_t words[8];
		IP_CONNTRACK_HELP_INFO
	} help;
	struct {
		struct ip_nat_info info;
	} nat;
	void *call; /* the adapter's own */
};

/* ---- what modules register ------------------------------------------------------------------- */

struct ip_conntrack_helper {
	void *list[2];    /* not used */
	const char *name; /* as it is shown; NULL: "nf2000-" and the port */
	/* A connection is helped whose reply fits: dst is where its client connects to. */
	struct ip_conntrack_tuple tuple, mask;
	/* NF_ACCEPT; NF_DROP: the message is dropped. len counts from iph. */
	int (*help)(const struct iphdr *iph, size_t len, struct ip_conntrack *ct,
	        enum ip_conntrack_info ctinfo);
};

struct ip_nat_helper {
	void *list[2];
	const char *name;                      /* as the conntrack half's, or NULL */
	struct ip_conntrack_tuple tuple, mask; /* as the conntrack half's */
	/* After the conntrack half, if the connection is translated. */
	unsigned int (*help)(struct ip_conntrack *ct, struct ip_nat_info *info,
	        enum ip_conntrack_info ctinfo, unsigned int hooknum, struct sk_buff **pskb);
};

struct ip_nat_expect {
	void *list[2];
	/*
	 * A connection came that a helper of a translated master expected; asked at PRE_ROUTING and
	 * at POST_ROUTING. 1: it is mine, and *verdict says what becomes of it; 0: ask the next.
	 * `pskb` names no packet: the tuple is in ct.
	 */
	int (*expect)(struct sk_buff **pskb, unsigned int hooknum, struct ip_conntrack *ct,
	        struct ip_nat_info *info, struct ip_conntrack *master,
	        struct ip_nat_info *masterinfo, unsigned int *verdict);
};

#define IP_NAT_RANGE_MAP_IPS         1
#define IP_NAT_RANGE_PROTO_SPECIFIED 2

struct ip_nat_range {
	unsigned int flags;
	uint32_t min_ip, max_ip; /* the first is taken */
	union ip_conntrack_manip_proto min, max;
};

struct ip_nat_multi_range {
	unsigned int rangesize; /* 1 */
	struct ip_nat_range range[1];
};

/* ---- the ends of the wire between modules and the library ------------------------------------ */

#define NF2000_ABI 1

struct nf2000;

/* What a module reaches the library through; it is linked to nothing. */
struct nf2000_ops {
	int (*helper_register)(struct nf2000 *host, struct ip_conntrack_helper *helper);
	void (*helper_unregister)(struct nf2000 *host, struct ip_conntrack_helper *helper);
	int (*nat_register)(struct nf2000 *host, struct ip_nat_helper *helper);
	void (*nat_unregister)(struct nf2000 *host, struct ip_nat_helper *helper);
	int (*expect_register)(struct nf2000 *host, struct ip_nat_expect *expect);
	void (*expect_unregister)(struct nf2000 *host, struct ip_nat_expect *expect);
	int (*expect_related)(struct ip_conntrack *ct, const struct ip_conntrack_tuple *tuple);
	unsigned int (*setup_info)(struct ip_conntrack *ct, const struct ip_nat_multi_range *range,
	        unsigned int hooknum);
	int (*mangle)(struct sk_buff *skb, unsigned int offset, unsigned int len, const char *bytes,
	        unsigned int size);
};

struct nf2000_link {
	const struct nf2000_ops *ops;
	struct nf2000 *host;
};

/* What a module exports under the name nf2000_module. */
struct nf2000_module {
	uint32_t abi, size; /* NF2000_ABI, sizeof(struct nf2000_module) */
	int (*init)(void);  /* 0, or a negative number as the kernel's errors are */
	void (*fini)(void);
	struct nf2000_link *(*link)(void); /* the library fills it in before init() */
};

/* ---- for modules ----------------------------------------------------------------------------- */

static inline struct nf2000_link *nf2000_link(void)
{
	static struct nf2000_link link;

	return &link;
}

/* 0, or negative: no memory (-12), or somebody has this tuple already (-16). */
static inline int ip_conntrack_helper_register(struct ip_conntrack_helper *helper)
{
	return nf2000_link()->ops->helper_register(nf2000_link()->host, helper);
}

static inline void ip_conntrack_helper_unregister(struct ip_conntrack_helper *helper)
{
	nf2000_link()->ops->helper_unregister(nf2000_link()->host, helper);
}

static inline int ip_nat_helper_register(struct ip_nat_helper *helper)
{
	return nf2000_link()->ops->nat_register(nf2000_link()->host, helper);
}

static inline void ip_nat_helper_unregister(struct ip_nat_helper *helper)
{
	nf2000_link()->ops->nat_unregister(nf2000_link()->host, helper);
}

static inline int ip_nat_expect_register(struct ip_nat_expect *expect)
{
	return nf2000_link()->ops->expect_register(nf2000_link()->host, expect);
}

static inline void ip_nat_expect_unregister(struct ip_nat_expect *expect)
{
	nf2000_link()->ops->expect_unregister(nf2000_link()->host, expect);
}

/* 0: a connection with this tuple is expected, and related to ct. Not 0: it cannot be (taken). */
static inline int ip_conntrack_expect_related(
        struct ip_conntrack *ct, const struct ip_conntrack_tuple *tuple)
{
	return nf2000_link()->ops->expect_related(ct, tuple);
}

/* In an expected function only. NF_ACCEPT, or NF_DROP when there is no such mapping. */
static inline unsigned int ip_nat_setup_info(
        struct ip_conntrack *ct, const struct ip_nat_multi_range *range, unsigned int hooknum)
{
	return nf2000_link()->ops->setup_info(ct, range, hooknum);
}

/* Put `size` bytes in the place of the `len` at `offset` of the payload. 1, or 0: not possible. */
static inline int ip_nat_mangle_tcp_packet(struct sk_buff **pskb, struct ip_conntrack *ct,
        enum ip_conntrack_info ctinfo, unsigned int offset, unsigned int len, const char *bytes,
        unsigned int size)
{
	(void)ct, (void)ctinfo;
	return nf2000_link()->ops->mangle(*pskb, offset, len, bytes, size);
}

#define NETFILTER2000_MODULE(init_function, fini_function)                                         \
	extern SL_EXPORT const struct nf2000_module nf2000_module;                                 \
	const struct nf2000_module nf2000_module = {NF2000_ABI, sizeof(struct nf2000_module),      \
	        init_function, fini_function, nf2000_link}

/* ---- for who loads modules ------------------------------------------------------------------- */

struct sl_engine;
struct sl_mem;

/* Where modules register with this engine. NULL: no memory. The engine and mem must outlive it. */
SL_EXPORT struct nf2000 *sl_nf2000_create(struct sl_engine *engine, const struct sl_mem *mem);
/* After the last module was unloaded (what is left is unregistered), before the engine ends. */
SL_EXPORT void sl_nf2000_destroy(struct nf2000 *host);
/*
 * Link a module whose record the caller found (dlsym "nf2000_module"), and call its init(): 0 or
 * what that returned; -8: made for another version. It ends by a call of module->fini().
 */
SL_EXPORT int sl_nf2000_load(struct nf2000 *host, const struct nf2000_module *module);

#endif
