/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of rulesets: what is right must print the same when its print is read again; what is
 * wrong is refused with these words. Rows of `rules` stand in a chain of an inet table; rows of
 * `files` are whole files. Each text is read once more with every allocation failing in turn.
 * Tests: src/rules/lex.c src/rules/source.c src/rules/arena.c src/rules/parse*.c
 * Tests: src/rules/print*.c src/rules/check*.c src/rules/symbol.c src/rules/services.c src/rules/field.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/rules.h>

struct row {
	const char *text;
	const char *error; /* NULL: it is right */
};

static const struct row rules[] = {
        {"ip saddr 10.0.0.1 accept", NULL},
        {"ip saddr != { 10.0.0.1, 10.0.1.0/24, 10.0.2.1-10.0.2.9 } drop", NULL},
        {"ip6 saddr ::ffff:10.0.0.1 accept", NULL},
        {"ip6 daddr 2001:db8::/32 accept", NULL},
        {"ip6 daddr 1:2:3:4:5:6:7:8 accept", NULL},
        {"ip6 daddr 1:2:3:4:5:6:10.0.0.1 accept", NULL},
        {"ip6 daddr 1:2:3:4:5:6:7:8:9 accept", ""},
        {"ip6 daddr 1::2::3 accept", ""},
        {"ip6 daddr 12345::1 accept", ""},
        {"ip6 daddr ::10.0.0.300 accept", ""},
        {"ip saddr 10.0.0.256 accept", ""},
        {"ip saddr 10.0.0.1/33 accept", ""},
        {"tcp dport 65536 accept", ""},
        {"tcp dport { 22, 80-90 } accept", NULL},
        {"tcp dport 90-80 accept", ""},
        {"tcp dport vmap { 22 : accept, 23 : drop }", NULL},
        {"tcp flags & (syn | ack) == syn accept", NULL},
        {"tcp flags syn / syn,ack accept", NULL},
        {"tcp option maxseg size 1-1460 accept", NULL},
        {"tcp option window count 7 accept", NULL},
        {"tcp option sack-perm exists accept", NULL},
        {"tcp option nonsense exists accept", ""},
        {"tcp option maxseg size set rt mtu", NULL},
        {"tcp option maxseg size set 1200-1400", "one value, not a range"},
        {"meta mark set 1-4", "one value, not a range"},
        {"ct mark set 0x10/12", "one value, not a prefix"},
        {"udp length > 100 counter accept", NULL},
        {"udp length <= 100 counter packets 5 bytes 10 accept", NULL},
        {"icmp type echo-request accept", NULL},
        {"icmp type { echo-reply, destination-unreachable } accept", NULL},
        {"icmpv6 type nd-router-advert accept", NULL},
        {"icmp type nonsense accept", ""},
        {"meta l4proto { tcp, udp } accept", NULL},
        {"meta mark 0x10 accept", NULL},
        {"meta mark set 0x10", NULL},
        {"meta mark set meta mark and 0xff or 0x100", NULL},
        {"meta mark set ct mark", NULL},
        {"meta iifname \"in*\" accept", NULL},
        {"iifname { \"in0\", \"out0\" } accept", NULL},
        {"iif in0 accept", NULL},
        {"oifname != \"out0\" drop", NULL},
        {"meta length 100-200 accept", NULL},
        {"meta nfproto ipv4 accept", NULL},
        {"meta nonsense 1 accept", ""},
        {"meta pkttype broadcast drop", NULL},
        {"ct state established,related accept", NULL},
        {"ct state invalid drop", NULL},
        {"ct state nonsense drop", ""},
        {"ct status dnat accept", NULL},
        {"ct direction original accept", NULL},
        {"ct original saddr 10.0.0.1 accept", ""},
        {"ct original ip saddr 10.0.0.1 accept", NULL},
        {"ct reply ip6 daddr ::1 accept", NULL},
        {"ct original proto-dst 80 accept", "match of the transport protocol must come before"},
        {"meta l4proto tcp ct original proto-dst 80 accept", NULL},
        {"ct proto-dst 80 accept", ""},
        {"ct mark 1 accept", NULL},
        {"ct mark set 1", NULL},
        {"ct mark set meta mark", NULL},
        {"ct zone 5 accept", NULL},
        {"ct helper \"ftp\" accept", NULL},
        {"ct expiration 1m accept", NULL},
        {"ct bytes > 1000 accept", NULL},
        {"ct original packets > 10 accept", NULL},
        {"ct avgpkt > 10 accept", NULL},
        {"ct label 5 accept", ""},
        {"tcp flags & (rst | ack) > 0 accept", NULL},
        {"ct count over 10 drop", NULL},
        {"ct count 10 accept", NULL},
        {"ct nonsense 1 accept", ""},
        {"ct state set new", ""},
        {"limit rate 10/second accept", NULL},
        {"limit rate over 10/minute burst 20 packets drop", NULL},
        {"limit rate 1 mbytes/second accept", NULL},
        {"limit rate 10 kbytes/hour burst 5 kbytes accept", NULL},
        {"limit rate 10/day accept", NULL},
        {"limit rate 10/week accept", NULL},
        {"limit rate 0/second accept", "Invalid rate: 0"},
        {"limit rate 10/fortnight accept", ""},
        {"limit rate 10 accept", ""},
        {"limit rate 10 gbytes/second accept", ""},
        {"limit rate 10/second burst 0 packets accept", "burst must be > 0"},
        {"quota 10 mbytes accept", NULL},
        {"quota over 500 kbytes drop", NULL},
        {"quota until 500 bytes accept", NULL},
        {"quota 500 miles accept", ""},
        {"counter drop", NULL},
        {"log", NULL},
        {"log prefix \"seen: \" accept", NULL},
        {"log level debug", NULL},
        {"log level warn", NULL},
        {"log level nonsense", "invalid log level"},
        {"log group 2 snaplen 100 queue-threshold 5", NULL},
        {"log level debug group 2", "mutually exclusive"},
        {"log flags all", NULL},
        {"log flags tcp sequence,options flags ip options flags skuid", NULL},
        {"log flags ether", NULL},
        {"log flags nonsense", ""},
        {"reject", NULL},
        {"reject with tcp reset", NULL},
        {"reject with icmp port-unreachable", NULL},
        {"reject with icmp type host-unreachable", NULL},
        {"reject with icmpv6 no-route", NULL},
        {"reject with icmpx admin-prohibited", NULL},
        {"reject with icmp nonsense", ""},
        {"reject with nonsense", ""},
        {"jump d", NULL},
        {"goto d", NULL},
        {"jump nowhere", ""},
        {"return", NULL},
        {"continue", NULL},
        {"queue", ""},
        {"accept accept", ""},
        {"accept comment \"why\"", NULL},
        {"accept comment \"0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789012345678901234567890123456789\"",
                ""},
        {"ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 23 } accept", NULL},
        {"ip saddr . tcp dport vmap { 10.0.0.1 . 22 : drop }", NULL},
        {"ip saddr @missing accept", ""},
        {"ip saddr @s accept", NULL},
        {"add @dyn { ip saddr timeout 5m } accept", NULL},
        {"update @dyn { ip saddr timeout 1h30m }", NULL},
        {"add @dyn { ip saddr counter }", NULL},
        {"update @s { ip saddr }", NULL},
        {"ip saddr & 255.255.0.0 == 10.0.0.0 accept", NULL},
        {"ip saddr and 255.255.255.0 != 10.1.0.0 accept", NULL},
        {"ip ttl < 5 drop", NULL},
        {"ip dscp cs1 accept", NULL},
        {"ip dscp 0x20 accept", NULL},
        {"ip dscp set cs1", NULL},
        {"ip ttl set 64 accept", NULL},
        {"ip6 flowlabel set 7", NULL},
        {"ip dscp set 64", ""},
        {"ip ttl set 1-4", "one value, not a range"},
        {"ip daddr set 10.0.0.1", NULL},
        {"ip daddr set 10.0.0.0/8", "set takes one value, not a prefix"},
        {"ip length set 100", "setting this field"},
        {"tcp flags set syn,ecn", NULL},
        {"ip protocol { tcp, 89 } accept", NULL},
        {"ip frag-off & 0x1fff != 0 drop", NULL},
        {"ip version 4 accept", NULL},
        {"ip nonsense 4 accept", ""},
        {"ip6 nexthdr tcp accept", NULL},
        {"ip6 hoplimit 1 drop", NULL},
        {"ip6 flowlabel 22 accept", NULL},
        {"exthdr frag exists drop", NULL},
        {"th dport 53 accept", NULL},
        {"th sport { 53, 67 } accept", NULL},
        {"sctp dport 3868 accept", NULL},
        {"dccp dport 22 accept", NULL},
        {"udplite dport 22 accept", NULL},
        {"@th,0,16 22 accept", NULL},
        {"@nh,0,129 22 accept", "1 to 128 bits"},
        {"@ll,0,8 22 accept", "not supported: the link layer"},
        {"@xx,0,8 22 accept", "expected nh, th or ih"},
        {"@th,160,128 0x00112233445566778899aabbccddeeff accept", NULL},
        {"@nh,0,12 0x1fff accept", ""},
        {"ip option rr exists reset tcp option mptcp", NULL},
        {"ip option nop exists", "expected lsrr, ra, rr or ssrr"},
        {"tcp option 300 exists", ""},
        {"rt classid 5", "not supported: rt, what a route says"},
        {"tcp option @8,16,32 set 5 accept", NULL},
        {"fib daddr type local accept", NULL},
        {"fib saddr . iif oif 0 drop", NULL},
        {"fib saddr . iif oif missing drop", NULL},
        {"fib daddr oifname \"in0\" accept", NULL},
        {"fib mark oif 1 drop", ""},
        {"fib daddr nonsense local accept", ""},
        {"fib nonsense type local accept", ""},
        {"numgen inc mod 2 vmap { 0 : accept, 1 : drop }", NULL},
        {"numgen random mod 10 < 5 accept", NULL},
        {"numgen inc mod 0 vmap { 0 : accept }", ""},
        {"jhash ip saddr mod 4 seed 0x1 vmap { 0 : drop }", NULL},
        {"meta time > 0 accept", ""},
        {"rt mtu > 1000 accept", ""},
        {"socket transparent 1 accept", ""},
        {"osf name \"Linux\" accept", ""},
        {"ether saddr 00:11:22:33:44:55 accept", ""},
        {"vlan id 5 accept", ""},
        {"arp operation request accept", ""},
        {"ip saddr $missing accept", ""},
        {"ip saddr $", ""},
        {"ip saddr {} accept", ""},
        {"ip saddr { 10.0.0.1, } accept", NULL},
        {"ip saddr 10.0.0.1 10.0.0.2 accept", ""},
        {"tcp dport ssh accept", NULL},
        {"tcp dport { http, https } accept", NULL},
        {"udp dport nonsense accept", ""},
        {"snat to 10.0.0.1", ""},
        {"flow add @ft", NULL},
        {"flow offload @ft", NULL},
        {"flow add @nowhere", ""},
        {"synproxy mss 1460", ""},
        {"dup to 10.0.0.1", ""},
        {"notrack", NULL},
        {"ct helper set \"f\"", NULL},
        {"ct helper set \"nowhere\"", ""},
        {"ct timeout set \"ti\"", NULL},
        {"ct timeout set \"nowhere\"", ""},
        {"ct expectation set \"nowhere\"", ""},
        {"counter name \"cn\" accept", NULL},
        {"counter name \"nowhere\"", ""},
        {"quota name \"qn\" drop", NULL},
        {"limit name \"ln\" accept", NULL},
        {"counter name tcp dport map { 22 : \"cn\" }", NULL},
        {"meta mark set ip saddr map { 10.0.0.1 : 1, 10.0.0.2 : 2 }", NULL},
        {"ct mark set tcp dport map @m", NULL},
        {"tcp dport == 22 or 1 accept", NULL},
        {"tcp dport 22 | 1 accept", NULL},
        {"meta mark and 0xf0 >> 4 == 1 accept", NULL},
        {"meta mark 1 << 2 accept", NULL},
        {"meta mark ^ 1 == 3 accept", NULL},
        {"((((((((((((((((((((((((((((((((((((((((1", ""},
        {"\"text alone\"", ""},
        {"\x01", ""},
        {"ip saddr \"unended", ""},
};

