/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gateway made of the real kernel, in a network namespace of this process alone:
 *
 *	   in0  192.168.0.1, fd00:1::1  [ kernel ]  out0  203.0.113.1, 2001:db8:ffff::1
 *
 * Both are TUN devices. What comes in by one leaves by the other (routes by the device of entry,
 * so that any address can stand on either side); what the gateway itself sends goes to 10.0.0.0/8
 * and fd00::/16 by in0, to others by out0, and with mark 0x77 always by in0. A write() to a TUN
 * returns when the kernel has forwarded or dropped the packet, so every answer belongs to one.
 *
 * A table of our own, loaded behind the ruleset in question, reports by nflog: how tracking
 * classed the packet, that it reached the end of postrouting or input and with which mark, and
 * that the kernel answers, which then goes its way through the rules. What the local stack would
 * answer to what it got is not the rules' doing: the kernel repeats the mark of a packet in its
 * answers, so a mark set at the end of the input hook tells these, and they are dropped; the
 * answers of rules get back the mark 0, which they have in daily life.
 */
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char observer[] =
        "table inet sluice_observer {\n"
        " map classes { type ct_state . ct_dir : verdict; elements = {\n"
        "  new . original : goto c0, new . reply : goto c1, established . original : goto c2,\n"
        "  established . reply : goto c3, related . original : goto c4, related . reply : goto c5 "
        "}; }\n"
        " chain c0 { log prefix \"3\" group 7 snaplen 64; }\n chain c1 { log prefix \"4\" group 7 "
        "snaplen 64; }\n"
        " chain c2 { log prefix \"5\" group 7 snaplen 64; }\n chain c3 { log prefix \"6\" group 7 "
        "snaplen 64; }\n"
        " chain c4 { log prefix \"7\" group 7 snaplen 64; }\n chain c5 { log prefix \"8\" group 7 "
        "snaplen 64; }\n"
        " chain class {\n"
        "  ct state invalid log prefix \"1\" group 7 snaplen 64\n"
        "  ct state untracked log prefix \"2\" group 7 snaplen 64\n"
        "  ct state . ct direction vmap @classes\n }\n"
        " chain pre { type filter hook prerouting priority -199; jump class; }\n"
        " chain out { type filter hook output priority -199; jump class; }\n"
        " chain local { type filter hook input priority 2147483600; log prefix \"L\" group 7\n"
        "  meta mark set meta mark | 0x80000000; }\n"
        " chain post { type filter hook postrouting priority 2147483600; log prefix \"P\" group 7 "
        "snaplen 64; }\n"
        " chain own { type filter hook output priority -500; meta mark & 0x80000000 != 0 drop\n"
        "  meta mark 0x6f72 fib daddr type != local accept\n"
        "  tcp flags & rst != 0 goto answer\n"
        "  icmp type { 3, 11, 12 } goto answer\n  icmpv6 type { 1, 2, 3, 4 } goto answer\n"
        "  meta mark 0x6f72 accept\n  drop; }\n"
        " chain answer { log prefix \"A\" group 7 snaplen 64\n  meta mark set 0; }\n"
        "}\n";

static const char *const sysctls[][2] = {{"ipv4/conf/all/rp_filter", "0"},
        {"ipv4/conf/default/rp_filter", "0"}, {"ipv4/conf/all/send_redirects", "0"},
        {"ipv4/conf/default/send_redirects", "0"}, {"ipv6/conf/default/addr_gen_mode", "1"},
        {"ipv6/conf/default/accept_ra", "0"}, {"ipv6/conf/default/router_solicitations", "0"},
        {"ipv4/ip_forward", "1"}, {"ipv6/conf/all/forwarding", "1"}, {"ipv4/icmp_ratelimit", "0"},
        {"ipv6/icmp/ratelimit", "0"}, {"ipv4/fwmark_reflect", "1"}, {"ipv6/fwmark_reflect", "1"},
        {"ipv6/auto_flowlabels", "0"}};
/* Where it is one for the whole machine only, it cannot be set from here, and is well as it is. */
static const char *const tracking[][2] = {{"netfilter/nf_conntrack_acct", "1"},
        {"netfilter/nf_conntrack_checksum", "0"}, {"ipv4/icmp_msgs_per_sec", "1000000"},
        {"ipv4/icmp_msgs_burst", "1000000"}};

static const char setup4[] =
        "link set lo up\nlink set in0 mtu 65535 txqueuelen 1000 up\nlink set out0 mtu 65535 "
        "txqueuelen 1000 up\n"
        "addr add 192.168.0.1/32 dev in0\naddr add 203.0.113.1/32 dev out0\n"
        "route add default dev out0 table 100\nroute add default dev in0 table 101\n"
        "route add default dev out0 table 102\nroute add 10.0.0.0/8 dev in0 table 102\n"
        "rule add iif in0 lookup 100 pref 100\nrule add iif out0 lookup 101 pref 101\n"
        "rule add iif lo fwmark 0x77 lookup 101 pref 99\nrule add iif lo lookup 102 pref 102\n";
static const char setup6[] =
        "addr add fd00:1::1/128 dev in0 nodad\naddr add 2001:db8:ffff::1/128 dev out0 nodad\n"
        "route add default dev out0 table 100\nroute add default dev in0 table 101\n"
        "route add default dev out0 table 102\nroute add fd00::/16 dev in0 table 102\n"
        "rule add iif in0 lookup 100 pref 100\nrule add iif out0 lookup 101 pref 101\n"
        "rule add iif lo fwmark 0x77 lookup 101 pref 99\nrule add iif lo lookup 102 pref 102\n";

static bool cannot(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return false;
}

