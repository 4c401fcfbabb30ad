/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet line: what is put in, and what the line says of its outcome.
 */
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* ---- putting packets in ------------------------------------------------------------------ */

static void complete_tcp(struct flow *f, enum sl_dir dir, struct spec *s)
{
	struct end *me = &f->end[dir];

	if (!(s->has & HAS_FLAGS))
		s->flags = s->payload_len ? PSH | ACK : ACK;
	if (!(s->has & HAS_SEQ) || s->seq_ahead)
		s->seq += me->next;
	if (s->flags & ACK && (!(s->has & HAS_ACK) || s->ack_ahead))
		s->ack += next_expected(me);
	if (!(s->has & HAS_ACK) && !(s->flags & ACK))
		s->ack = 0;
}

static void advance(struct flow *f, enum sl_dir dir, const struct spec *s)
{
	uint32_t end = s->seq + s->payload_len + !!(s->flags & SYN) + !!(s->flags & FIN);
	struct end *me = &f->end[dir];

	/* What lies ahead of a hole is not where it goes on; only the first packet may begin
	 * anywhere. */
	if ((int32_t)(end - me->next) > 0 && (!me->sent || (int32_t)(s->seq - me->next) <= 0))
		me->next = end;
	me->sent = true;
}

static void put_in(struct player *p, struct flow *f, enum sl_dir dir, const struct spec *s)
{
	struct end *me = &f->end[dir];
	bool local;
	struct step *step;
	struct endpoint from;
	uint32_t len;

	start(p);
	len = wire_build(f, dir, s, p->packet);
	step = add_step(p, STEP_PACKET);
	step->in.data = malloc(len + 1);
	step->in.len = len;
	memcpy(step->in.data, p->packet, len);
	from = dir == SL_ORIGINAL ? f->side[0] : f->known ? f->far[1] : f->side[1];
	if (s->has & HAS_FROM)
		from = s->from;
	local = world_is_own(&from.addr);
	step->meta = (struct sl_packet){.from = local ? SL_FROM_LOCAL : SL_FROM_WIRE,
	        .in_if = local                         ? 0
	                 : world_is_inside(&from.addr) ? IN0
	                                               : OUT0,
	        .mark = s->mark,
	        .zone = s->zone,
	        .gso_size = s->gso,
	        .gso = s->gso ? f->proto == SL_PROTO_TCP ? SL_GSO_TCP : SL_GSO_UDP : SL_GSO_NONE,
	        .csum = s->partial ? SL_CSUM_PARTIAL : SL_CSUM_NONE,
	        .cast = s->cast};
	me->last_in_len = len < sizeof(me->last_in) ? len : sizeof(me->last_in);
	memcpy(me->last_in, p->packet, me->last_in_len);
	world_do(&p->world, step, 1);
	if (*p->world.bad)
		wrong("%s", p->world.bad);
	if (world_check(&p->world))
		wrong("an invariant is broken: %s", world_check(&p->world));
	p->pending.step = step;
	p->pending.steps = 1;
}

/* | [accept|local|drop|held|queued|taken] [STATE] [REASON] [beyond NAME] */
static void read_outcome(struct pending *w, struct line *line)
{
	static const char *const verdicts[] = {
	        "accept", "drop", "queued", "held", "taken", "local"};
	static const uint8_t values[] = {
	        SL_ACCEPT, SL_DROP, SL_QUEUED, SL_HELD, SL_TAKEN, SL_ACCEPT};
	struct word *word;

	while ((word = words_next(line))) {
		bool known = false;

		for (unsigned i = 0; i < 6; i++)
			if (!strcmp(word->text, verdicts[i])) {
				w->verdict = values[i];
				w->to = i == 5 ? SL_TO_LOCAL : w->to;
				known = true;
			}
		for (unsigned i = 0; i < 6; i++)
			if (!strcmp(word->text, tell_state(i))) {
				w->state = i;
				w->check_state = known = true;
			}
		if (!strcmp(word->text, "beyond") && !words_end(line)) {
			word = words_next(line);
			for (unsigned i = 0; i < SL_BEYOND_COUNT; i++)
				if (!strcmp(sl_beyond_name((enum sl_beyond)i), word->text)) {
					w->beyond = i;
					known = true;
				}
		}
		if (!known && find_reason(word->text) >= 0) {
			w->reason = (unsigned)find_reason(word->text);
			w->check_reason = known = true;
		}
		if (!known)
			wrong("%s: neither a verdict, nor a state, nor a reason's name",
			        word->text);
	}
}

void packet_statement(struct player *p, struct flow *f, enum sl_dir dir, struct line *line)
{
	struct pending *w = &p->pending;

	*w = (struct pending){.open = true,
	        .line = here.line,
	        .flow = f,
	        .dir = dir,
	        .verdict = SL_ACCEPT,
	        .beyond = SL_BEYOND_COUNT,
	        .to = SL_TO_FORWARD};
	spec_read(&w->spec, line);
	if (f->proto == SL_PROTO_TCP && !(w->spec.has & HAS_ICMP) && !w->spec.raw)
		complete_tcp(f, dir, &w->spec);
	if (words_take(line, "|"))
		read_outcome(w, line);
	put_in(p, f, dir, &w->spec);
	if (f->proto == SL_PROTO_TCP && !(w->spec.has & HAS_ICMP) && !w->spec.raw)
		advance(f, dir, &w->spec);
}