/* What rules name. */
#define OBJECTS                                                                                    \
	"counter cn { packets 1 bytes 2 }\nquota qn { over 10 mbytes used 1 bytes }\n"             \
	"limit ln { rate 10/second burst 5 packets }\n"                                            \
	"ct helper f { type \"ftp\" protocol tcp; }\n"                                             \
	"ct timeout ti { protocol tcp; l3proto ip; policy = { established: 100, close: 5 }; }\n"    \
	"flowtable ft { hook ingress priority 0; devices = { in0, out0 }; }\n"                     \
	"set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }\n"                            \
	"set dyn { type ipv4_addr; flags dynamic,timeout; timeout 10m; size 100; gc-interval 1m; " \
	"}\n"                                                                                      \
	"map m { type inet_service : mark; elements = { 22 : 1, 80 : 2 } }\n"

static const struct row files[] = {
        {"", NULL},
        {"table ip t {}", NULL},
        {"table ip6 t { chain c { accept; }; }", NULL},
        {"table t { chain c { accept; }; }", NULL},
        {"table arp t {}", ""},
        {"table bridge t {}", ""},
        {"table nonsense t {}", ""},
        {"table inet t { comment \"words\"; flags dormant; }", NULL},
        {"table inet t { flags nonsense; }", ""},
        {"table inet t { nonsense }", ""},
        {"table inet t { chain c { type filter hook input priority filter + 10; policy drop; }; }",
                NULL},
        {"table inet t { chain c { type filter hook input priority -150; policy accept; }; }", NULL},
        {"table inet t { chain c { type filter hook input priority mangle - 1; }; }", NULL},
        {"define p = -10\ntable inet t { chain c { type filter hook input priority $p; }; }", NULL},
        {"define p = filter\ntable inet t { chain c { type filter hook input priority $p; }; }",
                NULL},
        {"table inet t { chain c { type filter hook input priority nonsense; }; }", ""},
        {"table inet t { chain c { type nonsense hook input priority 0; }; }", ""},
        {"table inet t { chain c { type filter hook nonsense priority 0; }; }",
                "unknown chain hook"},
        {"table inet t { chain c { type filter hook ingress priority 0; }; }", ""},
        {"table inet t { chain c { type filter hook input device in0 priority 0; }; }", ""},
        {"table inet t { chain c { type nat hook forward priority 0; }; }", ""},
        {"table inet t { chain c { type nat hook prerouting priority dstnat; policy accept; dnat "
         "ip to 10.0.0.1; }; }",
                NULL},
        {"table inet t { chain c { type nat hook prerouting priority -300; }; }", ""},
        {"table inet t { chain c { type route hook output priority mangle; }; }", NULL},
        {"table inet t { chain c { type route hook input priority 0; }; }", ""},
        {"table inet t { chain c { type filter hook input priority 0; policy nonsense; }; }", ""},
        {"table inet t { chain c { flags offload; }; }", ""},
        {"table inet t { chain c { comment \"x\"; accept; }; }", NULL},
        {"table inet t { chain c { type filter hook input priority 0; }; chain c { type filter "
         "hook output priority 0; }; }",
                ""},
        {"table inet t { chain c { accept; }\nchain c { drop; }; }", NULL},
        {"table inet t { chain c { accept }\nchain c { type filter hook input priority 0; }; }", ""},
        {"add table inet t\nadd chain inet t c\nadd rule inet t c accept", NULL},
        {"create table inet t\ncreate chain inet t c { type filter hook input priority 0; }", NULL},
        {"create table inet t\ncreate table inet t", ""},
        {"add rule inet t c accept", ""},
        {"add table inet t\nadd rule inet t c accept", ""},
        {"add table inet t\nadd chain inet t c\nadd rule inet t c position 5 accept", ""},
        {"add table inet t\nadd chain inet t c\ninsert rule inet t c drop\nadd rule inet t c "
         "accept",
                NULL},
        {"table inet t { chain c { accept; }; }\nflush chain inet t c", NULL},
        {"table inet t { chain c { accept; }; }\nflush table inet t", NULL},
        {"table inet t { chain c { accept; }; }\nflush ruleset", NULL},
        {"table ip a {}\ntable ip6 b {}\nflush ruleset ip", NULL},
        {"flush chain inet t c", ""},
        {"flush nonsense", ""},
        {"table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 } }; }\nflush set inet t s",
                NULL},
        {"table inet t { map s { type ipv4_addr : verdict; }; }\nflush map inet t s", NULL},
        {"table inet t {}\nflush set inet t s", ""},
        {"table inet t {}\ndelete table inet t", NULL},
        {"table inet a {}\ntable inet b {}\ndelete table inet a", NULL},
        {"delete table inet t", ""},
        {"table inet t { chain c {} }\ndelete chain inet t c", ""},
        {"table inet t { set s { type ipv4_addr; }; }\nadd element inet t s { 10.0.0.1, 10.0.0.2 }",
                NULL},
        {"table inet t { set s { type ipv4_addr; }; }\ndelete element inet t s { 10.0.0.1 }", ""},
        {"table inet t { }\nadd element inet t s { 10.0.0.1 }", ""},
        {"table inet t {}\nadd set inet t s { type ipv4_addr; }\nadd map inet t m { type ipv4_addr "
         ": mark; }",
                NULL},
        {"table inet t {}\nadd flowtable inet t f { hook ingress priority 0; devices = { in0 }; "
         "counter; }",
                NULL},
        {"table inet t { flowtable f { flags offload; }; }", ""},
        {"table inet t { flowtable f { nonsense; }; }", ""},
        {"list ruleset", ""},
        {"nonsense", ""},
        {"table inet t { set s { type ipv4_addr; flags constant,interval; auto-merge; policy "
         "memory; comment \"x\"; elements = { 10.0.0.0/8, 10.1.0.1 }; }; }",
                NULL},
        {"table inet t { set s { type ipv4_addr; flags nonsense; }; }", ""},
        {"table inet t { set s { type nonsense; }; }", "unknown datatype"},
        {"table inet t { set s { flags interval; }; }", "does not specify key"},
        {"table inet t { set s { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 22 } }; }",
                NULL},
        {"table inet t { set s { typeof ip saddr . tcp dport; }; }", NULL},
        {"table inet t { map s { typeof ip saddr : meta mark; elements = { 10.0.0.1 : 5 } }; }",
                NULL},
        {"table inet t { map s { typeof ip saddr : verdict; elements = { 10.0.0.1 : drop } }; }",
                NULL},
        {"table inet t { map s { type ipv4_addr : counter; }; }", NULL},
        {"table inet t { map s { type ipv4_addr : quota; }; }", NULL},
        {"table inet t { map s { type ipv4_addr : limit; }; }", NULL},
        {"table inet t { map s { type ipv4_addr; }; }", ""},
        {"table inet t { map s { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.0.0.1 "
         ": 10.0.0.2 . 22 } }; }",
                NULL},
        {"table inet t { map s { type ipv4_addr : interval ipv4_addr; elements = { 10.0.0.1 : "
         "10.0.0.2-10.0.0.9 } }; }",
                NULL},
        {"table inet t { set s { type ipv4_addr; } set s { type ipv4_addr; }; }", ""},
        {"table inet t { set s { type ipv4_addr; counter; }; }", NULL},
        {"table inet t { set s { type ipv4_addr; timeout 5x; }; }", ""},
        {"table inet t { set s { type ipv4_addr; timeout 5; }; }", NULL},
        {"table inet t { set s { type ipv4_addr; timeout 1d2h3m4s; elements = { 10.0.0.1 timeout "
         "5m } }; }",
                NULL},
        {"table inet t { ct timeout h { protocol udp; policy = { unreplied: 5, replied: 60 }; }; }",
                NULL},
        {"table inet t { set s { type ipv4_addr; timeout 1d2h3m4s; elements = { 10.0.0.1 timeout "
         "5m expires 4m } }; }",
                NULL},
        {"table inet t { set s { type ipv4_addr; elements = 10.0.0.1 } }", ""},
        {"table inet t { set s { type ipv4_addr; nonsense } }", ""},
        {"table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 counter } }; }", ""},
        {"table inet t { set s { type ether_addr; }; }", NULL},
        {"table inet t { set s { type ifname; elements = { \"in0\", \"out*\" } }; }", ""},
        {"table inet t { counter c { packets 5 bytes 6 } counter c { } }", ""},
        {"table inet t { quota q { nonsense } }", ""},
        {"table inet t { quota q { } }", ""},
        {"table inet t { limit l { } }", ""},
        {"table inet t { ct helper h { type \"nonsense\" protocol tcp; }; }", "no helper is called"},
        {"table inet t { ct helper h { protocol tcp; }; }", ""},
        {"table inet t { ct helper h { type \"ftp\" protocol icmp; }; }", ""},
        {"table inet t { ct helper h { type \"ftp\" protocol tcp; l3proto ip6; }; }", NULL},
        {"table inet t { ct helper h { type \"ftp\" protocol tcp; l3proto arp; }; }", ""},
        {"table inet t { ct nonsense h { } }", ""},
        {"table inet t { synproxy s { mss 1460 } }", ""},
        {"define a = 10.0.0.1\ndefine b = { $a, 10.0.0.2 }\ntable ip t { chain c { ip saddr $b "
         "accept; }; }",
                NULL},
        {"define a = 1\ndefine a = 2", "redefinition"},
        {"define a = 1\nredefine a = 2\ntable ip t { chain c { tcp dport $a; }; }", NULL},
        {"define a = 1\nundefine a\ntable ip t { chain c { tcp dport $a; }; }", ""},
        {"undefine a", "undefined symbol"},
        {"define = 5", ""},
        {"define a = 1 2", ""},
        {"define c = d\ntable ip t { chain d {}\nchain c { jump $c; }; }", NULL},
        {"include \"one.nft\"\ntable ip t { chain c { ip saddr $inc accept; }; }", NULL},
        {"include \"wrong.nft\"", "In file included from"},
        {"include \"itself.nft\"", "nested too deeply"},
        {"include \"missing.nft\"", "File not found"},
        {"include one", ""},
        {"include \"many*.nft\"", NULL},
        {"table ip t { chain c { accept; } # a comment\n# another\n}", NULL},
        {"table ip t { chain c { tcp dport \\\n 22 accept; }; }", NULL},
        {"table ip t { chain "
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
         "lmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz {} }",
                "name too long"},
        {"table ip t { chain c {", ""},
        {"table ip t { chain drop { } }", ""},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; snat to "
         "10.0.0.1-10.0.0.5:1000-2000 random,persistent; }; }",
                ""},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; tcp dport 1 snat to "
         "10.0.0.1-10.0.0.5:1000-2000 random,persistent; }; }",
                NULL},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; masquerade "
         "fully-random; }; }",
                NULL},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; masquerade nonsense } "
         "}",
                ""},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; udp dport 1 masquerade "
         "to :1000-2000; }; }",
                NULL},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; snat prefix to "
         "10.0.0.0/24; }; }",
                NULL},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; snat to ip saddr map { "
         "10.0.0.1 : 10.1.0.1 }; }; }",
                NULL},
        {"table ip t { chain c { type nat hook postrouting priority srcnat; snat interval to ip "
         "saddr map { 10.0.0.1 : 10.1.0.1-10.1.0.5 }; }; }",
                NULL},
        {"table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 redirect "
         "to :8080; }; }",
                NULL},
        {"table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to "
         "10.0.0.1:8080; }; }",
                NULL},
        {"table ip6 t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to "
         "[fd00::1]:8080; }; }",
                NULL},
        {"table ip6 t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to "
         "[fd00::1]-[fd00::9]:8080; }; }",
                NULL},
        {"table ip6 t { chain c { ct original saddr fd00::1 accept; }; }", NULL},
        {"table ip t { chain c { ct original saddr 10.0.0.1 ct reply daddr 10.0.0.2 accept; }; }",
                NULL},
        {"table ip t { chain a { jump b }\nchain b { jump a } }", ""},
};

