/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame's fate as a JSON row, and as a comment for Wireshark. */
#include "prog/json_packets.h"

#include <stdio.h>
#include <string.h>

static void put_leaving(
        struct sl_json *j, const char *key, const struct sl_leaving *leaving, unsigned n)
{
	char text[SL_VIEW_TEXT];

	sl__json_array(j, key);
	for (unsigned i = 0; i < n; i++)
		sl__json_str(j, NULL, sl__view_text(&leaving[i].view, text));
	sl__json_end(j);
}

static void put_classified(struct sl_json *j, const struct sl_outcome *o)
{
	char text[32];
	const char *ct = sl__ct_text(o, text);

	sl__json_str(j, "side", o->side == SL_SIDE_IN ? "in" : "out");
	sl__json_str(j, "verdict", sl__fate_text(o->fate));
	if (ct)
		sl__json_str(j, "ct", ct);
	else
		sl__json_null(j, "ct");
}

static void put_reasons(struct sl_json *j, const struct sl_outcome *o)
{
	char text[192];
	const char *why = sl__why_text(o, text);

	if (why && (o->fate != SL_FATE_FORWARDED || o->state == SL_CT_INVALID)) {
		sl__json_array(j, "reasons");
		sl__json_str(j, NULL, why);
		sl__json_end(j);
	}
	if (!o->n_notes)
		return;
	sl__json_array(j, "remarks");
	for (unsigned i = 0; i < o->n_notes; i++)
		sl__json_str(j, NULL, o->notes[i]);
	sl__json_end(j);
}

static void put_changes(struct sl_json *j, const struct sl_outcome *o)
{
	char text[SL_VIEW_TEXT];

	if (o->altered) {
		sl__json_bool(j, "altered", true);
		put_leaving(j, "out", o->through, o->n_through);
	}
	if (o->n_back)
		put_leaving(j, "generated", o->back, o->n_back);
	if (o->sent_changed)
		sl__json_str(j, "sent_as", sl__view_text(o->sent, text));
	if (o->payload_changed) {
		sl__json_array(j, "payload_changed");
		sl__json_uint(j, NULL, o->before_len);
		sl__json_uint(j, NULL, o->after_len);
		sl__json_end(j);
	}
	if (o->wrong)
		sl__json_str(j, "wrong_delivery", o->wrong);
	if (o->beyond != SL_BEYOND_NONE)
		sl__json_str(j, "beyond", sl_beyond_name(o->beyond));
}

void sl__json_packet(struct sl_json *j, const struct sl_outcome *o)
{
	char text[SL_VIEW_TEXT];

	sl__json_object(j, NULL);
	sl__json_uint(j, "packet", o->frame->number);
	sl__json_uint(j, "ts", o->frame->ts);
	if (!o->captured) {
		sl__json_null(j, "what");
		sl__json_str(j, "verdict", sl__fate_text(o->fate));
		sl__json_str(j, "why", o->note);
		sl__json_end(j);
		return;
	}
	sl__json_str(j, "what", sl__view_text(o->captured, text));
	put_classified(j, o);
	put_reasons(j, o);
	if (o->note[0])
		sl__json_str(j, "note", o->note);
	put_changes(j, o);
	sl__json_end(j);
}

static void say(char *out, size_t size, const char *what, const char *more)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s%s", len ? "; " : "", what, more);
}

void sl__packet_comment(const struct sl_outcome *o, char *out, size_t size)
{
	char text[SL_VIEW_TEXT], number[48];
	const char *why = sl__why_text(o, text);

	snprintf(out, size, "%s", sl__fate_text(o->fate));
	if (!o->captured) {
		say(out, size, o->note, "");
		return;
	}
	if (why)
		say(out, size, why, "");
	if (sl__ct_text(o, text))
		say(out, size, "ct ", sl__ct_text(o, text));
	snprintf(number, sizeof(number), "%llu", (unsigned long long)o->flow);
	if (o->flow)
		say(out, size, "flow ", number);
	if (o->helper)
		say(out, size, "helper ", o->helper);
	for (unsigned i = 0; i < o->n_notes; i++)
		say(out, size, o->notes[i], "");
	if (o->sent_changed)
		say(out, size, "sent as ", sl__view_text(o->sent, text));
	for (unsigned i = 0; o->altered && i < o->n_through; i++)
		say(out, size, "leaves as ", sl__view_text(&o->through[i].view, text));
	snprintf(number, sizeof(number), "%u to %u bytes", o->before_len, o->after_len);
	if (o->payload_changed)
		say(out, size, "payload changed from ", number);
	if (o->wrong)
		say(out, size, "wrong delivery: ", o->wrong);
	if (o->beyond != SL_BEYOND_NONE)
		say(out, size, "beyond Linux: ", sl_beyond_name(o->beyond));
}
