/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a script (script.h), each put through the kernel and through sluice; what became of
 * its packet on both sides is held against each other.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "script.h"
#include "talk.h"

/* By half: kernel, sluice. */
struct flow {
	struct outcome out[2]; /* of its last packet */
	struct talk talk[2];
};

static const char *const places[] = {"in0", "out0", "local"};
static const char *const classes[] = {"-", "INVALID", "UNTRACKED", "NEW original", "NEW reply",
        "ESTABLISHED original", "ESTABLISHED reply", "RELATED original", "RELATED reply", "?"};

static const char *fate_text(const struct outcome *o, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s in %u (%s, mark 0x%x%s%s)",
	        o->fate == FATE_FORWARDED ? "forwarded to "
	        : o->fate == FATE_LOCAL   ? "local"
	                                  : "dropped",
	        o->fate == FATE_FORWARDED ? places[o->where] : "", o->answered ? ", answered" : "",
	        o->pieces, classes[o->ct < 9 ? o->ct : 9], o->mark, o->why ? ", " : "",
	        o->why ? o->why : "");
	return out;
}

/* Pieces of IPv6 get an identification of the gateway's own. */
static void settle_pieces(struct outcome *o)
{
	uint32_t at = 0, len;

	for (; at + 48 <= o->len && o->data[at] >> 4 == 6; at += 40 + len) {
		len = (uint32_t)o->data[at + 4] << 8 | o->data[at + 5];
		if (o->data[at + 6] == 44)
			memset(o->data + at + 44, 0, 4);
	}
}

/*
 * What is left to chance: choices of NAT; what the kernel draws by lot, as the id of an ICMP error.
 * And the sum of a reset to a local program, which it leaves undone.
 */
static void settle(const struct run *r, struct outcome *o)
{
	loose_packet(&r->loose, o);
	settle_pieces(o);
	if (!o->answered || o->len < 40 || o->data[0] >> 4 == 6)
		return;
	if (o->data[9] == 1) {
		memset(o->data + 4, 0, 2);
		memset(o->data + 10, 0, 2);
	} else if (o->where == FROM_LOCAL) {
		memset(o->data + 36, 0, 2);
	}
}

/* The kernel's log does not have a class when raw chains dropped the packet; nor does sluice's
 * matter then. */
static void compare_outcome(
        struct run *r, const uint8_t *data, uint32_t len, struct outcome *k, struct outcome *s)
{
	char a[200], b[200], *what;
	bool same = k->fate == s->fate && k->answered == s->answered && k->mark == s->mark &&
	            k->pieces == s->pieces && (k->ct == s->ct || !k->ct) &&
	            (!k->pieces || k->fate == FATE_LOCAL || k->where == s->where);

	if (!same) {
		char *h = hex(data, len < 60 ? len : 60);

		differ(r, h, fate_text(k, a, sizeof a), fate_text(s, b, sizeof b));
		free(h);
		return;
	}
	settle(r, k);
	settle(r, s);
	if (!k->pieces)
		return;
	if (k->len != s->len || memcmp(k->data, s->data, k->len)) {
		char *x = hex(k->data, k->len), *y = hex(s->data, s->len);

		what = hex(data, len);
		differ(r, what, x, y);
		free(x);
		free(y);
		free(what);
	}
}

/* ---- packets ---- */

static struct flow *flow_of(struct run *r, unsigned flow)
{
	if (!r->flows[flow])
		r->flows[flow] = calloc(1, sizeof *r->flows[flow]);
	return r->flows[flow];
}

static void put(struct run *r, unsigned flow, enum place from, const uint8_t *data[2],
        const uint32_t len[2])
{
	static struct outcome k, s; /* copies: what is left to chance is taken out of them */
	struct flow *f = flow_of(r, flow);

	if (r->kernel)
		kernel_put(r->kernel, from, data[0], len[0], &f->out[0]);
	else
		half_put(r->asked, from, data[0], len[0], &f->out[0]);
	half_put(r->half, from, data[1], len[1], &f->out[1]);
	total.packets++;
	k = f->out[0];
	s = f->out[1];
	compare_outcome(r, data[0], len[0], &k, &s);
}

static void put_original(struct run *r, const struct step *step, uint8_t *data)
{
	if (!(step->options & 1))
		script_checksums(data, step->len);
	put(r, step->flow, (enum place)step->kind, (const uint8_t *[2]){data, data},
	        (const uint32_t[2]){step->len, step->len});
}

