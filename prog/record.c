/* SPDX-License-Identifier: BSD-2-Clause */
/* See record.h: the writing side. A full recording ends; its beginning is what a replay needs. */
#include "prog/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/print.h"

enum { BUFFER = 1 << 20 };

bool sl__recorder_init(struct sl_recorder *r, const char *path, uint64_t max)
{
	const uint32_t order = SL_RECORD_ORDER;

	*r = (struct sl_recorder){.f = fopen(path, "wb"), .max = max};
	if (!r->f) {
		fprintf(stderr, "sluice run: --record %s: %s\n", path, strerror(errno));
		return false;
	}
	setvbuf(r->f, NULL, _IOFBF, BUFFER);
	fwrite(SL_RECORD_MAGIC, 1, 16, r->f);
	fwrite(&order, sizeof(order), 1, r->f);
	return true;
}

void sl__recorder_fini(struct sl_recorder *r)
{
	if (r->f)
		fclose(r->f);
	r->f = NULL;
}

/* Room for a record of that length? Without it nothing is written any more. */
static bool begin(struct sl_recorder *r, enum sl_record_kind kind, size_t len)
{
	const uint8_t letter = (uint8_t)kind;
	const uint32_t length = (uint32_t)len;

	if (!r->f || r->full)
		return false;
	r->size += 5 + len;
	if (r->size > r->max || fwrite(&letter, 1, 1, r->f) != 1) {
		r->full = true;
		return false;
	}
	fwrite(&length, sizeof(length), 1, r->f);
	return true;
}

void sl__record(struct sl_recorder *r, enum sl_record_kind kind, const void *content, size_t len)
{
	if (begin(r, kind, len) && len)
		fwrite(content, 1, len, r->f);
}

static void put_piece(void *ctx, const char *text, size_t len)
{
	sl__print_put(ctx, text, len);
}

void sl__record_rules(struct sl_recorder *r, const struct sl_rules *rules)
{
	struct sl_print text = {0};

	if (!r->f || !rules)
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
	        .cast = p->cast};
}

void sl__record_input(
        struct sl_recorder *r, const struct sl_packet *packets, unsigned n, uint64_t now)
{
	const struct sl_record_input input = {.now = now, .n = n};
	size_t len = sizeof(input);

	if (!r->f || r->full)
		return;
	for (unsigned i = 0; i < n; i++)
		len += sizeof(struct sl_record_packet) + packets[i].len;
	if (!begin(r, SL_RECORD_INPUT, len))
		return;
	fwrite(&input, sizeof(input), 1, r->f);
	for (unsigned i = 0; i < n; i++) {
		const struct sl_record_packet head = head_of(&packets[i]);

		fwrite(&head, sizeof(head), 1, r->f);
		fwrite(packets[i].data, 1, packets[i].len, r->f);
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
	fwrite(head, 1, head_len, r->f);
	fwrite(text, 1, len, r->f);
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
	return leaves ? add(hash, p->data, p->len) : hash;
}
