/* SPDX-License-Identifier: BSD-2-Clause */
/* See record.h: the writing side. A full recording ends; its beginning is what a replay needs. */
#include "prog/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/print.h"

enum { BUFFER = 1 << 20 };

bool sl__recording_init(struct sl_recording *to, const char *path, uint64_t max)
{
	const uint32_t order = SL_RECORD_ORDER;

	*to = (struct sl_recording){.f = fopen(path, "wb"), .max = max};
	if (!to->f) {
		fprintf(stderr, "sluice run: --record %s: %s\n", path, strerror(errno));
		return false;
	}
	setvbuf(to->f, NULL, _IOFBF, BUFFER);
	fwrite(SL_RECORD_MAGIC, 1, 16, to->f);
	fwrite(&order, sizeof(order), 1, to->f);
	return true;
}

void sl__recording_fini(struct sl_recording *to)
{
	if (to->f)
		fclose(to->f);
	to->f = NULL;
}

/* Room for a record of that length? Without it nothing is written any more. */
static bool room(struct sl_recording *to, size_t len)
{
	to->size += 5 + len;
	to->full |= to->size > to->max;
	return !to->full;
}

static void put_head(struct sl_recording *to, enum sl_record_kind kind, size_t len)
{
	const uint8_t letter = (uint8_t)kind;
	const uint32_t length = (uint32_t)len;

	to->full |= fwrite(&letter, 1, 1, to->f) != 1;
	fwrite(&length, sizeof(length), 1, to->f);
}

static bool begin(struct sl_recorder *r, enum sl_record_kind kind, size_t len)
{
	struct sl_recording *to = r->to;

	if (!sl__recording(r))
		return false;
	if (to->engine != r->engine) {
		if (!room(to, sizeof(r->engine)))
			return false;
		put_head(to, SL_RECORD_ENGINE, sizeof(r->engine));
		fwrite(&r->engine, sizeof(r->engine), 1, to->f);
		to->engine = r->engine;
	}
	if (!room(to, len))
		return false;
	put_head(to, kind, len);
	return true;
}

void sl__record(struct sl_recorder *r, enum sl_record_kind kind, const void *content, size_t len)
{
	if (begin(r, kind, len) && len)
		fwrite(content, 1, len, r->to->f);
}

static void put_piece(void *ctx, const char *text, size_t len)
{
	sl__print_put(ctx, text, len);
}

void sl__record_rules(struct sl_recorder *r, const struct sl_rules *rules)
{
	struct sl_print text = {0};

	if (!sl__recording(r) || !rules)
		return;
	sl_rules_print(rules, put_piece, &text);
	sl__record(r, SL_RECORD_RULES, text.bytes, text.len);
	sl__print_fini(&text);
}

static struct sl_record_packet head_of(const struct sl_packet *p)
{
	return (struct sl_record_packet){.len = p->len,
	        .headroom = p->headroom,
	        .tailroom = p->tailroom,
	        .in_if = p->in_if,
	        .vrf = p->vrf,
	        .mark = p->mark,
	        .zone = p->zone,
	        .gso_size = p->gso_size,
	        .gso = p->gso,
	        .csum = p->csum,
	        .from = p->from,
	        .cast = p->cast,
	        .handed = p->handed,
	        .inside = p->inside};
}

void sl__record_input(
        struct sl_recorder *r, const struct sl_packet *packets, unsigned n, uint64_t now)
{
	const struct sl_record_input input = {.now = now, .n = n};
	size_t len = sizeof(input);

	if (!sl__recording(r))
		return;
	for (unsigned i = 0; i < n; i++)
		len += sizeof(struct sl_record_packet) + packets[i].len;
	if (!begin(r, SL_RECORD_INPUT, len))
		return;
	fwrite(&input, sizeof(input), 1, r->to->f);
	for (unsigned i = 0; i < n; i++) {
		const struct sl_record_packet head = head_of(&packets[i]);

		fwrite(&head, sizeof(head), 1, r->to->f);
		fwrite(packets[i].data, 1, packets[i].len, r->to->f);
	}
}

void sl__record_clock(struct sl_recorder *r, uint64_t now, unsigned budget)
{
	const struct sl_record_input input = {.now = now, .n = budget};

	sl__record(r, SL_RECORD_CLOCK, &input, sizeof(input));
}

/* A head and a text behind it. */
static void put_two(struct sl_recorder *r, enum sl_record_kind kind, const void *head,
        size_t head_len, const char *text)
{
	size_t len = strlen(text);

	if (!begin(r, kind, head_len + len))
		return;
	fwrite(head, 1, head_len, r->to->f);
	fwrite(text, 1, len, r->to->f);
}

void sl__record_link(struct sl_recorder *r, uint32_t index, const char *name)
{
	put_two(r, SL_RECORD_LINK, &index, sizeof(index), name);
}

void sl__record_option(struct sl_recorder *r, char letter, const char *text)
{
	put_two(r, SL_RECORD_OPTION, &letter, 1, text);
}

void sl__record_addr(struct sl_recorder *r, const struct sl_addr *addr, bool gone)
{
	const struct sl_record_addr record = {*addr, gone};

	sl__record(r, SL_RECORD_ADDR, &record, sizeof(record));
}

/* FNV-1a, eight bytes at a time: it guards against mistakes, not against people. */
static uint64_t add(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
		hash ^= hash >> 29;
	}
	for (; len; p++, len--)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t sl__record_hash(uint64_t hash, const struct sl_packet *p, bool emitted)
{
	const uint32_t facts[] = {
	        emitted, p->verdict, p->reason, p->state, p->to, p->out_if, p->len};
	bool leaves = emitted || p->verdict == SL_ACCEPT;

	if (!emitted)
		hash = add(hash, facts, sizeof(facts));
	else
		hash = add(hash, facts + 4, sizeof(facts) - 4 * sizeof(facts[0]));
	if (p->verdict == SL_HANDOVER)
		hash = add(add(hash, &p->shard, sizeof(p->shard)), &p->handed.times, 1);
	return leaves ? add(hash, p->data, p->len) : hash;
}