static bool set_sysctl(const char *name, const char *value)
{
	char path[256];
	FILE *f;
	bool good;

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	f = fopen(path, "w");
	if (!f)
		return false;
	good = fputs(value, f) >= 0;
	return fclose(f) == 0 && good;
}

/* Run a program with `input`; its stdout and stderr go to `output`, cut at size. */
static bool run(const char *const *argv, const char *input, char *output, size_t size)
{
	int in[2], out[2], status = 0;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (pipe(in) || pipe(out))
		return cannot("pipe");
	child = fork();
	if (child == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	n = write(in[1], input, strlen(input));
	close(in[1]);
	for (;;) {
		char rest[4096];

		n = read(out[0], len + 1 < size ? output + len : rest,
		        len + 1 < size ? size - len - 1 : sizeof rest);
		if (n <= 0)
			break;
		len += len + 1 < size ? (size_t)n : 0;
	}
	if (size)
		output[len] = 0;
	close(out[0]);
	waitpid(child, &status, 0);
	return child > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

static int open_tun(const char *name)
{
	struct ifreq req = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	snprintf(req.ifr_name, sizeof req.ifr_name, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req))
		return -1;
	return fd;
}

static bool open_raw(struct kernel *k)
{
	static const int mark = OWN_MARK;

	k->raw[0] = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	k->raw[1] = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	for (unsigned i = 0; i < 2; i++)
		if (k->raw[i] < 0 || setsockopt(k->raw[i], SOL_SOCKET, SO_MARK, &mark, sizeof mark))
			return cannot("raw sockets");
	return true;
}

bool kernel_init(struct kernel *k, const char *work)
{
	static const char *const ip4[] = {"ip", "-4", "-batch", "-", NULL}, *const ip6[] = {"ip",
	                                                                            "-6", "-batch",
	                                                                            "-", NULL};
	char said[2048];

	if (unshare(CLONE_NEWNET))
		return cannot("a network namespace");
	for (unsigned i = 0; i < sizeof sysctls / sizeof *sysctls; i++)
		if (!set_sysctl(sysctls[i][0], sysctls[i][1]))
			return cannot(sysctls[i][0]);
	k->tun[FROM_IN] = open_tun("in0");
	k->tun[FROM_OUT] = open_tun("out0");
	if (k->tun[0] < 0 || k->tun[1] < 0)
		return cannot("TUN devices");
	if (!run(ip4, setup4, said, sizeof said) || !run(ip6, setup6, said, sizeof said)) {
		fprintf(stderr, "ip: %s", said);
		return false;
	}
	for (unsigned i = 0; i < sizeof tracking / sizeof *tracking; i++)
		set_sysctl(tracking[i][0], tracking[i][1]);
	k->work = strdup(work);
	return open_raw(k) && netlink_init(k);
}

/* What left the devices. */
static void take(struct kernel *k, struct outcome *out)
{
	static uint8_t data[65536];

	for (unsigned side = 0; side < 2; side++) {
		ssize_t n;

		while ((n = read(k->tun[side], data, sizeof data)) > 0) {
			if (out->fate == FATE_LOCAL || (size_t)n > OUT_MAX - out->len)
				continue;
			out->where = (uint8_t)side;
			memcpy(out->data + out->len, data, (size_t)n);
			out->len += (uint32_t)n;
			out->pieces++;
		}
	}
}

bool kernel_load(struct kernel *k, const char *file, char *said, size_t size)
{
	static const char *const nft[] = {"nft", "-f", "-", NULL};
	static struct outcome stray;
	char text[8192];

	snprintf(text, sizeof text, "flush ruleset\ninclude \"%s\"\n%s", file, observer);
	if (!run(nft, text, said, size))
		return false;
	netlink_flush(k);
	take(k, &stray); /* the kernel's own multicast, from before the observer was there */
	netlink_logged(k, &stray);
	return true;
}

const char *kernel_list(struct kernel *k)
{
	static const char *const nft[] = {"nft", "list", "ruleset", NULL};
	static char text[8 << 20];
	char *end;

	(void)k;
	run(nft, "", text, sizeof text);
	end = strstr(text, "table inet sluice_observer");
	if (end)
		*end = 0;
	return text;
}

static void send_own(struct kernel *k, const uint8_t *data, uint32_t len)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	ssize_t n;

	if (data[0] >> 4 == 4) {
		memcpy(&to4.sin_addr, data + 16, 4);
		n = sendto(k->raw[0], data, len, 0, (struct sockaddr *)&to4, sizeof to4);
	} else {
		memcpy(&to6.sin6_addr, data + 24, 16);
		n = sendto(k->raw[1], data, len, 0, (struct sockaddr *)&to6, sizeof to6);
	}
	(void)n; /* EPERM says that a rule dropped it */
}

void kernel_put(
        struct kernel *k, enum place from, const uint8_t *data, uint32_t len, struct outcome *out)
{
	memset(out, 0, offsetof(struct outcome, data));
	if (from == FROM_LOCAL)
		send_own(k, data, len);
	else if (write(k->tun[from], data, len) != (ssize_t)len)
		perror("write to a TUN device");
	netlink_logged(k, out);
	take(k, out);
	if (out->fate == FATE_FORWARDED && !out->pieces) /* to itself, and dropped there */
		out->fate = FATE_NONE;
	if (out->fate == FATE_NONE)
		out->mark = 0;
	if (out->answered) { /* where it went is the answer's fate: what it is about was dropped */
		out->answered = out->pieces; /* or else the rules dropped it too */
		if (out->fate == FATE_LOCAL)
			out->where = FROM_LOCAL;
		out->fate = FATE_NONE;
		out->mark = 0;
	}
}

void kernel_conns(struct kernel *k, struct conns *out)
{
	netlink_conns(k, out);
}
