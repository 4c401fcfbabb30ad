/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams to be cut and put together, for the tests of both, and an embedder that counts what
 * it lent and can be told to fail. Each packet is an allocation of exactly its size, so that the
 * address sanitizer sees one byte too many.
 */
#ifndef TESTS_UNIT_FRAGMENT_LIB_H
#define TESTS_UNIT_FRAGMENT_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/fragment.h"

struct world {
	struct sl_env env;
	long memory, packets; /* live */
	long fail_after;      /* allocations, keeps and allocs that still work; < 0: all */
	uint64_t reasons[SL_WHY_COUNT];
	struct sl_fragments f;
	struct sl_frag_whole whole;
	enum sl_reason why;
	uint32_t now;
};

static inline bool may_fail(struct world *w)
{
	if (w->fail_after < 0)
		return false;
	return w->fail_after == 0 || w->fail_after-- == 0;
}

static inline void *world_alloc(void *ctx, size_t size, size_t align)
{
	struct world *w = ctx;
	void *p;

	if (may_fail(w))
		return NULL;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	assert_non_null(p);
	memset(p, 0xa5, size);
	w->memory += (long)size;
	return p;
}

static inline void world_free(void *ctx, void *p, size_t size)
{
	struct world *w = ctx;

	w->memory -= (long)size;
	free(p);
}

static inline bool packet_alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	struct world *w = ctx;

	if (may_fail(w))
		return false;
	p->handle = malloc(len + 128);
	assert_non_null(p->handle);
	p->data = (uint8_t *)p->handle + 64;
	p->len = len;
	p->headroom = p->tailroom = 64;
	w->packets++;
	return true;
}

static inline bool packet_keep(void *ctx, struct sl_packet *p)
{
	(void)p;
	return !may_fail(ctx);
}

static inline void packet_free(void *ctx, struct sl_packet *p)
{
	struct world *w = ctx;

	w->packets--;
	free(p->handle);
}

static inline void world_begin(struct world *w, uint32_t limit)
{
	struct sl_random random;
	const uint8_t seed[16] = {1, 2, 3};

	memset(w, 0, sizeof(*w));
	w->fail_after = -1;
	w->env = (struct sl_env){.mem = {world_alloc, world_free, w},
		.ctx = w,
		.alloc = packet_alloc,
		.keep = packet_keep,
		.free = packet_free};
	sl__random_init(&random, seed);
	assert_true(sl__fragments_init(&w->f, &w->env, limit, 1, &random, w->reasons));
}

static inline void world_end(struct world *w)
{
	sl__fragments_fini(&w->f);
	assert_int_equal(w->memory, 0);
	assert_int_equal(w->packets, 0);
}

/* What a datagram's fragments are made of. Zero means: an ordinary one. */
struct datagram {
	bool v6, df;
	uint8_t proto;		/* 0: UDP */
	uint8_t tos;
	uint8_t host;		/* last byte of the source */
	uint32_t id, vrf;
	const uint8_t *options; /* IPv4: options; IPv6: headers before the fragment header, a
				   destination options header */
	uint32_t options_len;
	const uint8_t *data;
};

/* Bytes [begin, end) of the datagram as a fragment, or the whole of it (more false, begin 0). */
static inline struct sl_packet make_fragment(
	struct world *w, const struct datagram *g, uint32_t begin, uint32_t end, bool more)
{
	uint32_t header = (g->v6 ? 48 : 20) + g->options_len, len = header + (end - begin);
	uint8_t proto = g->proto ? g->proto : 17;
	struct sl_packet p = {.len = len, .vrf = g->vrf, .in_if = 7, .mark = 9};
	uint8_t *d = malloc(len);

	assert_non_null(d);
	memset(d, 0, header);
	if (g->v6) {
		sl_put16(d, (uint16_t)(0x6000 | g->tos << 4));
		sl_put16(d + 4, (uint16_t)(len - 40));
		d[6] = g->options_len ? 60 : 44;
		d[7] = 64;
		memcpy(d + 8, "\x20\x01\x0d\xb8", 4);
		d[23] = g->host;
		memcpy(d + 24, "\x20\x01\x0d\xb9", 4);
		if (g->options_len)
			memcpy(d + 40, g->options, g->options_len);
		d[header - 8] = proto;
		sl_put16(d + header - 6, (uint16_t)(begin | (more ? 1 : 0)));
		sl_put32(d + header - 4, g->id);
	} else {
		d[0] = (uint8_t)(0x40 | header / 4);
		d[1] = g->tos;
		sl_put16(d + 2, (uint16_t)len);
		sl_put16(d + 4, (uint16_t)g->id);
		sl_put16(d + 6, (uint16_t)(begin / 8 | (more ? 0x2000 : 0) | (g->df ? 0x4000 : 0)));
		d[8] = 64;
		d[9] = proto;
		memcpy(d + 12, "\x0a\0\0", 3);
		d[15] = g->host;
		memcpy(d + 16, "\xc6\x33\x64\x07", 4);
		if (g->options_len)
			memcpy(d + 20, g->options, g->options_len);
		sl_put16(d + 10, sl__csum(sl__sum(d, header, 0)));
	}
	if (end > begin)
		memcpy(d + header, g->data + begin, end - begin);
	p.handle = p.data = d;
	w->packets++;
	return p;
}

/* Put a packet in; what is not kept is freed here. */
static inline enum sl_frag_result put(struct world *w, struct sl_packet p)
{
	struct sl_parsed parsed;
	enum sl_frag_result result;
	const char *bad;

	w->why = SL_WHY_NONE;
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	result = sl__fragment_add(&w->f, &p, &parsed, 0, w->now, &w->whole, &w->why);
	if (result != SL_FRAGMENT_QUEUED)
		packet_free(w, &p);
	bad = sl__fragments_check(&w->f);
	if (bad)
		fail_msg("%s", bad);
	return result;
}

static inline void fill(uint8_t *data, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8) + seed);
}

/* Is the datagram whole in w->whole, with a sound header? Frees it. */
static inline void assert_whole(struct world *w, const struct datagram *g, uint32_t len)
{
	struct sl_packet *p = &w->whole.packet;
	uint32_t header = (g->v6 ? 40 : 20) + g->options_len;

	assert_int_equal(p->len, header + len);
	assert_int_equal(p->in_if, 7);
	assert_int_equal(p->mark, 9);
	assert_int_equal(p->vrf, g->vrf);
	if (g->v6) {
		assert_int_equal(sl_get16(p->data + 4), p->len - 40);
		assert_int_equal(p->data[g->options_len ? 40 : 6], g->proto ? g->proto : 17);
	} else {
		assert_int_equal(sl_get16(p->data + 2), p->len);
		assert_int_equal(sl_get16(p->data + 6) & 0x3fff, 0);
		assert_int_equal(sl__csum(sl__sum(p->data, header, 0)), 0);
	}
	assert_memory_equal(p->data + header, g->data, len);
	packet_free(w, p);
}

#endif
