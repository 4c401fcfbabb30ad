/* SPDX-License-Identifier: BSD-2-Clause */
/* See helper.h: the IP packets of a capture, with what TCP and UDP need; and a capture to be written. */
#include "prog/helper.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/capture.h"
#include "io/link.h"
#include "io/pcap_write.h"
#include "track/parse.h"

struct sl_helper_capture {
	struct sl_capture capture;
	uint8_t room[SL_LINK_BUFFER_SIZE];
};

struct sl_helper_capture *sl__helper_capture_open(const char *path)
{
	struct sl_helper_capture *c = calloc(1, sizeof(*c));

	if (c && sl_capture_init(&c->capture, path))
		return c;
	fprintf(stderr, "sluice helper: %s\n", c ? c->capture.error : "no memory");
	sl__helper_capture_close(c);
	return NULL;
}

void sl__helper_capture_close(struct sl_helper_capture *c)
{
	if (!c)
		return;
	sl_capture_fini(&c->capture);
	free(c);
}

static void find_transport(struct sl_helper_packet *p)
{
	struct sl_packet packet = {.data = (uint8_t *)(uintptr_t)p->ip, .len = p->len};
	struct sl_parsed parsed;

	if (sl__parse(&packet, &parsed) != SL_WHY_NONE || parsed.frag ||
	        (parsed.tuple.proto != SL_PROTO_TCP && parsed.tuple.proto != SL_PROTO_UDP))
		return;
	p->len = parsed.len;
	p->proto = parsed.tuple.proto;
	p->l4 = parsed.l4;
	p->payload = parsed.payload;
}

bool sl__helper_capture_next(struct sl_helper_capture *c, struct sl_helper_packet *p)
{
	struct sl_link_packet ip;
	struct sl_frame frame;

	while (sl_capture_next(&c->capture, &frame) == SL_CAPTURE_FRAME) {
		if (!sl_link_packet(frame.linktype, frame.data, frame.caplen, c->room, &ip))
			continue;
		*p = (struct sl_helper_packet){.ts = frame.ts, .ip = ip.data, .len = ip.len};
		find_transport(p);
		return true;
	}
	return false;
}

struct sl_helper_writer {
	struct sl_pcap_writer pcap;
};

struct sl_helper_writer *sl__helper_writer_open(const char *path)
{
	struct sl_helper_writer *w = calloc(1, sizeof(*w));

	if (w && sl_pcap_writer_init(&w->pcap, path))
		return w;
	free(w);
	return NULL;
}

void sl__helper_write(struct sl_helper_writer *w, uint64_t ts, const uint8_t *ip, uint32_t len)
{
	sl_pcap_write(&w->pcap, ts, ip, len); /* a failure is told when it is closed */
}

bool sl__helper_writer_close(struct sl_helper_writer *w)
{
	bool ok = sl_pcap_writer_fini(&w->pcap);

	free(w);
	return ok;
}