/* ---- reading --------------------------------------------------------------------------------- */

struct memory {
	long held;
	unsigned long calls, fail_at;
};

static struct memory memory;
static char said[65536], printed[65536];

static void *get(void *ctx, size_t size, size_t align)
{
	struct memory *m = ctx;

	(void)align;
	if (++m->calls == m->fail_at)
		return NULL;
	m->held += (long)size;
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	((struct memory *)ctx)->held -= (long)size;
	free(p);
}

static void report(void *ctx, const char *text)
{
	(void)ctx;
	strncat(said, text, sizeof(said) - strlen(said) - 1);
}

static bool has_helper(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "nonsense") != 0;
}

static enum sl_rules_open open_text(
        void *ctx, const char *pattern, const char *from, unsigned nth, struct sl_rules_text *out)
{
	static const char *const texts[][2] = {{"one.nft", "define inc = 10.0.0.1\n"},
	        {"wrong.nft", "table ip t {\n\tnonsense\n}\n"},
	        {"itself.nft", "include \"itself.nft\"\n"}, {"many*.nft", "table ip a {}\n"},
	        {"many*.nft", "table ip b {}\n"}};

	(void)ctx, (void)from;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(texts[i][0], pattern))
			continue;
		if (i + nth >= sizeof(texts) / sizeof(texts[0]) ||
		        strcmp(texts[i + nth][0], pattern))
			return SL_RULES_NO_MORE;
		*out = (struct sl_rules_text){
		        pattern, texts[i + nth][1], strlen(texts[i + nth][1])};
		return SL_RULES_OPENED;
	}
	return SL_RULES_NO_FILE;
}

