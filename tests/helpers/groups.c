/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to a group: mDNS, SSDP, DHCPv6, SLP and WS-Discovery. What is a question, for how long
 * answers are expected, and from whom.
 * Tests: helpers/mdns.c helpers/ssdp/ssdp.c helpers/dhcpv6.c helpers/slp.c helpers/wsd.c
 */
#include "tests/helpers/dialogue.h"

#include <string.h>

/* clang-format off */
#define MDNS_GROUPS {"224.0.0.251", "ff02::fb"}
#define SSDP_GROUPS {"239.255.255.250", "ff02::c"}
#define SLP_GROUPS  {"239.255.255.253", "ff02::116"}

/* ---- mDNS ------------------------------------------------------------------------------------ */

#define MDNS_QUERY "{x12340000}{x0001000000000000}{x04}pool{x05}local{x0000010001}"

static const struct row mdns[] = {
	{'c', MDNS_QUERY, "net>c udp 40000 from 5353 permanent", 0, NULL},
	{'w', "4500", NULL, 0, NULL},
	{'c', MDNS_QUERY, "-udp 40000, net>c udp 40000 from 5353 permanent", 0, NULL},
	{'w', "4500", NULL, 0, NULL},
	{0},
};

static const struct row mdns_over[] = {
	{'c', MDNS_QUERY, "net>c udp 40000 from 5353 permanent", 0, NULL},
	{'w', "5500", "-udp 40000", 0, NULL},
	{0},
};

/* From port 5353 itself: answers to it by unicast (QU) come to that port. */
static const struct row mdns_full[] = {
	{'c', MDNS_QUERY, "net>c udp 5353 from 5353 permanent", 0, NULL},
	{0},
};

static const struct row mdns_nothing[] = {
	/* an answer; an update; nothing asked; cut inside the header; empty */
	{'c', "{x00008400}{x0000000100000000}", NULL, 0, NULL},
	{'c', "{x00002800}{x0001000000000000}", NULL, 0, NULL},
	{'c', "{x00000000}{x0000000000000000}", NULL, 0, NULL},
	{'c', "{x00000000}{x00010000000000}", NULL, 0, NULL},
	{'c', "{x0000}", NULL, 0, NULL},
	{0},
};

static const struct row mdns_one[] = {
	{'c', MDNS_QUERY, NULL, 0, NULL},
	{'s', "{x12348400}{x0000000100000000}", NULL, 0, NULL},
	{0},
};

/* ---- SSDP ------------------------------------------------------------------------------------ */

#define SEARCH(headers) "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n" headers "\r\n"
#define MAN "MAN: \"ssdp:discover\"\r\n"
#define ST  "ST: ssdp:all\r\n"

static const struct row ssdp[] = {
	{'c', SEARCH(MAN "MX: 3\r\n" ST), "net>c udp 40000 permanent", 0, NULL},
	{'w', "4500", NULL, 0, NULL},
	{'c', SEARCH("mx:1\r\nMan:\"ssdp:discover\"\r\n" ST), "-udp 40000, net>c udp 40000 permanent", 0, NULL},
	{'w', "2500", NULL, 0, NULL},
	{0},
};

/* MX and two seconds; 120 of them at most. */
static const struct row ssdp_over[] = {
	{'c', SEARCH(MAN "MX: 3\r\n" ST), "net>c udp 40000 permanent", 0, NULL},
	{'w', "5500", "-udp 40000", 0, NULL},
	{'c', SEARCH(MAN "MX: 4294967295\r\n" ST), "net>c udp 40000 permanent", 0, NULL},
	{'w', "121000", NULL, 0, NULL},
	{'w', "1500", "-udp 40000", 0, NULL},
	{0},
};

static const struct row ssdp_nothing[] = {
	{'c', SEARCH("MX: 3\r\n" ST), NULL, 0, NULL},
	{'c', SEARCH(MAN ST), NULL, 0, NULL},
	{'c', SEARCH("MAN: \"ssdp:other\"\r\nMX: 3\r\n" ST), NULL, 0, NULL},
	{'c', SEARCH(MAN "MX: soon\r\n" ST), NULL, 0, NULL},
	{'c', SEARCH(MAN "MX: 3 seconds\r\n" ST), NULL, 0, NULL},
	{'c', SEARCH(MAN "MX: 4294967296\r\n" ST), NULL, 0, NULL},
	{'c', SEARCH(MAN "MX: 3\r\n" "and so on\r\n" ST), NULL, 0, NULL},
	/* behind the head's end, and in a line that goes on */
	{'c', SEARCH("\r\n" MAN "MX: 3\r\n" ST), NULL, 0, NULL},
	{'c', "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n" MAN "MX: 3\r\n\r\n", NULL, 0, NULL},
	{'c', "HTTP/1.1 200 OK\r\n" MAN "MX: 3\r\n\r\n", NULL, 0, NULL},
	{'c', "M-SEARCH", NULL, 0, NULL},
	{'c', "\r\n", NULL, 0, NULL},
	{0},
};