static bool came_whole(const struct outcome *o)
{
	return o->fate != FATE_NONE && o->pieces == 1;
}

/* An answer, or an error; made for each half from what came out of it. */
static void put_answer(struct run *r, const struct step *step, const uint8_t *how)
{
	static uint8_t made[2][OUT_MAX + 64];
	const struct flow *f = flow_of(r, step->flow);
	uint32_t len[2];

	if (!came_whole(&f->out[0]) || !came_whole(&f->out[1]))
		return;
	for (unsigned i = 0; i < 2; i++) {
		const struct outcome *o = &f->out[i];
		struct step_reply reply;

		memcpy(&reply, how, step->kind == STEP_REPLY ? sizeof reply : 2);
		len[i] = step->kind == STEP_REPLY
		                 ? script_reply(&reply, o->data, o->len, made[i])
		                 : script_error(how[0], how[1], o->data, o->len, made[i]);
		if (!len[i] || len[i] > PACKET_MAX)
			return;
	}
	put(r, step->flow, f->out[0].fate == FATE_LOCAL ? FROM_LOCAL : (enum place)f->out[0].where,
	        (const uint8_t *[2]){made[0], made[1]}, len);
}

/* ---- conversations ---- */

static void open_talk(struct run *r, const struct step *step, const uint8_t *data)
{
	struct flow *f = flow_of(r, step->flow);
	struct talk_open how;

	memcpy(&how, data, sizeof how);
	for (unsigned i = 0; i < 2; i++)
		talk_open(&f->talk[i], &how);
}

static void follow_talk(struct run *r, const struct step *step, const uint8_t *data)
{
	struct flow *f = flow_of(r, step->flow);
	struct talk_follow how;
	bool led[2];

	memcpy(&how, data, sizeof how);
	for (unsigned i = 0; i < 2; i++)
		led[i] = talk_follow(&f->talk[i], &how, &flow_of(r, how.of)->talk[i]);
	if (led[0] != led[1])
		differ(r, "what was announced", led[0] ? "leads on" : "leads nowhere",
		        led[1] ? "leads on" : "leads nowhere");
}

static void say(struct run *r, const struct step *step, const uint8_t *data)
{
	static uint8_t made[2][PACKET_MAX];
	struct flow *f = flow_of(r, step->flow);
	struct talk_say how;
	uint32_t len[2];

	memcpy(&how, data, sizeof how);
	for (unsigned i = 0; i < 2; i++)
		len[i] = talk_say(&f->talk[i], &how, (const char *)data + sizeof how,
		        step->len - (uint32_t)sizeof how, made[i]);
	if (!len[0] || !len[1])
		return;
	put(r, step->flow, (enum place)f->talk[0].end[how.speaker].place,
	        (const uint8_t *[2]){made[0], made[1]}, len);
	for (unsigned i = 0; i < 2; i++)
		talk_heard(&f->talk[i], how.speaker, made[i], &f->out[i]);
}

/* ---- the script ---- */

static void one_step(struct run *r, const struct step *step, uint8_t *data)
{
	uint32_t ms;

	switch (step->kind) {
	case STEP_IN:
	case STEP_OUT:
	case STEP_LOCAL:
		put_original(r, step, data);
		break;
	case STEP_REPLY:
	case STEP_ERROR:
		put_answer(r, step, data);
		break;
	case STEP_WAIT:
		memcpy(&ms, data, sizeof ms);
		if (r->kernel)
			usleep(ms * 1000);
		else
			half_wait(r->asked, ms);
		half_wait(r->half, ms);
		break;
	case STEP_OPEN:
		open_talk(r, step, data);
		break;
	case STEP_FOLLOW:
		follow_talk(r, step, data);
		break;
	case STEP_SAY:
		say(r, step, data);
		break;
	}
}

bool steps(struct run *r, const char *file)
{
	FILE *f = fopen(file, "rb");
	struct step step;
	uint8_t data[PACKET_MAX];

	if (!f) {
		perror(file);
		return false;
	}
	for (r->step = 1; fread(&step, sizeof step, 1, f) == 1; r->step++) {
		if (step.len > sizeof data || fread(data, 1, step.len, f) != step.len) {
			differ(r, "the script", "a step is too long", "or cut short");
			break;
		}
		one_step(r, &step, data);
	}
	fclose(f);
	return true;
}