static void write_text(void *ctx, const char *text, size_t len)
{
	size_t n = strlen(ctx);

	assert_true(n + len < sizeof(printed));
	memcpy((char *)ctx + n, text, len);
	((char *)ctx)[n + len] = 0;
}

static struct sl_rules *read_rules(const char *text)
{
	struct sl_rules_env env = {.mem = {get, give, &memory},
	        .open = open_text,
	        .report = report,
	        .has_helper = has_helper};

	said[0] = 0;
	return sl_rules_read(&env, "test.nft", text, strlen(text));
}

/* Says what is wrong with a row; all rows are looked at before the test fails. */
static unsigned wrong_rows;

static void wrong(const char *text, const char *what, const char *more)
{
	wrong_rows++;
	print_error("%s\n%s\n%s\n\n", text, what, more);
}

static void check_right(const char *text, struct sl_rules *r)
{
	static char again[sizeof(printed)];
	struct sl_rules *second;

	printed[0] = again[0] = 0;
	sl_rules_print(r, write_text, printed);
	second = read_rules(printed);
	if (!second) {
		wrong(text, "is printed so that it is refused:", said);
		return;
	}
	sl_rules_print(second, write_text, again);
	if (strcmp(printed, again))
		wrong(printed, "is printed in another way when it is read again:", again);
	sl_rules_destroy(second);
}

