/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_TAP_H
#define SLUICE_IO_TAP_H

/*
 * A queue of the gateway's TAP device: how packets come from the kernel and go back (bpf/steer.bpf.c).
 *
 * A frame is an IP packet in a block of memory, with room before it for what the device wants to
 * see there:
 *
 *	block ... | virtio_net_hdr (10) | sl_steer_meta (12) + type (2) | IP packet | tail room
 *	          |<------------- SL_TAP_HEADER ----------------------->|^ 64-byte aligned
 *
 * Segmentation and checksums stay undone (IFF_VNET_HDR): a TCP super-packet comes as one frame,
 * and goes back as one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/sluice.h>

#include "bpf/steer.h"

enum {
	SL_TAP_HEADER = 24,          /* what the device puts before a packet */
	SL_TAP_ROOM = 256,           /* before a packet, SL_TAP_HEADER included */
	SL_TAP_LARGEST = 65536 + 64, /* of a packet, about */
	SL_TAP_TAIL = 2048,          /* behind the largest packet */
	SL_TAP_BLOCK = SL_TAP_ROOM + SL_TAP_LARGEST + SL_TAP_TAIL,
};

struct sl_tap {
	int fd; /* -1: closed */
	uint32_t ifindex;
	char name[16];
	uint64_t read_errors, write_errors;
};

/*
 * Make a device of that name (may end in %d), with its first queue, and bring it up; queues: how many it
 * will have. False: said on stderr.
 */
bool sl_tap_init(struct sl_tap *tap, const char *name, unsigned queues);
/* One more queue of the same device. False: said on stderr. */
bool sl_tap_join(struct sl_tap *tap, const struct sl_tap *first);
/* The program that chooses among them (bpf/steer.bpf.c, sl_queue). */
bool sl_tap_steer(struct sl_tap *tap, int program);
/* The device is gone with its last queue. */
void sl_tap_fini(struct sl_tap *tap);

/*
 * Read one frame into a block of SL_TAP_BLOCK bytes, and describe it as a packet put in: data,
 * len, rooms (without SL_TAP_HEADER bytes), in_if, mark, gso, csum, from, cast; out_if of a local
 * program's is the one that the stack chose. False: there is none now. Frames that are not from sl_in and sl_out are skipped.
 */
bool sl_tap_read(struct sl_tap *tap, uint8_t *block, struct sl_packet *p);

/*
 * Write p, with SL_TAP_HEADER writable bytes before p->data. `meta` says where it goes.
 */
bool sl_tap_write(struct sl_tap *tap, const struct sl_packet *p, const struct sl_steer_meta *meta);

#endif
