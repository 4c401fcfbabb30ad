/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Surgery on packets: payload, TCP header, lengths, checksums.
 *
 * A checksum that was wrong stays wrong, by the same amount: the sum over everything is taken
 * before the change and made the same again after it, so that nobody's error is hidden. A
 * partial checksum holds the pseudo-header's sum and is set to the new length's. UDP's zero
 * over IPv4 (no checksum) stays zero.
 *
 * New segments are made of a template: the headers of the last packet of that direction, as
 * it left. So addresses, ports, hop count, TCP options and route are right without knowing
 * what NAT did.
 */
#include "help/segment.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "help/editlog.h"

enum { TCP_SEQ = 4, TCP_ACK = 8, TCP_FLAGS = 13, TCP_SUM = 16, TCP_URGENT = 18, UDP_LENGTH = 4,
	UDP_SUM = 6, IP4_LENGTH = 2, IP4_SUM = 10, IP6_LENGTH = 4, IP6_HEADER = 40 };
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_SACK = 5, OPTION_TIME = 8 };

/* ---- checksums and lengths ------------------------------------------------------------------- */

static uint32_t sum_offset(const struct sl_parsed *parsed)
{
	return parsed->l4 + (parsed->tuple.proto == SL_PROTO_TCP ? TCP_SUM : UDP_SUM);
}

static uint32_t pseudo(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint32_t len = parsed->len - parsed->l4;

	return parsed->tuple.family == SL_IPV4
		       ? sl__sum_ipv4(p->data + 12, p->data + 16, parsed->tuple.proto, len)
		       : sl__sum_ipv6(p->data + 8, p->data + 24, parsed->tuple.proto, len);
}

static uint16_t whole_sum(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	return sl__sum_fold(
		sl__sum(p->data + parsed->l4, parsed->len - parsed->l4, pseudo(p, parsed)));
}

uint16_t sl__segment_sum(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	return p->csum == SL_CSUM_PARTIAL ? 0 : whole_sum(p, parsed);
}

static void set_lengths(struct sl_packet *p, const struct sl_parsed *parsed)
{
	if (parsed->tuple.family == SL_IPV4) {
		uint16_t old = sl_get16(p->data + IP4_LENGTH);

		sl_put16(p->data + IP4_LENGTH, (uint16_t)parsed->len);
		sl_put16(p->data + IP4_SUM, sl__csum_update16(sl_get16(p->data + IP4_SUM), old,
						    (uint16_t)parsed->len));
	} else {
		sl_put16(p->data + IP6_LENGTH, (uint16_t)(parsed->len - IP6_HEADER));
	}
	if (parsed->tuple.proto != SL_PROTO_TCP)
		sl_put16(p->data + parsed->l4 + UDP_LENGTH, (uint16_t)(parsed->len - parsed->l4));
}

void sl__segment_seal(struct sl_packet *p, const struct sl_parsed *parsed, uint16_t sum)
{
	uint8_t *csum = p->data + sum_offset(parsed);
	bool udp = parsed->tuple.proto != SL_PROTO_TCP;

	p->altered = 1;
	set_lengths(p, parsed);
	if (p->csum == SL_CSUM_PARTIAL) {
		sl_put16(csum, sl__sum_fold(pseudo(p, parsed)));
		return;
	}
	if (udp && sl_get16(csum) == 0 && parsed->tuple.family == SL_IPV4)
		return;
	sl_put16(csum, 0);
	sl_put16(csum, sl__sum_fold((uint32_t)sum + (uint16_t)~whole_sum(p, parsed)));
	if (udp && sl_get16(csum) == 0)
		sl_put16(csum, 0xffff);
}

bool sl__segment_payload(const struct sl_help_env *env, struct sl_packet *p,
	struct sl_parsed *parsed, const void *bytes, uint32_t n)
{
	uint32_t len = parsed->payload + n, have = p->len + p->tailroom;

	if (len > 65535 + (parsed->tuple.family == SL_IPV6 ? (uint32_t)IP6_HEADER : 0))
		return false;
	if (len > have && (!env->grow || !env->grow(env->ctx, p, p->headroom, len - p->len)))
		return false;
	have = p->len + p->tailroom;
	if (len > have)
		return false;
	if (n)
		memcpy(p->data + parsed->payload, bytes, n);
	p->len = parsed->len = len;
	p->tailroom = have - len;
	return true;
}

/* ---- the TCP header -------------------------------------------------------------------------- */

void sl__segment_set_seq(struct sl_packet *p, struct sl_parsed *parsed, uint32_t seq)
{
	parsed->seq = seq;
	sl_put32(p->data + parsed->l4 + TCP_SEQ, seq);
}

void sl__segment_set_ack(struct sl_packet *p, struct sl_parsed *parsed, uint32_t ack)
{
	parsed->ack = ack;
	sl_put32(p->data + parsed->l4 + TCP_ACK, ack);
}

void sl__segment_set_flags(struct sl_packet *p, struct sl_parsed *parsed, uint8_t flags)
{
	parsed->tcp_flags = flags;
	p->data[parsed->l4 + TCP_FLAGS] = flags;
}

uint16_t sl__segment_urgent(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	return sl_get16(p->data + parsed->l4 + TCP_URGENT);
}

