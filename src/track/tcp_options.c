/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP options that tracking reads. RFC 9293 3.1, 7323, 2018, 2385, 5925.
 */
#include "track/tcp.h"

#include "base/bytes.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_SCALE = 3, OPTION_SACK_OK = 4, OPTION_SACK = 5,
	OPTION_MD5 = 19, OPTION_AO = 29 };

#define MAX_SCALE 14

static void take_sack(struct sl_bytes blocks, struct sl_tcp_options *out)
{
	while (sl_bytes_left(&blocks) >= 8) {
		uint32_t right;

		sl_bytes_skip(&blocks, 4);
		right = sl_bytes_u32(&blocks);
		if (!out->has_sack || sl__seq_after(right, out->sack))
			out->sack = right;
		out->has_sack = true;
	}
}

static void take(uint8_t kind, struct sl_bytes value, struct sl_tcp_options *out)
{
	switch (kind) {
	case OPTION_SCALE:
		if (sl_bytes_left(&value) != 1)
			return;
		out->flags |= SL_TCPF_SCALES;
		out->scale = sl_bytes_u8(&value);
		if (out->scale > MAX_SCALE)
			out->scale = MAX_SCALE;
		return;
	case OPTION_SACK_OK:
		if (sl_bytes_left(&value) == 0)
			out->flags |= SL_TCPF_SACK;
		return;
	case OPTION_SACK:
		take_sack(value, out);
		return;
	case OPTION_MD5:
	case OPTION_AO:
		out->signed_ = true;
	}
}

void sl__tcp_options(const struct sl_packet *p, const struct sl_parsed *parsed,
	struct sl_tcp_options *out)
{
	struct sl_bytes b = sl_bytes_of(p->data + parsed->l4 + 20, parsed->payload - parsed->l4 - 20);

	*out = (struct sl_tcp_options){.any = sl_bytes_left(&b) != 0};
	while (sl_bytes_left(&b)) {
		uint8_t kind = sl_bytes_u8(&b), size;
		const uint8_t *value;

		if (kind == OPTION_END)
			return;
		if (kind == OPTION_NOP)
			continue;
		size = sl_bytes_u8(&b);
		if (size < 2)
			return;
		value = sl_bytes_pass(&b, size - 2u);
		if (!value)
			return;
		take(kind, sl_bytes_of(value, size - 2u), out);
	}
}
