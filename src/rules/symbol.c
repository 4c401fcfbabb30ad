/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts: which words stand for which numbers, and what types values have. Numbers are those of
 * the protocols' registries and of the kernel's user interface; spellings are nft's.
 */
#include "rules/rules.h"

#include <string.h>

/* clang-format off */
static const struct sl__symbol ct_states[] = {
	{"invalid", 1}, {"established", 2}, {"related", 4}, {"new", 8}, {"untracked", 64}, {NULL, 0}};
static const struct sl__symbol ct_statuses[] = {{"expected", 1}, {"seen-reply", 2}, {"assured", 4},
	{"confirmed", 8}, {"snat", 16}, {"dnat", 32}, {"dying", 512}, {NULL, 0}};
static const struct sl__symbol ct_dirs[] = {{"original", 0}, {"reply", 1}, {NULL, 0}};
static const struct sl__symbol tcp_flags[] = {{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8},
	{"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128}, {NULL, 0}};
static const struct sl__symbol nfprotos[] = {{"ipv4", 2}, {"ipv6", 10}, {NULL, 0}};
static const struct sl__symbol ethertypes[] = {{"ip", 0x0800}, {"arp", 0x0806}, {"ip6", 0x86dd},
	{"vlan", 0x8100}, {"8021q", 0x8100}, {"8021ad", 0x88a8}, {NULL, 0}};
static const struct sl__symbol icmp_types[] = {{"echo-reply", 0}, {"destination-unreachable", 3},
	{"source-quench", 4}, {"redirect", 5}, {"echo-request", 8}, {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11}, {"parameter-problem", 12},
	{"timestamp-request", 13}, {"timestamp-reply", 14}, {"info-request", 15},
	{"info-reply", 16}, {"address-mask-request", 17}, {"address-mask-reply", 18}, {NULL, 0}};
static const struct sl__symbol icmpv6_types[] = {{"destination-unreachable", 1},
	{"packet-too-big", 2}, {"time-exceeded", 3}, {"parameter-problem", 4},
	{"echo-request", 128}, {"echo-reply", 129}, {"mld-listener-query", 130},
	{"mld-listener-report", 131}, {"mld-listener-done", 132}, {"mld-listener-reduction", 132},
	{"nd-router-solicit", 133}, {"nd-router-advert", 134}, {"nd-neighbor-solicit", 135},
	{"nd-neighbor-advert", 136}, {"nd-redirect", 137}, {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141}, {"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143}, {NULL, 0}};
static const struct sl__symbol icmp_codes[] = {{"net-unreachable", 0}, {"host-unreachable", 1},
	{"prot-unreachable", 2}, {"port-unreachable", 3}, {"frag-needed", 4},
	{"net-prohibited", 9}, {"host-prohibited", 10}, {"admin-prohibited", 13}, {NULL, 0}};
static const struct sl__symbol icmpv6_codes[] = {{"no-route", 0}, {"admin-prohibited", 1},
	{"addr-unreachable", 3}, {"port-unreachable", 4}, {"policy-fail", 5},
	{"reject-route", 6}, {NULL, 0}};
static const struct sl__symbol icmpx_codes[] = {{"no-route", 0}, {"port-unreachable", 1},
	{"host-unreachable", 2}, {"admin-prohibited", 3}, {NULL, 0}};
static const struct sl__symbol dscps[] = {{"cs0", 0}, {"cs1", 8}, {"cs2", 16}, {"cs3", 24},
	{"cs4", 32}, {"cs5", 40}, {"cs6", 48}, {"cs7", 56}, {"df", 0}, {"be", 0}, {"lephb", 1},
	{"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18}, {"af22", 20}, {"af23", 22},
	{"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34}, {"af42", 36}, {"af43", 38},
	{"va", 44}, {"ef", 46}, {NULL, 0}};
static const struct sl__symbol ecns[] = {
	{"not-ect", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}, {NULL, 0}};
static const struct sl__symbol pkttypes[] = {{"host", 0}, {"unicast", 0}, {"broadcast", 1},
	{"multicast", 2}, {"other", 3}, {NULL, 0}};
static const struct sl__symbol fib_types[] = {{"unspec", 0}, {"unicast", 1}, {"local", 2},
	{"broadcast", 3}, {"anycast", 4}, {"multicast", 5}, {"blackhole", 6},
	{"unreachable", 7}, {"prohibit", 8}, {NULL, 0}};
static const struct sl__symbol dccp_types[] = {{"request", 0}, {"response", 1}, {"data", 2},
	{"ack", 3}, {"dataack", 4}, {"closereq", 5}, {"close", 6}, {"reset", 7}, {"sync", 8},
	{"syncack", 9}, {NULL, 0}};
static const struct sl__symbol igmp_types[] = {{"membership-query", 17},
	{"membership-report-v1", 18}, {"membership-report-v2", 22}, {"leave-group", 23},
	{"membership-report-v3", 34}, {NULL, 0}};
static const struct sl__symbol booleans[] = {{"exists", 1}, {"missing", 0}, {NULL, 0}};
static const struct sl__symbol mh_types[] = {{"binding-refresh-request", 0}, {"home-test-init", 1},
        {"careof-test-init", 2}, {"home-test", 3}, {"careof-test", 4}, {"binding-update", 5},
        {"binding-acknowledgement", 6}, {"binding-error", 7}, {"fast-binding-update", 8},
        {"fast-binding-acknowledgement", 9}, {"fast-binding-advertisement", 10},
        {"experimental-mobility-header", 11}, {"home-agent-switch-message", 12}, {NULL, 0}};
/* clang-format on */

const struct sl__type sl__ty_integer = {"integer", "integer", 0, TY_INTEGER, NULL, 0};
const struct sl__type sl__ty_ipv4 = {"ipv4_addr", "IPv4 address", 32, TY_IPV4, NULL, 0};
const struct sl__type sl__ty_ipv6 = {"ipv6_addr", "IPv6 address", 128, TY_IPV6, NULL, 0};
const struct sl__type sl__ty_lladdr = {"ether_addr", "Ethernet address", 48, TY_LLADDR, NULL, 0};
const struct sl__type sl__ty_service = {
	"inet_service", "internet network service", 16, TY_INTEGER, sl__services, 0};
const struct sl__type sl__ty_proto = {
	"inet_proto", "Internet protocol", 8, TY_INTEGER, sl__protocols, 0};
const struct sl__type sl__ty_nfproto = {
	"nf_proto", "netfilter protocol", 8, TY_INTEGER, nfprotos, 0};
const struct sl__type sl__ty_ethertype = {
	"ether_type", "Ethernet protocol", 16, TY_INTEGER, ethertypes, 4};
const struct sl__type sl__ty_mark = {"mark", "packet mark", 32, TY_MARK, NULL, 8};
const struct sl__type sl__ty_ifname = {
	"ifname", "network interface name", 128, TY_IFNAME, NULL, 0};
const struct sl__type sl__ty_iface = {
	"iface_index", "network interface index", 128, TY_IFNAME, NULL, 0};
const struct sl__type sl__ty_ct_state = {
	"ct_state", "conntrack state", 32, TY_BITMASK, ct_states, 8};
const struct sl__type sl__ty_ct_status = {
	"ct_status", "conntrack status", 32, TY_BITMASK, ct_statuses, 8};
const struct sl__type sl__ty_ct_dir = {
	"ct_dir", "conntrack direction", 8, TY_INTEGER, ct_dirs, 0};
const struct sl__type sl__ty_time = {"time", "relative time", 32, TY_TIME, NULL, 0};
const struct sl__type sl__ty_string = {"string", "string", 128, TY_STRING, NULL, 0};
const struct sl__type sl__ty_boolean = {"boolean", "boolean type", 8, TY_BOOLEAN, booleans, 0};
const struct sl__type sl__ty_tcp_flag = {"tcp_flag", "TCP flag", 8, TY_BITMASK, tcp_flags, 2};
const struct sl__type sl__ty_icmp_type = {
	"icmp_type", "ICMP type", 8, TY_INTEGER, icmp_types, 0};
const struct sl__type sl__ty_icmp_code = {
	"icmp_code", "icmp code", 8, TY_INTEGER, icmp_codes, 0};
const struct sl__type sl__ty_icmpv6_type = {
	"icmpv6_type", "ICMPv6 type", 8, TY_INTEGER, icmpv6_types, 0};
const struct sl__type sl__ty_icmpv6_code = {
	"icmpv6_code", "icmpv6 code", 8, TY_INTEGER, icmpv6_codes, 0};
const struct sl__type sl__ty_icmpx_code = {
	"icmpx_code", "icmpx code", 8, TY_INTEGER, icmpx_codes, 0};
const struct sl__type sl__ty_dscp = {
	"dscp", "Differentiated Services Code Point", 6, TY_INTEGER, dscps, 2};
const struct sl__type sl__ty_ecn = {
	"ecn", "Explicit Congestion Notification", 2, TY_INTEGER, ecns, 2};
const struct sl__type sl__ty_pkttype = {"pkt_type", "packet type", 8, TY_INTEGER, pkttypes, 0};
const struct sl__type sl__ty_fib_type = {
	"fib_addrtype", "fib address type", 32, TY_INTEGER, fib_types, 0};
const struct sl__type sl__ty_dccp_type = {
	"dccp_pkttype", "DCCP packet type", 4, TY_INTEGER, dccp_types, 2};
const struct sl__type sl__ty_igmp_type = {
	"igmp_type", "IGMP type", 8, TY_INTEGER, igmp_types, 0};
const struct sl__type sl__ty_mh_type = {
	"mh_type", "Mobility Header Type", 8, TY_INTEGER, mh_types, 0};
const struct sl__type sl__ty_hex = {"bitmask", "bitmask", 8, TY_INTEGER, NULL, 1};
const struct sl__type sl__ty_verdict = {"verdict", "netfilter verdict", 0, TY_VERDICT, NULL, 0};

const struct sl__type *sl__type_find(const char *name)
{
	static const struct sl__type *const all[] = {&sl__ty_ipv4, &sl__ty_ipv6, &sl__ty_lladdr,
		&sl__ty_service, &sl__ty_proto, &sl__ty_nfproto, &sl__ty_ethertype, &sl__ty_mark,
		&sl__ty_ifname, &sl__ty_iface, &sl__ty_ct_state, &sl__ty_ct_status,
		&sl__ty_ct_dir, &sl__ty_time, &sl__ty_boolean, &sl__ty_tcp_flag,
		&sl__ty_icmp_type, &sl__ty_icmp_code, &sl__ty_icmpv6_type, &sl__ty_icmpv6_code,
		&sl__ty_icmpx_code, &sl__ty_dscp, &sl__ty_ecn, &sl__ty_pkttype,
		&sl__ty_fib_type, &sl__ty_dccp_type, &sl__ty_igmp_type, &sl__ty_mh_type, &sl__ty_verdict};
	size_t i;

	for (i = 0; i < sizeof all / sizeof *all; i++) {
		if (!strcmp(all[i]->name, name))
			return all[i];
	}
	return NULL;
}

bool sl__symbol_value(const struct sl__symbol *table, const char *name, uint32_t *value)
{
	for (; table && table->name; table++) {
		if (!strcmp(table->name, name)) {
			*value = table->value;
			return true;
		}
	}
	return false;
}

const char *sl__symbol_name(const struct sl__symbol *table, uint32_t value)
{
	for (; table && table->name; table++) {
		if (table->value == value)
			return table->name;
	}
	return NULL;
}

static const struct { const char *name; int value; unsigned hooks; } priorities[] = {
	{"raw", -300, 0x1f}, {"mangle", -150, 0x1f}, {"dstnat", -100, 1u << SL_PREROUTING},
	{"filter", 0, 0x1f}, {"security", 50, 0x1f}, {"srcnat", 100, 1u << SL_POSTROUTING}};

bool sl__priority_value(const char *name, unsigned hook, int *value)
{
	size_t i;

	for (i = 0; i < sizeof priorities / sizeof *priorities; i++) {
		if (!strcmp(priorities[i].name, name) && priorities[i].hooks >> hook & 1) {
			*value = priorities[i].value;
			return true;
		}
	}
	return false;
}

const char *sl__priority_name(int value, unsigned hook, int *rest)
{
	const char *name = NULL;
	size_t i;

	for (i = 0; i < sizeof priorities / sizeof *priorities; i++) {
		int d = value - priorities[i].value;

		if (priorities[i].hooks >> hook & 1 && d >= -10 && d <= 10) {
			name = priorities[i].name;
			*rest = d;
		}
	}
	return name;
}

bool sl__word_reserved(const char *word)
{
	static const char *const words[] = {
	"accept", "add", "ah", "all", "and", "arp", "auto-merge", "bridge", "cgroup", "chain",
	"comment", "comp", "constant", "continue", "counter", "cpu", "create", "ct", "day",
	"dccp", "define", "delete", "describe", "device", "devices", "dnat", "drop", "dst", "dup",
	"dynamic", "ecn", "element", "elements", "eq", "esp", "ether", "exists", "expires",
	"exthdr", "fib", "flags", "flow", "flowtable", "flush", "frag", "fwd", "gc-interval",
	"ge", "get", "goto", "gt", "handle", "hbh", "hook", "hour", "ibriport", "ibrname", "icmp",
	"icmpv6", "igmp", "iif", "iifgroup", "iifname", "iiftype", "include", "index", "inet",
	"insert", "interval", "ip", "ip6", "ipsec", "jhash", "jump", "le", "limit", "list", "log",
	"lshift", "lt", "map", "mark", "masquerade", "meta", "meter", "mh", "missing", "monitor",
	"ne", "netdev", "nftrace", "not", "notrack", "numgen", "obriport", "obrname", "offload",
	"oif", "oifgroup", "oifname", "oiftype", "or", "osf", "pkttype", "policy", "position",
	"priority", "queue", "quota", "random", "redefine", "redirect", "reject", "rename",
	"replace", "reset", "return", "rshift", "rt", "rt0", "rt2", "rtclassid", "rule",
	"ruleset", "sctp", "secmark", "set", "size", "skgid", "skuid", "snat", "socket", "srh",
	"symhash", "synproxy", "table", "tcp", "th", "time", "timeout", "tproxy", "type",
	"typeof", "udp", "udplite", "undefine", "update", "vlan", "vmap", "xor", "xt",
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++) {
		if (!strcmp(words[i], word))
			return true;
	}
	return false;
}