static const struct row ssdp_one[] = {
	{'c', SEARCH(MAN "MX: 3\r\n" ST), NULL, 0, NULL},
	{'s', "HTTP/1.1 200 OK\r\nST: ssdp:all\r\n\r\n", NULL, 0, NULL},
	{0},
};

static const struct row ssdp_wide[] = {
	{'c', SEARCH(MAN "MX: 3\r\n" ST), "*>c udp 40000 permanent", 0, NULL},
	{0},
};

/* ---- DHCPv6 ---------------------------------------------------------------------------------- */

static const struct row dhcpv6[] = {
	{'c', "{x01123456}{x00080002}{x0000}", "net>c udp 546 permanent", 0, NULL},
	{'w', "29000", NULL, 0, NULL},
	{'c', "{x03123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x04123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x05123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x06123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x08123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x09123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'c', "{x0b123457}", "-udp 546, net>c udp 546 permanent", 0, NULL},
	{'w', "31000", "-udp 546", 0, NULL},
	{'c', "{x01123456}", "net>c udp 546 permanent", 0, NULL},
	{0},
};

static const struct row dhcpv6_nothing[] = {
	/* Advertise, Reply, Reconfigure, Relay-forward, Relay-reply, no type at all */
	{'c', "{x02123456}", NULL, 0, NULL},
	{'c', "{x07123456}", NULL, 0, NULL},
	{'c', "{x0a123456}", NULL, 0, NULL},
	{'c', "{x0c123456}", NULL, 0, NULL},
	{'c', "{x0d123456}", NULL, 0, NULL},
	{'c', "{x00123456}", NULL, 0, NULL},
	/* too short; an option that is longer than the message; half of one */
	{'c', "{x011234}", NULL, 0, NULL},
	{'c', "{x01123456}{x0008000200}", NULL, 0, NULL},
	{'c', "{x01123456}{x000800}", NULL, 0, NULL},
	{0},
};

/* A relay, or whoever is no client, asks from another port. */
static const struct row dhcpv6_port[] = {
	{'c', "{x01123456}", NULL, 0, NULL},
	{0},
};

/* ---- SLP ------------------------------------------------------------------------------------- */

/* Version, function, length (3), flags, extension (3), number, the language's length, "en", and a body. */
#define SLP(version, function, length) "{x" version function "0000" length "0000000000" "1234" "0002}en"

static const struct row slp[] = {
	{'c', SLP("02", "01", "14") "{x0000}{x0000}", "net>c udp 40000 permanent", 0, NULL},
	{'w', "14000", NULL, 0, NULL},
	{'c', SLP("02", "06", "10"), "-udp 40000, net>c udp 40000 permanent", 0, NULL},
	{'c', SLP("02", "09", "10"), "-udp 40000, net>c udp 40000 permanent", 0, NULL},
	{'w', "16000", "-udp 40000", 0, NULL},
	{'c', SLP("02", "01", "10"), "net>c udp 40000 permanent", 0, NULL},
	{0},
};

static const struct row slp_nothing[] = {
	/* version 1 and 3; replies, registrations, advertisements */
	{'c', SLP("01", "01", "10"), NULL, 0, NULL},
	{'c', SLP("03", "01", "10"), NULL, 0, NULL},
	{'c', SLP("02", "02", "10"), NULL, 0, NULL},
	{'c', SLP("02", "03", "10"), NULL, 0, NULL},
	{'c', SLP("02", "08", "10"), NULL, 0, NULL},
	{'c', SLP("02", "0b", "10"), NULL, 0, NULL},
	/* shorter and longer than it says; a language that is longer than the message */
	{'c', SLP("02", "01", "11"), NULL, 0, NULL},
	{'c', SLP("02", "01", "10") "{x00}", NULL, 0, NULL},
	{'c', "{x020100000e00000000001234}{x0003}", NULL, 0, NULL},
	{'c', "{x0201}", NULL, 0, NULL},
	{0},
};

static const struct row slp_wide[] = {
	{'c', SLP("02", "01", "10"), "*>c udp 40000 permanent", 0, NULL},
	{0},
};

/* ---- WS-Discovery ---------------------------------------------------------------------------- */

#define ENVELOPE(action) "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>" \
	"<a:To>urn:x</a:To>" action "</s:Header><s:Body/></s:Envelope>"
#define OASIS     "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/"
#define MICROSOFT "http://schemas.xmlsoap.org/ws/2005/04/discovery/"

static const struct row wsd[] = {
	{'c', ENVELOPE("<a:Action>" MICROSOFT "Probe</a:Action>"), "net>c udp 40000 permanent", 0, NULL},
	{'w', "9000", NULL, 0, NULL},
	{'c', ENVELOPE("<a:Action s:mustUnderstand=\"1\">\r\n\t" OASIS "Resolve\r\n</a:Action>"),
		"-udp 40000, net>c udp 40000 permanent", 0, NULL},
	{'c', ENVELOPE("<Action>" OASIS "Probe</Action>"), "-udp 40000, net>c udp 40000 permanent", 0, NULL},
	{'w', "11000", "-udp 40000", 0, NULL},
	{'c', ENVELOPE("<a:Action>" MICROSOFT "Resolve</a:Action>"), "net>c udp 40000 permanent", 0, NULL},
	{0},
};

static const struct row wsd_nothing[] = {
	{'c', ENVELOPE("<a:Action>" MICROSOFT "Hello</a:Action>"), NULL, 0, NULL},
	{'c', ENVELOPE("<a:Action>" MICROSOFT "ProbeMatches</a:Action>"), NULL, 0, NULL},
	{'c', ENVELOPE("<a:Action>" OASIS "ResolveMatches</a:Action>"), NULL, 0, NULL},
	{'c', ENVELOPE("<a:Action>http://example.org/Probe</a:Action>"), NULL, 0, NULL},
	{'c', ENVELOPE("<a:SomeAction>" OASIS "Probe</a:SomeAction>"), NULL, 0, NULL},
	{'c', ENVELOPE("<!-- " OASIS "Probe -->"), NULL, 0, NULL},
	{'c', "<a:Action>" OASIS "Probe", NULL, 0, NULL},
	{'c', "<a:Action", NULL, 0, NULL},
	{'c', "< >", NULL, 0, NULL},
	{'c', "Action>" OASIS "Probe<", NULL, 0, NULL},
	{0},
};

static void groups(void **state)
{
#define ASK(title, called, table, ...) {.name = title, .helper = called, .rows = table, .proto = SL_PROTO_UDP, \
	.nats = NAT_NONE, __VA_ARGS__}
	static const struct dialogue all[] = {
		ASK("mDNS", "mdns", mdns, .group = MDNS_GROUPS),
		ASK("mDNS, over", "mdns", mdns_over, .group = MDNS_GROUPS),
		ASK("mDNS from 5353", "mdns", mdns_full, .group = MDNS_GROUPS, .client_port = 5353),
		ASK("no mDNS", "mdns", mdns_nothing, .group = MDNS_GROUPS),
		ASK("mDNS to one", "mdns", mdns_one, .families = 0),
		ASK("SSDP", "ssdp", ssdp, .group = SSDP_GROUPS),
		ASK("SSDP, over", "ssdp", ssdp_over, .group = SSDP_GROUPS),
		ASK("no SSDP", "ssdp", ssdp_nothing, .group = SSDP_GROUPS),
		ASK("SSDP to one", "ssdp", ssdp_one, .families = 0),
		ASK("SSDP, anyone", "ssdp", ssdp_wide, .group = {"239.255.255.250", "ff05::c"}, .set = {"ssdp_anyone=1"}),
		ASK("SSDP, anyone on the link", "ssdp", ssdp, .group = {NULL, "ff02::c"}, .set = {"ssdp_anyone=1"}),
		ASK("SSDP, wide", "ssdp", ssdp, .group = {NULL, "ff05::c"}),
		ASK("DHCPv6", "dhcpv6", dhcpv6, .group = {NULL, "ff02::1:2"}, .client_port = 546),
		ASK("no DHCPv6", "dhcpv6", dhcpv6_nothing, .group = {NULL, "ff02::1:2"}, .client_port = 546),
		ASK("DHCPv6, no client", "dhcpv6", dhcpv6_port, .group = {NULL, "ff02::1:2"}, .client_port = 547),
		ASK("SLP", "slp", slp, .group = SLP_GROUPS),
		ASK("SLP, broadcast", "slp", slp, .broadcast = true),
		ASK("no SLP", "slp", slp_nothing, .group = SLP_GROUPS),
		ASK("SLP, anyone", "slp", slp_wide, .group = {"239.255.255.253", "ff05::1:1003"}, .set = {"slp_anyone=1"}),
		ASK("SLP, anyone, broadcast", "slp", slp, .broadcast = true, .set = {"slp_anyone=1"}),
		ASK("WS-Discovery", "wsd", wsd, .group = SSDP_GROUPS),
		ASK("no WS-Discovery", "wsd", wsd_nothing, .group = SSDP_GROUPS),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- who may answer -------------------------------------------------------------------------- */

#define DNS "\x12\x34\0\0\0\1\0\0\0\0\0\0"

struct asker {
	const char *addr, *group;
	uint8_t prefix;
	enum sl_from from;
};

static bool anywhere(struct world *w, const struct sl_packet *p)
{
	(void)w, (void)p;
	return true;
}

static void ask(struct world *w, const struct asker *asker)
{
	struct scene scene = {.helper = "mdns", .proto = SL_PROTO_UDP,
		.family = strchr(asker->addr, ':') ? SL_IPV6 : SL_IPV4};
	struct sl_tuple t;
	struct sl_packet p;

	world_init(w, &scene, NAT_NONE);
	w->on_leave = anywhere;
	w->g.prefix = asker->prefix;
	w->end[0].addr = addr_of(asker->addr);
	w->end[0].to = addr_of(asker->group);
	t = tuple_from(w, SL_ORIGINAL);
	p = make_datagram(&w->g, &t, DNS, sizeof(DNS) - 1);
	p.from = (uint8_t)asker->from;
	p.in_if = asker->from == SL_FROM_LOCAL ? 0 : p.in_if;
	send_packet(w, p);
}

static enum sl_ctstate answered_by(struct world *w, const char *host, uint16_t port)
{
	struct sl_tuple t = {.src = addr_of(host), .dst = w->end[0].addr, .sport = port, .dport = 40000,
		.proto = SL_PROTO_UDP, .family = w->family};

	send_tuple(w, &t, "answer", 6);
	return (enum sl_ctstate)w->state;
}

/* Any host of the network that the asker lies in, whoever it is; nobody else; and only from the one port. */
static void who_may_answer(void **state)
{
	static const struct {
		struct asker asker;
		const char *may[2], *may_not[2];
	} cases[] = {
		{{"10.0.0.2", "224.0.0.251", 24, SL_FROM_WIRE}, {"10.0.0.77", "10.0.0.200"}, {"10.0.1.77", "198.51.100.7"}},
		{{"10.0.0.2", "224.0.0.251", 24, SL_FROM_LOCAL}, {"10.0.0.77", "10.0.0.200"}, {"10.0.1.77", "198.51.100.7"}},
		{{"10.0.0.2", "224.0.0.251", 29, SL_FROM_LOCAL}, {"10.0.0.7", "10.0.0.1"}, {"10.0.0.8", "10.0.0.77"}},
		{{"fd00::2", "ff02::fb", 64, SL_FROM_LOCAL}, {"fd00::77", "fd00::1:2:3:4"}, {"fd00:0:0:1::77", "fe80::77"}},
		/* nobody but its link can send anything to a link-local address */
		{{"fe80::2", "ff02::fb", 0, SL_FROM_LOCAL}, {"fe80::77", "fd00::77"}, {NULL, NULL}},
		{{"169.254.7.2", "224.0.0.251", 0, SL_FROM_LOCAL}, {"169.254.1.7", "10.0.0.77"}, {NULL, NULL}},
	};
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(&w, &cases[i].asker);
		assert_int_equal(w.expects, 1);
		assert_int_equal(w.beyond, SL_BEYOND_NONE);
		for (unsigned k = 0; k < 2; k++) {
			if (answered_by(&w, cases[i].may[k], 5353) != SL_CT_RELATED)
				fail_msg("%s may not answer %s", cases[i].may[k], cases[i].asker.addr);
			if (cases[i].may_not[k] && answered_by(&w, cases[i].may_not[k], 5353) != SL_CT_NEW)
				fail_msg("%s may answer %s", cases[i].may_not[k], cases[i].asker.addr);
		}
		assert_int_equal(answered_by(&w, cases[i].may[0], 5354), SL_CT_NEW);
		world_fini(&w);
	}
}

/* Nobody knows how large the asker's network is: nothing is expected, and a remark says so. */
static void unknown_network(void **state)
{
	static const struct asker asker = {"10.0.0.2", "224.0.0.251", 0, SL_FROM_WIRE};
	static struct world w;

	(void)state;
	ask(&w, &asker);
	assert_int_equal(w.expects, 0);
	assert_int_equal(w.remark, SL_WHY_HELPER_ADDRESS);
	world_fini(&w);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(groups),
	        cmocka_unit_test(who_may_answer),
	        cmocka_unit_test(unknown_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
