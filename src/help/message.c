/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to messages: where the next one ends, asking the helper about it, and how far the
 * bytes of one that is not complete may go on.
 */
#include "help/inner.h"

#include <string.h>

#include "track/tcp.h"

#define MESSAGE_MAX 4096


static uint32_t message_max(const struct sl_helper *helper)
{
	return helper->message_max ? helper->message_max : MESSAGE_MAX;
}

/* The value of the length field, if it is there. */
static uint32_t by_length(const struct sl_helper *helper, const uint8_t *bytes, uint32_t n)
{
	int64_t value = 0;

	if (n < (uint32_t)helper->length_offset + helper->length_size)
		return 0;
	for (unsigned i = 0; i < helper->length_size; i++)
		value = value << 8 | bytes[helper->length_offset + i];
	value += helper->length_bias;
	if (value < helper->length_offset + helper->length_size)
		value = helper->length_offset + helper->length_size;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Bytes of the first message; 0 or more than n: it is not complete. */
static uint32_t frame(struct sl_help *help, unsigned dir, const uint8_t *bytes, uint32_t n)
{
	struct sl_text text = sl_text_of(bytes, n);
	const uint8_t *lf;

	switch (help->helper->framing) {
	case SL_FRAME_LINE:
		lf = memchr(bytes, '\n', n);
		return lf ? (uint32_t)(lf - bytes) + 1 : 0;
	case SL_FRAME_LENGTH:
		return by_length(help->helper, bytes, n);
	case SL_FRAME_OWN:
		return (uint32_t)help->helper->frame(help, &text, (enum sl_dir)dir);
	case SL_FRAME_DATAGRAM:
		break;
	}
	return n;
}

enum sl_help_result sl__help_ask(struct sl_help *help, unsigned dir, const uint8_t *bytes, uint32_t n,
	uint32_t at, struct sl_editlog *log)
{
	struct sl_message message = {.text = sl_text_of(bytes, n), .dir = (enum sl_dir)dir};
	enum sl_help_result result;

	help->at = at;
	help->log = log;
	help->effective = false;
	help->refusal = SL_WHY_HELPER_DROP;
	SL_TRACE(help->owner->t, help->conn, "helper", "%s reads a message of %u bytes", help->helper->name, n);
	result = help->helper->message[dir](help, &message);
	if (result == SL_REFUSE)
		sl__editlog_undo(log, help->owner->t->mem, at);
	else
		help->refusal = SL_WHY_NONE;
	help->log = NULL;
	return result;
}

/* Without a known boundary: pass over everything up to where the next message begins. */
static void synchronise(struct sl_help *help, struct sl_stream *s)
{
	const uint8_t *bytes = sl__stream_bytes(s, s->msg), *lf;
	uint32_t n = s->next - s->msg;
	struct sl_text text = sl_text_of(bytes, n);
	size_t over = n;

	if (help->helper->framing == SL_FRAME_LINE) {
		lf = memchr(bytes, '\n', n);
		s->synced = lf != NULL;
		over = lf ? (size_t)(lf - bytes) + 1 : n;
	} else if (help->helper->sync) {
		over = help->helper->sync(help, &text, (enum sl_dir)s->dir);
		s->synced = over < n;
	}
	s->msg += over < n ? (uint32_t)over : n;
}

/* A message that is too long is passed over, as far as it is there. */
static void pass_over(struct sl_stream *s)
{
	uint32_t n = s->next - s->msg;

	n = n < s->skip ? n : s->skip;
	s->msg += n;
	s->skip -= n;
}

/* How far an incomplete message may go on. */
static uint32_t release_of(struct sl_help *help, struct sl_stream *s)
{
	uint32_t n = s->next - s->msg;
	struct sl_text begin = sl_text_of(sl__stream_bytes(s, s->msg), n);
	size_t free_bytes = 0;

	if (n == 0 || sl__help_only_reads(help))
		return s->next;
	if (help->helper->hold)
		free_bytes = help->helper->hold(help, &begin, (enum sl_dir)s->dir);
	return s->msg + (free_bytes > n ? n : (uint32_t)free_bytes);
}

/* No more of it will come: it goes as it is, and what stands behind a FIN does not belong to it. */
static void give_up(struct sl_stream *s)
{
	s->msg = s->next;
	s->synced = false;
}

bool sl__help_read(struct sl_help *help, struct sl_stream *s, const struct sl_parsed *parsed)
{
	uint32_t n;

	help->refusal = SL_WHY_NONE;
	while (sl__help_reads(help, s->dir) && s->msg != s->next) {
		const uint8_t *bytes;

		if (s->skip) {
			pass_over(s);
			continue;
		}
		if (!s->synced) {
			synchronise(help, s);
			continue;
		}
		bytes = sl__stream_bytes(s, s->msg);
		n = frame(help, s->dir, bytes, s->next - s->msg);
		if (n > message_max(help->helper)) {
			s->skip = n;
			continue;
		}
		if (n == 0 && s->next - s->msg > message_max(help->helper)) {
			s->synced = false; /* its end is not in sight */
			continue;
		}
		if (n == 0 || n > s->next - s->msg)
			break;
		help->beyond = (uint8_t)sl__linux_misses(help, parsed, s->msg);
		switch (sl__help_ask(help, s->dir, bytes, n, s->msg, &s->log)) {
		case SL_REFUSE:
			if (sl__seq_after(s->msg, s->sent))
				s->sent = s->msg;
			return false;
		case SL_LEAVE:
			help->left = true;
			break;
		case SL_PASS:
			break;
		}
		if (help->effective && help->beyond && !help->linux_known)
			sl__help_beyond(help, (enum sl_beyond)help->beyond);
		s->msg += n;
	}
	if (!sl__help_reads(help, s->dir))
		s->msg = s->sent = s->next;
	if (s->fin_seen && s->next == s->fin && s->msg != s->next && !sl__help_only_reads(help))
		give_up(s);
	n = release_of(help, s);
	if (sl__seq_after(n, s->sent))
		s->sent = n;
	return true;
}