void sl__segment_set_urgent(struct sl_packet *p, const struct sl_parsed *parsed, uint16_t urgent)
{
	sl_put16(p->data + parsed->l4 + TCP_URGENT, urgent);
}

/* The option of that kind within [at, end) of a TCP header's options; NULL: has none. *size with kind and length. */
static uint8_t *find_option(uint8_t *at, const uint8_t *end, uint8_t kind, uint8_t *size)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return NULL;
		if (*at == kind) {
			*size = at[1];
			return at;
		}
		at += at[1];
	}
	return NULL;
}

bool sl__segment_map_sack(struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_editlog *log)
{
	uint8_t size, *option = find_option(p->data + parsed->l4 + 20, p->data + parsed->payload,
			      OPTION_SACK, &size);
	bool changed = false;

	for (unsigned at = 2; option && at + 8 <= size; at += 8) {
		uint32_t left = sl_get32(option + at), right = sl_get32(option + at + 4);
		uint32_t old_left = sl__editlog_old(log, left, SL_EDGE_END);
		uint32_t old_right = sl__editlog_old(log, right, SL_EDGE_START);

		changed = changed || left != old_left || right != old_right;
		sl_put32(option + at, old_left);
		sl_put32(option + at + 4, old_right);
	}
	return changed;
}

/* ---- new segments ---------------------------------------------------------------------------- */

void sl__segment_remember(struct sl_template *t, const struct sl_packet *p, const struct sl_parsed *parsed)
{
	t->size = 0;
	if (parsed->payload > sizeof(t->bytes))
		return;
	t->l4 = (uint16_t)parsed->l4;
	t->size = (uint16_t)parsed->payload;
	t->family = parsed->tuple.family;
	t->meta = *p;
	memcpy(t->bytes, p->data, parsed->payload);
}

void sl__segment_echo_time(struct sl_template *t, const struct sl_template *theirs)
{
	uint8_t copy[SL_TEMPLATE_MAX], size, *mine, *other;

	if (!t->size || !theirs->size)
		return;
	memcpy(copy, theirs->bytes, sizeof(copy));
	mine = find_option(t->bytes + t->l4 + 20, t->bytes + t->size, OPTION_TIME, &size);
	other = find_option(copy + theirs->l4 + 20, copy + theirs->size, OPTION_TIME, &size);
	if (mine && other && mine[1] == 10 && other[1] == 10)
		memcpy(mine + 6, other + 2, 4);
}

/* SACK blocks in the template are out of date. */
static void blank_sack(uint8_t *header, const struct sl_template *t)
{
	uint8_t size, *option = find_option(header + t->l4 + 20, header + t->size, OPTION_SACK, &size);

	if (option)
		memset(option, OPTION_NOP, size);
}

static bool emit_one(const struct sl_help_env *env, const struct sl_template *t,
	const struct sl_packet *cause, uint32_t seq, uint32_t ack, uint8_t flags,
	const uint8_t *bytes, uint32_t n)
{
	struct sl_packet p = {0};
	struct sl_parsed parsed = {.l4 = t->l4, .payload = t->size, .len = t->size + n,
		.tuple = {.proto = SL_PROTO_TCP, .family = t->family}};

	if (!env->alloc(env->ctx, &p, t->size + n))
		return false;
	memcpy(p.data, t->bytes, t->size);
	if (n)
		memcpy(p.data + t->size, bytes, n);
	p.in_if = t->meta.in_if;
	p.vrf = t->meta.vrf;
	p.mark = t->meta.mark;
	p.zone = t->meta.zone;
	p.from = t->meta.from;
	p.to = t->meta.to;
	p.dir = t->meta.dir;
	p.state = t->meta.state;
	p.out_if = t->meta.out_if;
	p.mtu = t->meta.mtu;
	p.conn = t->meta.conn;
	p.verdict = SL_ACCEPT;
	blank_sack(p.data, t);
	sl__segment_set_seq(&p, &parsed, seq);
	sl__segment_set_ack(&p, &parsed, ack);
	sl__segment_set_flags(&p, &parsed, flags);
	sl__segment_set_urgent(&p, &parsed, 0);
	p.csum = SL_CSUM_NONE;
	sl__segment_seal(&p, &parsed, 0xffff);
	env->emit(env->ctx, &p, cause);
	return true;
}

bool sl__segment_emit(const struct sl_help_env *env, const struct sl_template *t,
	const struct sl_packet *cause, uint32_t seq, uint32_t ack, uint8_t flags,
	const uint8_t *bytes, uint32_t n)
{
	uint32_t most = 65535u - t->size;

	if (!env->alloc || !env->emit || !t->size)
		return false;
	if (t->meta.mtu > t->size && most > (uint32_t)t->meta.mtu - t->size)
		most = (uint32_t)t->meta.mtu - t->size;
	while (n > most) {
		if (!emit_one(env, t, cause, seq, ack, (uint8_t)(flags & ~(SL_FIN | SL_PSH)), bytes, most))
			return false;
		seq += most;
		bytes += most;
		n -= most;
	}
	return emit_one(env, t, cause, seq, ack, flags, bytes, n);
}