static void check_row(const char *text, const char *error)
{
	unsigned long calls;
	struct sl_rules *r;

	memory = (struct memory){0};
	r = read_rules(text);
	calls = memory.calls;
	if (!error && !r)
		wrong(text, "is refused:", said);
	else if (!error)
		check_right(text, r);
	else if (r)
		wrong(text, "is not refused", "");
	else if (!strstr(said, error) || !strstr(said, "Error"))
		wrong(text, "is refused with other words:", said);
	sl_rules_destroy(r);
	assert_int_equal(memory.held, 0);
	for (unsigned long n = 1; n <= calls; n++) {
		memory = (struct memory){.fail_at = n};
		sl_rules_destroy(read_rules(text));
		assert_int_equal(memory.held, 0);
	}
}

static void each_rule(void **state)
{
	(void)state;
	wrong_rows = 0;
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		char text[4096];

		snprintf(text, sizeof(text),
		        "table inet t {\n%s chain d {}\n chain c {\n%s\n}\n}\n", OBJECTS,
		        rules[i].text);
		check_row(text, rules[i].error);
	}
	assert_int_equal(wrong_rows, 0);
}

static void each_file(void **state)
{
	(void)state;
	wrong_rows = 0;
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_row(files[i].text, files[i].error);
	assert_int_equal(wrong_rows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_rule), cmocka_unit_test(each_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
