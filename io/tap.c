/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet costs one read() and one write(), whatever its size; a super-packet of 64 KiB too.
 *
 * One device for all interfaces instead of one for each: then one descriptor is waited for, one
 * batch holds what came by any interface, in the order in which it came, and a packet from one
 * interface to another is written to where it was read from. What would be lost, the interface it
 * came by, stands in the place of the Ethernet addresses.
 */
#include "io/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "track/parse.h"

enum { QUEUE = 4096, IPV4 = 0x0800, IPV6 = 0x86dd, ETHER = 14 };
enum { TCP_CSUM = 16, UDP_CSUM = 6 };

/* Not in the headers of every system that has the feature. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* ---- the device ------------------------------------------------------------------------------ */

static bool complain(const char *what)
{
	fprintf(stderr, "sluice: %s: %s\n", what, strerror(errno));
	return false;
}

static void set(const char *format, const char *name, const char *value)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), format, name);
	f = fopen(path, "w");
	if (!f)
		return;
	fputs(value, f);
	fclose(f);
}

/* A mask of all cores, as sysfs takes it: groups of 32, the highest first. */
static void all_cores(char *text, size_t size)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at = 0;

	for (long group = n > 512 ? 15 : (n - 1) / 32; group >= 0; group--) {
		long here = n - group * 32 > 32 ? 32 : n - group * 32;

		at += (size_t)snprintf(text + at, size - at, "%x%s",
		        here == 32 ? 0xffffffffu : (1u << here) - 1, group ? "," : "");
	}
}

/*
 * The kernel would greet its neighbours on the device: not that. A write() carries its packet to
 * the end of its way, perhaps up to a local program's socket; receive steering shares that work
 * among the cores, flow by flow. Where /sys is closed to us, it all stays with the thread that
 * writes.
 */
static void settle(const char *name)
{
	char cores[160] = "1";

	all_cores(cores, sizeof(cores));
	set("/proc/sys/net/ipv6/conf/%s/disable_ipv6", name, "1");
	set("/sys/class/net/%s/queues/rx-0/rps_cpus", name, cores);
}

static bool bring_up(struct sl_tap *tap)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};
	bool done;

	if (s < 0)
		return complain("socket");
	memcpy(ifr.ifr_name, tap->name, sizeof(tap->name));
	ifr.ifr_qlen = QUEUE;
	(void)ioctl(s, SIOCSIFTXQLEN, &ifr);
	ifr.ifr_mtu = 65521;
	(void)ioctl(s, SIOCSIFMTU, &ifr);
	ifr.ifr_flags = IFF_UP | IFF_NOARP;
	done = ioctl(s, SIOCSIFFLAGS, &ifr) == 0;
	if (done && ioctl(s, SIOCGIFINDEX, &ifr) == 0)
		tap->ifindex = (uint32_t)ifr.ifr_ifindex;
	close(s);
	return (done && tap->ifindex) || complain(tap->name);
}

static void offload(struct sl_tap *tap)
{
	unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (ioctl(tap->fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) != 0)
		(void)ioctl(tap->fd, TUNSETOFFLOAD, base);
}

/* A queue of the device of that name, which is made with the first. */
/* first: the device is made, and must not be another gateway's, whose packets a second queue would get. */
static bool open_queue(struct sl_tap *tap, const char *name, unsigned queues, bool first)
{
	unsigned flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0) |
	                 (first ? IFF_TUN_EXCL : 0);
	struct ifreq ifr = {.ifr_flags = (short)flags};

	*tap = (struct sl_tap){.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
	if (tap->fd < 0)
		return complain(
		        "/dev/net/tun (is the module tun there, and the device in this container?)");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(tap->fd, TUNSETIFF, &ifr) != 0) {
		complain(
		        errno == EPERM
		                ? "a TAP device cannot be made without CAP_NET_ADMIN"
		                : "a TAP device cannot be made (has another interface the name of --tap?)");
		sl_tap_fini(tap);
		return false;
	}
	memcpy(tap->name, ifr.ifr_name, sizeof(tap->name));
	offload(tap);
	return true;
}

bool sl_tap_init(struct sl_tap *tap, const char *name, unsigned queues)
{
	if (!open_queue(tap, name, queues, true))
		return false;
	settle(tap->name);
	if (bring_up(tap))
		return true;
	sl_tap_fini(tap);
	return false;
}

bool sl_tap_join(struct sl_tap *tap, const struct sl_tap *first)
{
	if (!open_queue(tap, first->name, 2, false))
		return false;
	tap->ifindex = first->ifindex;
	return true;
}

