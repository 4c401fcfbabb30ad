/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing raw IP packets as pcap with nanoseconds, big-endian on every machine, so
 * that the same input gives the same file.
 */
#include "base/wire.h"
#include "io/pcap_write.h"

enum { FILE_HEADER = 24, RECORD_HEADER = 16, SNAPLEN = 262144, LINKTYPE_RAW = 101 };
#define MAGIC_NANO 0xA1B23C4Du
#define NS_PER_S   1000000000u

bool sl_pcap_writer_init(struct sl_pcap_writer *w, const char *path)
{
	uint8_t h[FILE_HEADER] = {0};

	if (!sl_sink_init(&w->out, path))
		return false;
	sl_put32(h, MAGIC_NANO);
	sl_put16(h + 4, 2);
	sl_put16(h + 6, 4);
	sl_put32(h + 16, SNAPLEN);
	sl_put32(h + 20, LINKTYPE_RAW);
	return sl_sink_write(&w->out, h, sizeof(h));
}

bool sl_pcap_write(struct sl_pcap_writer *w, uint64_t ts, const uint8_t *ip, uint32_t len)
{
	uint8_t h[RECORD_HEADER];

	sl_put32(h, (uint32_t)(ts / NS_PER_S));
	sl_put32(h + 4, (uint32_t)(ts % NS_PER_S));
	sl_put32(h + 8, len);
	sl_put32(h + 12, len);
	return sl_sink_write(&w->out, h, sizeof(h)) && sl_sink_write(&w->out, ip, len);
}

bool sl_pcap_writer_fini(struct sl_pcap_writer *w)
{
	return sl_sink_fini(&w->out);
}
