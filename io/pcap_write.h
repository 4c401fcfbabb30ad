/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_PCAP_WRITE_H
#define SLUICE_IO_PCAP_WRITE_H

/* Writing raw IP packets as a nanosecond pcap (LINKTYPE_RAW). */

#include "io/sink.h"

struct sl_pcap_writer {
	struct sl_sink out; /* out.error: the first failure, in words */
};

/*
 * All three: false once any write has failed (the first failure sticks, later
 * calls write nothing).  fini closes, whatever happened, and its answer is the
 * one that counts: buffered bytes meet a full disk only there.
 */
bool sl_pcap_writer_init(struct sl_pcap_writer *w, const char *path);
/* ts in ns since 1970, below 2^32 seconds (later ones are cut to that). */
bool sl_pcap_write(struct sl_pcap_writer *w, uint64_t ts, const uint8_t *ip, uint32_t len);
bool sl_pcap_writer_fini(struct sl_pcap_writer *w);

#endif