bool sl_tap_steer(struct sl_tap *tap, int program)
{
	return ioctl(tap->fd, TUNSETSTEERINGEBPF, &program) == 0 ||
	       complain("the TAP device's queues");
}

void sl_tap_fini(struct sl_tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	tap->fd = -1;
}

/* ---- in ------------------------------------------------------------------------------------- */

static uint8_t gso_of(uint8_t type)
{
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return SL_GSO_TCP;
	case VIRTIO_NET_HDR_GSO_UDP:
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return SL_GSO_UDP;
	}
	return SL_GSO_NONE;
}

static bool describe(uint8_t *block, uint32_t len, struct sl_packet *p)
{
	uint8_t *head = block + SL_TAP_ROOM - SL_TAP_HEADER;
	struct virtio_net_hdr vnet;
	struct sl_steer_meta meta;

	memcpy(&vnet, head, sizeof(vnet));
	memcpy(&meta, head + sizeof(vnet), sizeof(meta));
	if (meta.what != SL_STEER_FROM_WIRE && meta.what != SL_STEER_FROM_LOCAL)
		return false;
	*p = (struct sl_packet){.data = block + SL_TAP_ROOM,
	        .len = len,
	        .headroom = SL_TAP_ROOM - SL_TAP_HEADER,
	        .tailroom = SL_TAP_BLOCK - SL_TAP_ROOM - len,
	        .mark = meta.mark,
	        .gso = gso_of(vnet.gso_type),
	        .cast = meta.cast};
	if (meta.what == SL_STEER_FROM_WIRE) {
		p->in_if = meta.ifindex;
	} else {
		p->from = SL_FROM_LOCAL;
		p->out_if = meta.ifindex;
	}
	if (p->gso)
		p->gso_size = vnet.gso_size;
	if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		p->csum = SL_CSUM_PARTIAL;
	else if (vnet.flags & VIRTIO_NET_HDR_F_DATA_VALID)
		p->csum = SL_CSUM_CHECKED;
	return true;
}

bool sl_tap_read(struct sl_tap *tap, uint8_t *block, struct sl_packet *p)
{
	for (;;) {
		ssize_t got = read(tap->fd, block + SL_TAP_ROOM - SL_TAP_HEADER,
		        SL_TAP_HEADER + SL_TAP_LARGEST);

		if (got > SL_TAP_HEADER && describe(block, (uint32_t)got - SL_TAP_HEADER, p))
			return true;
		if (got >= 0)
			continue; /* not one of ours */
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			tap->read_errors++;
		return false;
	}
}

/* ---- out ------------------------------------------------------------------------------------ */

/* What the header says of segments and checksums. False: it cannot be said. */
static bool put_vnet(const struct sl_packet *p, bool v6, struct virtio_net_hdr *vnet)
{
	struct sl_parsed parsed;

	if (p->csum == SL_CSUM_CHECKED)
		vnet->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (p->csum != SL_CSUM_PARTIAL)
		return p->gso == SL_GSO_NONE;
	if (sl__parse_fatal(sl__parse(p, &parsed)) || parsed.l4 >= p->len)
		return false;
	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->csum_start = (uint16_t)(parsed.l4 + ETHER);
	vnet->csum_offset = parsed.tuple.proto == SL_PROTO_TCP ? TCP_CSUM : UDP_CSUM;
	if (p->gso == SL_GSO_NONE)
		return true;
	vnet->gso_size = p->gso_size;
	vnet->hdr_len = (uint16_t)(parsed.payload + ETHER);
	if (p->gso == SL_GSO_UDP)
		vnet->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	else
		vnet->gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	if (parsed.tuple.proto == SL_PROTO_TCP && parsed.tcp_flags & SL_CWR)
		vnet->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	return true;
}

bool sl_tap_write(struct sl_tap *tap, const struct sl_packet *p, const struct sl_steer_meta *meta)
{
	bool v6 = p->len && p->data[0] >> 4 == 6;
	uint8_t *head = p->data - SL_TAP_HEADER;
	struct virtio_net_hdr vnet = {0};
	size_t len = SL_TAP_HEADER + (size_t)p->len;
	ssize_t put;

	if (!put_vnet(p, v6, &vnet)) {
		tap->write_errors++;
		return false;
	}
	memcpy(head, &vnet, sizeof(vnet));
	memcpy(head + sizeof(vnet), meta, sizeof(*meta));
	sl_put16(head + sizeof(vnet) + sizeof(*meta), v6 ? IPV6 : IPV4);
	do
		put = write(tap->fd, head, len);
	while (put < 0 && errno == EINTR);
	if (put == (ssize_t)len)
		return true;
	tap->write_errors++;
	return false;
}
